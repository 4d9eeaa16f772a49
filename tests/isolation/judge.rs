//! Compares what came of the probes of a boot with what must come of them.

use crate::ground::Ground;
use crate::probe::{Expected, From, Outcome, Probe, Told, Variant, syndrome_name};
use partita_run::report::EventReport;
use partita_tests::Run;
use std::fmt;

/// Bytes of a slot.
const SLOT_BYTES: u64 = 16;

/// The period of a more critical prober's budget.
const PERIOD_NS: u64 = 1_000_000;

/// What came of one probe.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Who made it.
    pub from: From,
    /// On which board.
    pub variant: Variant,
    /// Which part of the table it belongs to.
    pub section: &'static str,
    /// What it tries.
    pub name: String,
    /// What must come of it, in words.
    pub expected: String,
    /// What came of it, in words.
    pub seen: String,
    /// Events that it made.
    pub events: u64,
    /// Whether their number does not depend on other things than the probe.
    pub is_sure: bool,
    /// What is wrong with that, if anything is.
    pub wrong: Vec<String>,
}

impl Finding {
    /// Of a probe of which nothing is known yet.
    fn new(ground: &Ground, probe: &Probe) -> Self {
        Self {
            from: ground.from,
            variant: ground.variant,
            section: probe.section,
            name: probe.name.clone(),
            expected: probe.expected.to_string(),
            seen: "nothing".to_owned(),
            events: 0,
            is_sure: !matches!(
                probe.expected,
                Expected::Race { .. } | Expected::Answers { .. }
            ),
            wrong: Vec::new(),
        }
    }

    /// Who made it, and on which board.
    pub const fn side(&self) -> (Variant, From) {
        (self.variant, self.from)
    }

    /// Whether all is as it must be.
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, variant, name) = (self.from.name(), self.variant.name(), &self.name);
        write!(formatter, "{from}, {variant}: {name}: ")?;
        write!(formatter, "{}, not {}", self.seen, self.expected)?;
        for wrong in &self.wrong {
            write!(formatter, "; {wrong}")?;
        }
        Ok(())
    }
}

/// A health event, without its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    kind: String,
    cause: u32,
    address: u64,
    counter: u64,
}

impl Event {
    fn of(report: &EventReport) -> Self {
        let number = |text: &str| {
            let digits = text.strip_prefix("0x").expect("it is hexadecimal");
            u64::from_str_radix(digits, 16).expect("it is a number")
        };
        Self {
            kind: report.kind.clone(),
            cause: report.cause,
            address: number(&report.address),
            counter: number(&report.program_counter),
        }
    }
}

/// The one event that a probe must make, if it must make one. `slot` is its number in its boot, and `slots` where the
/// first one is.
pub fn event(probe: &Probe, slots: u64, slot: usize) -> Option<Event> {
    let event = |kind: &str, cause, address| {
        let counter = probe.counter.unwrap_or(slots + SLOT_BYTES * slot as u64);
        Some(Event {
            kind: kind.to_owned(),
            cause,
            address,
            counter,
        })
    };
    match probe.expected {
        Expected::Fault { cause, address, .. } => event("access-fault", cause, address),
        Expected::Illegal { instruction } => {
            event("illegal-instruction", 2, u64::from(instruction))
        }
        // The exception class of a trapped register.
        Expected::Trapped { syndrome, kind } => event(kind, 0x18, syndrome),
        Expected::Untranslated { class, address, .. } => event("access-fault", class, address),
        Expected::Filtered { address } => event("interrupt-denied", 0, address),
        Expected::Denied { error, address } => {
            event("call-denied", error.unsigned_abs() as u32, address)
        }
        _ => None,
    }
}

/// Whether the prober was told what it must be told.
fn is_told(expected: &Expected, outcome: Outcome) -> bool {
    match (*expected, outcome) {
        (Expected::Fault { cause, value, .. }, Outcome::Trap(found, told)) => {
            (found, told) == (cause, value)
        }
        (Expected::Illegal { instruction }, Outcome::Trap(cause, told)) => {
            (cause, told) == (2, u64::from(instruction))
        }
        (
            Expected::Abort { address: value } | Expected::Untranslated { value, .. },
            Outcome::Trap(syndrome, told),
        ) => (syndrome_name(syndrome), told) == (Some("external abort"), value),
        (Expected::Undefined | Expected::Trapped { .. }, Outcome::Trap(syndrome, _)) => {
            syndrome_name(syndrome) == Some("undefined instruction")
        }
        (Expected::Own { cause }, Outcome::Trap(found, _)) => found == cause,
        (Expected::Value { mask, value }, Outcome::Value(found)) => found & mask == value,
        (Expected::Filtered { .. }, Outcome::Value(_)) => true,
        (
            Expected::Refused { error } | Expected::Denied { error, .. },
            Outcome::Answer(found, _),
        ) => found == error,
        (Expected::Answered { value }, Outcome::Answer(error, found)) => {
            (error, found) == (0, value)
        }
        (Expected::Denials { count, .. }, Outcome::Count(denied, passed)) => {
            (denied, passed) == (count, 0)
        }
        (Expected::Race { count }, Outcome::Count(denied, passed)) => {
            denied + passed == count && denied != 0 && passed != 0
        }
        (
            Expected::Dropped { count } | Expected::Passes { count },
            Outcome::Count(denied, passed),
        ) => (denied, passed) == (0, count),
        (Expected::Answers { count }, Outcome::Answers(made, ..)) => made == count,
        _ => false,
    }
}

/// What came of a probe, in words. What depends on addresses is left out: it is compared anyway.
fn words(outcome: Outcome, events: &[&Event], count: u64, expected: &Expected) -> String {
    let told = match outcome {
        Outcome::Trap(syndrome, _) if expected.is_syndrome() => match syndrome_name(syndrome) {
            Some(name) => name.to_owned(),
            None => format!("syndrome {syndrome:#x}"),
        },
        Outcome::Trap(cause, _) => format!("trap {cause}"),
        Outcome::Value(value) => match expected {
            Expected::Value { mask, .. } if *mask != 0 => format!("{:#x}", value & mask),
            _ => "no trap".to_owned(),
        },
        Outcome::Answer(0, value) if matches!(expected, Expected::Answered { .. }) => {
            format!("answer {value:#x}")
        }
        Outcome::Answer(error, _) => format!("error {error}"),
        Outcome::Count(..) if matches!(expected, Expected::Race { .. }) => {
            return "some denied, `access-fault` each".to_owned();
        }
        Outcome::Count(0, passed) => format!("{passed} passed"),
        Outcome::Count(denied, 0) => format!("{denied} denied"),
        Outcome::Count(denied, passed) => format!("{denied} denied, {passed} passed"),
        Outcome::Answers(made, ..) => format!("{made} answers"),
    };
    match events {
        [] => format!("{told}, no event"),
        [event] if count == 1 => format!("{told}, `{}` {}", event.kind, event.cause),
        [event, ..] if matches!(expected, Expected::Answers { .. }) => {
            format!("{told}, `{}` for what is foreign", event.kind)
        }
        [event, ..] => format!("{told}, {count} `{}`", event.kind),
    }
}

/// Judges each probe of a boot, and what happened to the other partition meanwhile.
pub fn judge(run: &Run, ground: &Ground, probes: &[&Probe]) -> Vec<Finding> {
    let timebase = ground.board.timebase_hz;
    let parse = |line| Told::parse(line, timebase);
    let told: Vec<_> = run.texts("prober").filter_map(parse).collect();
    let prober = run.partition("prober");
    let overran = |event: &&EventReport| event.kind == "budget-overrun";
    let overruns = prober.events.iter().filter(overran).count() as u64;
    let single = |(slot, probe): &(usize, &&Probe)| event(probe, 0, *slot).is_some();
    let singles = probes.iter().enumerate().filter(single).count() as u64;
    let mut accounted = 0;
    let mut findings = Vec::new();
    for (number, probe) in probes.iter().enumerate() {
        let mut finding = Finding::new(ground, probe);
        let Some(told) = told.iter().find(|told| told.index == number) else {
            finding.wrong.push("it told nothing of it".to_owned());
            findings.push(finding);
            continue;
        };
        let within = told.before_ns..=told.after_ns;
        let events: Vec<_> = prober
            .events
            .iter()
            .filter(|event| within.contains(&event.time_ns) && event.kind != "budget-overrun")
            .map(Event::of)
            .collect();
        if !is_told(&probe.expected, told.outcome) {
            finding.wrong.push(format!("{:x?}", told.outcome));
        }
        let total = u64::from(prober.events_total);
        let mut count = events.len() as u64;
        match probe.expected {
            Expected::Denials { kind: "", .. } => {}
            Expected::Denials { count: all, .. } | Expected::Dropped { count: all } => count = all,
            Expected::Race { .. } => {
                if let Outcome::Count(denied, _) = told.outcome {
                    count = denied;
                }
            }
            // Each that names what is foreign; some are refused as "invalid parameter" for another reason.
            Expected::Answers { .. } => {
                if let Outcome::Answers(_, parameter, address) = told.outcome {
                    count = total.saturating_sub(singles + overruns);
                    if !(address..=address + parameter).contains(&count) {
                        finding.wrong.push(format!("{count} events"));
                    }
                }
            }
            _ => {
                let expected = event(probe, ground.slots(), number);
                if events.iter().collect::<Vec<_>>() != expected.iter().collect::<Vec<_>>() {
                    finding
                        .wrong
                        .push(format!("events {events:x?}, not {expected:x?}"));
                }
            }
        }
        finding.events = count;
        accounted += count;
        let seen: Vec<_> = events.iter().collect();
        finding.seen = words(told.outcome, &seen, count, &probe.expected);
        findings.push(finding);
    }
    let mut wrong = others_complaints(run);
    let total = u64::from(prober.events_total);
    // A more critical prober that takes longer than its budget allows is told so, once in each period; the
    // record of that may have made room for others.
    let all_are_kept = prober.events.len() as u64 == total;
    let periods = run.report().virtual_ns / PERIOD_NS;
    let most = match ground.from {
        From::High if !all_are_kept => periods,
        From::High => overruns,
        From::Low | From::Linux => 0,
    };
    if !(accounted + overruns..=accounted + most).contains(&total) {
        wrong.push(format!("{total} events in the boot, not {accounted}"));
    }
    if prober.state != "running" || prober.boots != 1 {
        wrong.push(format!("the prober is {}", prober.state));
    }
    for finding in findings.iter_mut().take(1) {
        finding.wrong.append(&mut wrong);
    }
    findings
}

/// Judges the one probe of a boot after which the prober does not come back.
pub fn lost(run: &Run, ground: &Ground, probe: &Probe, handler: Option<u64>) -> Finding {
    let mut finding = Finding::new(ground, probe);
    finding.wrong = others_complaints(run);
    let prober = run.partition("prober");
    if (prober.state.as_str(), prober.boots) != ("failed", 1) {
        finding
            .wrong
            .push(format!("the prober is {}", prober.state));
    }
    let events: Vec<_> = prober.events.iter().map(Event::of).collect();
    finding.events = events.len() as u64;
    let own = ground.base..ground.end;
    let is_sound = |events: &[Event]| {
        let (last, before) = events.split_last()?;
        let place = handler.unwrap_or(last.counter);
        let is_last = last.kind == "double-trap"
            && (last.cause, last.address, last.counter) == (1, place, place)
            && (handler.is_some() || own.contains(&place));
        // What led there, in its own code.
        let led = before.len() <= 1 && before.iter().all(|event| own.contains(&event.counter));
        (is_last && led).then_some(())
    };
    match is_sound(&events) {
        Some(()) => finding.seen = "`double-trap` 1, and it is stopped".to_owned(),
        None => finding.wrong.push(format!("events {events:x?}")),
    }
    finding
}

/// Whether others were disturbed.
fn others_complaints(run: &Run) -> Vec<String> {
    let mut complaints = complaints(run, "other");
    if run.report().partitions.contains_key("neighbour") {
        complaints.extend(self::complaints(run, "neighbour"));
    }
    complaints
}

/// Whether one of the others was disturbed.
fn complaints(run: &Run, name: &str) -> Vec<String> {
    let other = run.partition(name);
    let mut complaints = Vec::new();
    if other.deadlines.met == 0 || other.deadlines.missed != 0 {
        let (deadlines, worst) = (other.deadlines, other.worst_wakeup_ns);
        complaints.push(format!(
            "deadlines of the {name}: {deadlines:?}, late by {worst} ns"
        ));
    }
    if (other.state.as_str(), other.boots, other.events_total) != ("running", 1, 0) {
        let (state, events) = (&other.state, &other.events);
        complaints.push(format!("the {name} is {state}: {events:?}"));
    }
    let last = run.texts(name).last().unwrap_or_default();
    if !last.ends_with("periods, 0 missed, 0 strange, 0 spoilt") {
        complaints.push(format!("the {name} says `{last}`"));
    }
    complaints
}
