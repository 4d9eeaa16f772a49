//! Checks what the manifest says about health, and completes it with what is usual.

use crate::Code;
use crate::health::Health;
use crate::manifest::{Located, Manifest, PartitionEntry, Payload, ResponseEntry, RestartEntry};
use crate::problem::{Problem, Problems};
use crate::quantity::show_time;
use crate::suggest;
use partita_abi::health::{Action, Kind as Event};
use partita_abi::monitor_call::SHORTEST_WATCHDOG_NS;
use partita_abi::table::{Kind, WatchdogStart};

/// Linux's driver sets whole seconds.
const LEAST_LINUX_WATCHDOG_NS: u64 = 1_000_000_000;

/// Reports everything about health that cannot work.
pub(super) fn check(manifest: &Manifest, problems: &mut Problems) {
    for entry in &manifest.partitions {
        for response in &entry.health.responses {
            check_action(response, problems);
            check_possible(entry, response, problems);
            if let Some(notify) = &response.notify {
                check_notify(manifest, entry, notify, problems);
            }
        }
        if let Some(restart) = &entry.health.restart {
            check_restart(restart, problems);
        }
        check_watchdog(entry, problems);
        check_interrupts(entry, problems);
    }
}

fn is_linux(entry: &PartitionEntry) -> bool {
    matches!(entry.payload, Some(Payload::Linux(_)))
}

fn check_action(response: &ResponseEntry, problems: &mut Problems) {
    let Some(action) = &response.action else {
        return;
    };
    let event = response.event.value;
    let Some(objection) = Health::objection(event, action.value) else {
        return;
    };
    let possible = Action::ALL
        .into_iter()
        .filter(|action| Health::objection(event, *action).is_none())
        .map(Action::name);
    problems.push(
        Problem::error(
            Code::ImpossibleAction,
            format!("`{}` cannot follow `{}`", action.value.name(), event.name()),
        )
        .at(&action.span, objection)
        .help(format!("it is one of {}", suggest::list(possible))),
    );
}

/// Warns of actions for what cannot happen: whoever wrote them expected more than there is.
fn check_possible(entry: &PartitionEntry, response: &ResponseEntry, problems: &mut Problems) {
    let (why, help) = match response.event.value {
        Event::Watchdog if entry.health.watchdog.is_none() => (
            "has no watchdog",
            "add a line such as `watchdog = \"1s\"` to the partition",
        ),
        Event::BudgetOverrun if !entry.has_budget => (
            "has no budget",
            "add `budget` and `period` to the partition",
        ),
        Event::Storm if is_linux(entry) => (
            "runs Linux, whose interrupts do not pass the monitor",
            "remove it",
        ),
        _ => return,
    };
    let event = response.event.value.name();
    problems.push(
        Problem::warning(
            Code::EventCannotHappen,
            format!("`{event}` cannot happen in `{}`", entry.name.value),
        )
        .at(&response.event.span, "is never found")
        .at(&entry.name.span, why)
        .help(help),
    );
}

fn check_notify(
    manifest: &Manifest,
    entry: &PartitionEntry,
    notify: &Located<String>,
    problems: &mut Problems,
) {
    let mut partitions = manifest.partitions.iter();
    let problem = match partitions.find(|other| other.name.value == notify.value) {
        None => Problem::error(
            Code::UnknownPartition,
            format!("there is no partition `{}`", notify.value),
        )
        .at(&notify.span, "unknown partition")
        .help(suggest::help(
            &notify.value,
            manifest
                .partitions
                .iter()
                .filter(|other| other.name.value != entry.name.value && !is_linux(other))
                .map(|other| other.name.value.as_str()),
        )),
        Some(other) if other.name.value == entry.name.value => Problem::error(
            Code::NotifySelf,
            format!("`{}` cannot be told of its own end", notify.value),
        )
        .at(&notify.span, "the partition itself")
        .at(&entry.name.span, "whose events these are")
        .help("name another partition, or nobody"),
        Some(other) if is_linux(other) => Problem::error(
            Code::NotifyLinux,
            format!("`{}` cannot be told of health events", notify.value),
        )
        .at(&notify.span, "is told")
        .at(
            &other.name.span,
            "runs Linux, which has no driver that listens",
        )
        .help("name a partition that runs a program, or nobody"),
        Some(_) => return,
    };
    problems.push(problem);
}

fn check_restart(restart: &RestartEntry, problems: &mut Problems) {
    let [has_limit, has_within, has_back_off] = restart.has;
    let limited = restart.limit.as_ref().map(|limit| &limit.span);
    let delayed = restart.back_off.as_ref().map(|back_off| &back_off.span);
    match (limited, delayed, &restart.within) {
        (Some(span), _, None) if !has_within => problems.push(
            Problem::error(
                Code::RestartWithoutWithin,
                "a limit of restarts needs a time to which it applies",
            )
            .at(span, "so many in which time?")
            .help("add a time such as `within = \"10s\"`"),
        ),
        (None, Some(span), None) if !has_limit && !has_within => problems.push(
            Problem::error(
                Code::RestartWithoutWithin,
                "a back-off needs a time after which it starts anew",
            )
            .at(span, "doubles with each restart, for how long?")
            .help("add a time such as `within = \"10s\"`"),
        ),
        (None, None, Some(within)) if !has_limit && !has_back_off => problems.push(
            Problem::error(
                Code::RestartWithoutLimit,
                "`within` needs a limit or a back-off",
            )
            .at(&within.span, "bounds nothing")
            .help("add `limit = 3`, or remove it"),
        ),
        _ => {}
    }
    if let (false, Some(then)) = (has_limit, &restart.then) {
        problems.push(
            Problem::error(Code::RestartWithoutLimit, "`then` needs a limit")
                .at(&then.span, "is never reached")
                .help("add `limit = 3` and `within = \"10s\"`, or remove it"),
        );
    }
}

fn check_watchdog(entry: &PartitionEntry, problems: &mut Problems) {
    let Some(timeout) = entry
        .health
        .watchdog
        .as_ref()
        .and_then(|watchdog| watchdog.timeout.as_ref())
    else {
        return;
    };
    let too_short = |label: String| {
        Problem::error(Code::WatchdogTooShort, "the watchdog is too short").at(&timeout.span, label)
    };
    let (least, why) = if is_linux(entry) {
        (
            LEAST_LINUX_WATCHDOG_NS,
            "Linux counts a watchdog's time in seconds",
        )
    } else {
        (
            SHORTEST_WATCHDOG_NS,
            "bites before a partition has had its turn",
        )
    };
    if timeout.value < least {
        let least = show_time(least);
        problems.push(too_short(why.to_owned()).help(format!("make it {least} at least")));
    } else if let Some(period) = &entry.period
        && timeout.value <= period.value
    {
        problems.push(
            too_short("bites while the partition waits for its next budget".to_owned())
                .at(&period.span, "it may have to wait that long")
                .help("make it longer than the period; some periods are sensible"),
        );
    }
}

fn check_interrupts(entry: &PartitionEntry, problems: &mut Problems) {
    if let (Some(interrupts), true) = (&entry.health.interrupts, is_linux(entry)) {
        problems.push(
            Problem::error(
                Code::InterruptsAreDirect,
                "interrupts of Linux cannot be limited",
            )
            .at(&interrupts.span, "the monitor does not see them")
            .at(&entry.name.span, "runs Linux")
            .help("remove it: while another partition runs, they wait in any case"),
        );
    }
}

/// The health table of a partition, with what is usual where it says nothing.
pub(super) fn complete(entry: &PartitionEntry, manifest: &Manifest) -> Health {
    let kind = if is_linux(entry) {
        Kind::Linux
    } else {
        Kind::Program
    };
    let mut health = Health::defaults(kind);
    for response in &entry.health.responses {
        let event = response.event.value;
        if let Some(action) = &response.action {
            health.set(event, action.value);
        }
        let told = response.notify.as_ref().and_then(|notify| {
            let mut partitions = manifest.partitions.iter();
            partitions.position(|other| other.name.value == notify.value)
        });
        if let Some(told) = told {
            health.tell(event, told);
        }
    }
    if let Some(restart) = &entry.health.restart {
        health.restart.limit = restart.limit.as_ref().map_or(0, |limit| limit.value);
        health.restart.within_ns = restart.within.as_ref().map_or(0, |within| within.value);
        health.restart.back_off_ns = restart.back_off.as_ref().map_or(0, |time| time.value);
        let then = restart
            .then
            .as_ref()
            .map_or(Action::Halt, |then| then.value);
        health.restart.then = then as u8;
    }
    health.watchdog_start = WatchdogStart::FirstUse;
    if let Some(watchdog) = &entry.health.watchdog {
        let usual = match kind {
            Kind::Program => WatchdogStart::Boot,
            Kind::Linux => WatchdogStart::FirstUse,
        };
        health.watchdog_ns = watchdog.timeout.as_ref().map_or(0, |time| time.value);
        health.watchdog_start = watchdog.start.as_ref().map_or(usual, |start| start.value);
    }
    if let Some(interrupts) = &entry.health.interrupts {
        health.storm_limit = interrupts.limit.as_ref().map_or(0, |limit| limit.value);
        health.storm_within_ns = interrupts.within.as_ref().map_or(0, |time| time.value);
    }
    health
}
