//! From reset to FreeRTOS's first task.

use super::runs::{Key, Runs};
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::measurement::Measured;
use crate::system::{FloatingPoint, Target};
use anyhow::Context as _;

/// What it must reach.
const MOST: f64 = 2_000_000.0;

/// Where it is measured.
const TARGETS: [Target; 4] = [
    Target::VIRT,
    Target::ARM,
    Target::ARM_GICV2,
    Target::ARM_STAGE_2,
];

pub fn keys(environment: &Environment) -> Vec<Key> {
    let keys = |target| {
        [
            Key::Start(target, false),
            Key::Start(target, true),
            Key::OneHart(target, FloatingPoint::None),
        ]
    };
    environment.chosen(TARGETS).flat_map(keys).collect()
}

pub fn section(environment: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let mut figures = Vec::new();
    for target in environment.chosen(TARGETS) {
        let prefix = target.prefix();
        let first = |key| first_task(runs.get(key)?);
        let figure = |name: &str, count| Figure::instructions(format!("{prefix}{name}"), count);
        let (unsigned, signed) = (
            first(Key::Start(target, false))?,
            first(Key::Start(target, true))?,
        );
        let alone = first(Key::OneHart(target, FloatingPoint::None))?;
        figures.extend([
            figure("cockpit, 4 harts, all harts' instructions", unsigned).at_most(MOST),
            figure("the same, signed for the board's key", signed).at_most(MOST),
            figure(
                "of these, to verify the signature",
                signed.saturating_sub(unsigned),
            ),
            figure("the same on one shared hart", alone).at_most(MOST),
        ]);
    }
    Ok(Section {
        name: "first-task",
        title: "From reset to FreeRTOS's first task",
        figures,
        notes: vec![
            "Up to the first instruction of the first task's function. The monitor has checked the system \
             table, hashed and copied the cluster's image, and started it; Linux is loaded later."
                .to_owned(),
        ],
        tables: Vec::new(),
    })
}

fn first_task(measured: &Measured) -> anyhow::Result<u64> {
    let tasks = measured
        .findings
        .watches
        .iter()
        .filter(|(name, _)| name.starts_with("task"));
    tasks
        .map(|(_, counts)| counts.total)
        .min()
        .context("no task of the cluster has run")
}
