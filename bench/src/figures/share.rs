//! What the monitor executes on Linux's behalf.

use super::runs::{Key, Runs, Under, loaded_seconds, seeds};
use crate::environment::Environment;
use crate::figure::{Figure, Section, Table, median};
use crate::measurement::{Measured, Timing};
use crate::reference;
use crate::render::grouped;
use crate::symbols::Symbols;
use crate::system::Target;
use anyhow::{Context as _, ensure};
use partita_bench_plugin::findings::Counts;
use std::collections::BTreeMap;

/// What it must reach, in percent, on RISC-V and on Arm.
const MOST: f64 = 1.0;
const MOST_ARM: f64 = 0.5;
/// How many functions to list.
const LISTED: usize = 12;
/// What happened between two moments.
struct Window {
    /// All instructions.
    total: f64,
    /// Instructions in machine mode.
    firmware: f64,
    /// Instructions of stays from Linux to Linux.
    for_linux: f64,
}

impl Window {
    fn new(from: &Counts, to: &Counts) -> Self {
        let firmware = |counts: &Counts| counts.ranges.first().copied().unwrap_or(0);
        Self {
            total: to.total.saturating_sub(from.total) as f64,
            firmware: firmware(to).saturating_sub(firmware(from)) as f64,
            for_linux: to.for_linux.saturating_sub(from.for_linux) as f64,
        }
    }

    fn firmware_percent(&self) -> f64 {
        self.firmware / self.total * 100.0
    }

    fn for_linux_percent(&self) -> f64 {
        self.for_linux / self.total * 100.0
    }
}

/// Who runs Linux where, as far as it is to be had.
fn unders(environment: &Environment) -> Vec<(Target, Under)> {
    let mut unders = vec![(Target::VIRT, Under::Alone), (Target::VIRT, Under::Cockpit)];
    if environment.opensbi.is_some() {
        unders.push((Target::VIRT, Under::Reference));
    }
    for target in [Target::ARM, Target::ARM_STAGE_2] {
        unders.extend([(target, Under::Alone), (target, Under::Cockpit)]);
    }
    unders.retain(|(target, _)| environment.measures(target.board));
    unders
}

pub fn keys(environment: &Environment) -> Vec<Key> {
    let unders = unders(environment);
    let boots = |under: &(Target, Under)| {
        let (target, under) = *under;
        seeds(environment).map(move |seed| Key::Boot(target, under, seed))
    };
    let loaded = unders
        .iter()
        .map(|(target, under)| Key::Loaded(*target, *under));
    loaded.chain(unders.iter().flat_map(boots)).collect()
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let mut figures = Vec::new();
    for (target, under) in unders(environment) {
        let boots = seeds(environment).map(|seed| boot(runs.get(Key::Boot(target, under, seed))?));
        let boots: Vec<Window> = boots.collect::<anyhow::Result<_>>()?;
        let minute = loaded(environment, runs.get(Key::Loaded(target, under))?)?;
        let most = if target.is_arm() { MOST_ARM } else { MOST };
        let who = format!("{}{}", target.prefix(), under.name());
        let level = format!("all of {}", target.level());
        for (when, windows) in [("entry to init", boots), ("loaded", vec![minute])] {
            let of = |value: fn(&Window) -> f64| median(windows.iter().map(value));
            let percent =
                |what: &str, value| Figure::new(format!("{who}: {what}, {when}"), of(value), "%");
            match under {
                Under::Alone => {
                    figures.push(percent(&level, Window::firmware_percent).at_most(most));
                }
                Under::Reference => figures.push(percent(&level, Window::firmware_percent)),
                Under::Cockpit => figures.extend([
                    percent("on Linux's behalf", Window::for_linux_percent).at_most(most),
                    percent(
                        &format!("{level}, the cluster's share too"),
                        Window::firmware_percent,
                    ),
                ]),
            }
            if when == "entry to init" {
                let total = of(|window| window.total).round() as u64;
                figures.push(Figure::instructions(
                    format!("{who}: all instructions, {when}"),
                    total,
                ));
            }
        }
    }
    let (boots, minute) = (Timing::COUNTS, Timing::DEADLINES);
    let mut notes = vec![format!(
        "4 harts. Entry to init: from Linux's first instruction to its first user instruction, medians over {} \
         seeds (a word on the kernel's command line, from which Linux takes randomness; shift {}, turns of {} µs). Loaded: every \
         hart computes and makes system calls; {} s of virtual time, one seed \
         (shift {}, turns of {} µs). A hart that waits executes nothing.",
        seeds(environment).count(),
        boots.shift,
        boots.slice_us,
        loaded_seconds(environment),
        minute.shift,
        minute.slice_us
    )];
    if let Ok(measured) = runs.get(Key::Loaded(Target::VIRT, Under::Reference)) {
        let lines = measured.linux.iter().map(|(_, text)| text.as_str());
        let version = reference::version(lines).unwrap_or_else(|| "of unknown version".to_owned());
        notes.push(format!(
            "OpenSBI {version} runs the same kernel, initramfs and command line on as many harts, on QEMU's own device \
             tree: Linux drives the UART itself there, and more devices."
        ));
    } else if environment.measures(Target::VIRT.board) {
        notes.push("Debian's OpenSBI was not there (`PARTITA_OPENSBI` names it), so there is no comparison.".to_owned());
    }
    let functions = |target| {
        let measured = runs.get(Key::Loaded(target, Under::Alone))?;
        functions(environment, target, measured)
    };
    Ok(Section {
        name: "share",
        title: "What the monitor executes on Linux's behalf",
        figures,
        notes,
        tables: environment
            .chosen([Target::VIRT, Target::ARM])
            .map(functions)
            .collect::<anyhow::Result<_>>()?,
    })
}

/// From Linux's first instruction to its first user instruction.
fn boot(measured: &Measured) -> anyhow::Result<Window> {
    let findings = &measured.findings;
    let from = findings
        .watches
        .get("linux")
        .context("Linux was never entered")?;
    let to = findings
        .first_user
        .as_ref()
        .context("Linux did not reach its init")?;
    Ok(Window::new(from, to))
}

/// The last minute of a loaded run.
fn loaded(environment: &Environment, measured: &Measured) -> anyhow::Result<Window> {
    let seconds = loaded_seconds(environment);
    let series = &measured.findings.series;
    let is_loaded = measured
        .linux
        .iter()
        .any(|(_, text)| text.contains("partita: load on cpus"));
    ensure!(is_loaded, "Linux did not start its load");
    ensure!(
        series.len() > seconds,
        "Linux was loaded for {} s only",
        series.len()
    );
    Ok(Window::new(
        &series[series.len() - seconds - 1],
        &series[series.len() - 1],
    ))
}

/// The monitor's functions that execute most after init.
fn functions(
    environment: &Environment,
    target: Target,
    measured: &Measured,
) -> anyhow::Result<Table> {
    let symbols = Symbols::read(&environment.monitor_of(target.board)?)?;
    let base = target.known().image_base;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (offset, count) in &measured.findings.profile_after {
        *counts.entry(symbols.function(base + offset)).or_default() += count;
    }
    let total: u64 = counts.values().sum();
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    counts.truncate(LISTED);
    let row = |(name, count): (&str, u64)| {
        let percent = count as f64 / total.max(1) as f64 * 100.0;
        vec![
            format!("`{name}`"),
            grouped(count as i64),
            format!("{percent:.1} %"),
        ]
    };
    Ok(Table {
        title: format!(
            "{}where the monitor's instructions go, Linux alone, from its init on:",
            target.prefix()
        ),
        columns: vec!["function", "instructions", "of the monitor's"],
        rows: counts.into_iter().map(row).collect(),
    })
}
