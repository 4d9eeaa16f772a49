//! What a partition's table says about its health.

use super::word;
use crate::Code;
use crate::manifest::{
    ACTIONS, HealthEntry, InterruptsEntry, Located, ResponseEntry, RestartEntry, THENS,
    WATCHDOG_STARTS, WatchdogEntry, keys,
};
use crate::problem::{Problem, Problems};
use crate::section::{Entry, Section};
use partita_abi::health::Kind as Event;
use partita_abi::table::Restart;

/// Reads `health`, `restart`, `watchdog` and `interrupts`.
pub(super) fn parse(section: &Section<'_>, problems: &mut Problems) -> HealthEntry {
    HealthEntry {
        responses: responses(section, problems),
        restart: section
            .get("restart")
            .and_then(|entry| restart(&entry, problems)),
        watchdog: section
            .get("watchdog")
            .and_then(|entry| watchdog(&entry, problems)),
        interrupts: section
            .get("interrupts")
            .and_then(|entry| interrupts(&entry, problems)),
    }
}

fn responses(section: &Section<'_>, problems: &mut Problems) -> Vec<ResponseEntry> {
    let Some(entry) = section.get("health") else {
        return Vec::new();
    };
    let name = section.name.replace("]`", ".health]`");
    let Some(table) = entry.table(&name, keys::HEALTH, problems) else {
        return Vec::new();
    };
    Event::ALL
        .into_iter()
        .filter_map(|event| Some(response(event, &table.get(event.name())?, problems)))
        .collect()
}

fn response(event: Event, entry: &Entry<'_>, problems: &mut Problems) -> ResponseEntry {
    let mut response = ResponseEntry {
        event: Located::new(event, entry.key_span.clone()),
        action: None,
        notify: None,
    };
    if !entry.value.get_ref().is_table() {
        response.action = word(entry, &ACTIONS, Code::UnknownValue, problems);
        return response;
    }
    let name = format!("`{}`", event.name());
    if let Some(table) = entry.table(&name, keys::RESPONSE, problems) {
        response.action = table
            .get("action")
            .and_then(|entry| word(&entry, &ACTIONS, Code::UnknownValue, problems));
        response.notify = table.get("notify").and_then(|entry| entry.string(problems));
    }
    response
}

fn restart(entry: &Entry<'_>, problems: &mut Problems) -> Option<RestartEntry> {
    let table = entry.table("`restart`", keys::RESTART, problems)?;
    let limit = table
        .get("limit")
        .and_then(|entry| positive(&entry, u64::from(Restart::MOST), problems));
    Some(RestartEntry {
        has: ["limit", "within", "back-off"].map(|key| table.get(key).is_some()),
        limit: limit.map(|limit| limit.map(|number| number as u16)),
        within: table.get("within").and_then(|entry| entry.time(problems)),
        back_off: table.get("back-off").and_then(|entry| entry.time(problems)),
        then: table
            .get("then")
            .and_then(|entry| word(&entry, &THENS, Code::UnknownValue, problems)),
    })
}

fn watchdog(entry: &Entry<'_>, problems: &mut Problems) -> Option<WatchdogEntry> {
    if !entry.value.get_ref().is_table() {
        return Some(WatchdogEntry {
            timeout: entry.time(problems),
            start: None,
        });
    }
    let table = entry.table("`watchdog`", keys::WATCHDOG, problems)?;
    Some(WatchdogEntry {
        timeout: table
            .require("timeout", "timeout = \"20ms\"", problems)
            .and_then(|entry| entry.time(problems)),
        start: table
            .get("start")
            .and_then(|entry| word(&entry, &WATCHDOG_STARTS, Code::UnknownValue, problems)),
    })
}

fn interrupts(entry: &Entry<'_>, problems: &mut Problems) -> Option<InterruptsEntry> {
    let table = entry.table("`interrupts`", keys::INTERRUPTS, problems)?;
    Some(InterruptsEntry {
        span: entry.key_span.clone(),
        limit: table
            .require("limit", "limit = 1000", problems)
            .and_then(|entry| positive(&entry, u64::from(u32::MAX), problems)),
        within: table
            .require("within", "within = \"10ms\"", problems)
            .and_then(|entry| entry.time(problems)),
    })
}

/// A whole number from 1 to `most`.
fn positive(entry: &Entry<'_>, most: u64, problems: &mut Problems) -> Option<Located<u64>> {
    let number = entry.number(problems)?;
    let value = u64::try_from(number.value)
        .ok()
        .filter(|value| (1..=most).contains(value));
    if value.is_none() {
        problems.push(
            Problem::error(
                Code::OutOfRange,
                format!("`{}` cannot be {}", entry.key(), number.value),
            )
            .at(&number.span, "out of range")
            .help(format!("write a number from 1 to {most}")),
        );
    }
    Some(Located::new(value?, number.span))
}
