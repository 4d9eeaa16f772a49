//! What follows the health events of a partition, for a person.

use super::grid::{Column, Grid};
use super::style::Paint;
use crate::plan::{Plan, PlannedPartition};
use crate::quantity::show_time;
use partita_abi::health::{Action, Kind as Event};
use partita_abi::table::{Restart, WatchdogStart};
use std::fmt::Write;

/// Appends the events by what follows them, the limits of restarts, watchdog and interrupts.
pub(super) fn health(plan: &Plan, partition: &PlannedPartition, paint: Paint, out: &mut String) {
    line!(out, "\n  When something goes wrong");
    let health = &partition.health;
    let mut grid = Grid::new(&[Column::Left; 2]);
    for action in Action::ALL {
        let events: Vec<String> = Event::ALL
            .into_iter()
            .filter(|event| health.action(*event) == action)
            .map(|event| {
                let told = health.notified(event);
                match told.and_then(|told| plan.partitions.get(told)) {
                    Some(told) => format!("{} (tells {})", event.name(), told.name),
                    None => event.name().to_owned(),
                }
            })
            .collect();
        if !events.is_empty() {
            grid.row([action.name().to_owned(), events.join(", ")]);
        }
    }
    grid.print(paint, out);
    line!(out, "  {}", restart(&health.restart));
    let start = match health.watchdog_start {
        WatchdogStart::Boot => "with the partition",
        WatchdogStart::FirstUse => "at its first use",
    };
    match health.watchdog_ns {
        0 => line!(out, "  no watchdog"),
        timeout => line!(out, "  watchdog of {}, starts {start}", show_time(timeout)),
    }
    if health.storm_limit != 0 && !partition.lines.is_empty() {
        let within = show_time(health.storm_within_ns);
        line!(
            out,
            "  {} interrupts in {within} at most",
            health.storm_limit
        );
    }
}

fn restart(restart: &Restart) -> String {
    let within = show_time(restart.within_ns);
    let mut text = match restart.limit {
        0 => "restarts without a limit".to_owned(),
        limit => {
            let then = Action::from_number(restart.then).map_or("", Action::name);
            format!("{limit} restarts in {within}, then {then}")
        }
    };
    if restart.back_off_ns != 0 {
        let wait = show_time(restart.back_off_ns);
        let _ = write!(
            text,
            "; the first waits {wait}, each further one twice as long"
        );
    }
    text
}
