//! The cockpit's deadlines while Linux is loaded.

use super::runs::{BOOT_SECONDS, Key, Runs, Under, loaded_seconds};
use super::stays;
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::measurement::Timing;
use crate::system::Target;
use anyhow::Context as _;

/// Where it is measured.
const TARGETS: [Target; 4] = [
    Target::VIRT,
    Target::ARM,
    Target::ARM_GICV2,
    Target::ARM_STAGE_2,
];

const fn run(target: Target) -> Key {
    Key::Loaded(target, Under::Cockpit)
}

pub fn keys(environment: &Environment) -> Vec<Key> {
    environment.chosen(TARGETS).map(run).collect()
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let timing = Timing::DEADLINES;
    let seconds = BOOT_SECONDS as usize + loaded_seconds(environment);
    let mut section = Section {
        name: "deadlines",
        title: "Deadlines of the cockpit, Linux fully loaded",
        figures: Vec::new(),
        notes: vec![
            format!(
                "The cockpit on 4 harts for {seconds} s of virtual time; Linux loads every hart for at least {} s of them \
                 (shift {}, harts take turns of {} µs). QEMU runs the harts one after the other, so that what other \
                 harts execute counts in a latency: a wake-up can be late by three turns.",
                loaded_seconds(environment),
                timing.shift,
                timing.slice_us
            ),
            "A hart that waits for a lock whose holder has no turn spins until that one has, which no real machine \
             does: stays below include such turns. The section on traps has stays without any."
                .to_owned(),
        ],
        tables: Vec::new(),
    };
    for target in environment.chosen(TARGETS) {
        add(&mut section, environment, runs, target)?;
    }
    Ok(section)
}

/// Adds what was measured on one target.
fn add(
    section: &mut Section,
    environment: &Environment,
    runs: &Runs,
    target: Target,
) -> anyhow::Result<()> {
    let prefix = target.prefix();
    let measured = runs.get(run(target))?;
    let report = measured.report.as_ref().context("the run has no report")?;
    let cluster = report
        .partitions
        .get("cluster")
        .context("the report tells nothing of the cluster")?;
    let load = measured
        .linux
        .iter()
        .find(|(_, text)| text.contains("partita: load on cpus"));
    let loaded_ns = load.map_or(0, |(time_ns, _)| report.virtual_ns.saturating_sub(*time_ns));
    let enough = loaded_ns >= loaded_seconds(environment) as u64 * 1_000_000_000;
    let missed = if enough {
        cluster.deadlines.missed as f64
    } else {
        f64::NAN
    };
    let core = report
        .cores
        .get(&1)
        .context("the report tells nothing of core 1")?;
    let figure = |name: &str, value, unit| Figure::new(format!("{prefix}{name}"), value, unit);
    section.figures.extend([
        figure("missed deadlines", missed, "").at_most(0.0),
        figure("met deadlines", cluster.deadlines.met as f64, ""),
        figure(
            "worst wake-up latency",
            cluster.worst_wakeup_ns as f64 / 1000.0,
            "µs",
        ),
        figure("switches on the shared hart", core.switches as f64, ""),
    ]);
    if let Some(lengths) = core.switch_instructions {
        // The monitor counts by `minstret`, which counts the instructions of all harts here.
        section.figures.push(figure(
            "a switch, median, all harts' instructions",
            lengths.p50.into(),
            "instructions",
        ));
    }
    section.notes.push(if report.healthy {
        format!("{prefix}the run was healthy.")
    } else {
        let reasons = report.reasons.join("; ");
        format!("{prefix}the run was not healthy: {reasons}.")
    });
    let title = format!(
        "{prefix}stays in the monitor after Linux's init, by cause and by who ran before and after, each counted \
         in its own hart's instructions:"
    );
    section
        .tables
        .push(stays::table(&measured.findings, &title));
    Ok(())
}
