//! From reset to FreeRTOS's first task.

use super::runs::{Key, Runs};
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use crate::measurement::Measured;
use crate::system::{FloatingPoint, Target};
use anyhow::Context as _;

/// What it must reach.
const MOST: f64 = 2_000_000.0;

pub fn keys() -> Vec<Key> {
    vec![
        Key::Start(false),
        Key::Start(true),
        Key::OneHart(Target::VIRT, FloatingPoint::None),
    ]
}

pub fn section(_: &Environment, runs: &Runs) -> anyhow::Result<Section> {
    let figure = |name: &str, key| {
        let first = first_task(runs.get(key)?)?;
        anyhow::Ok(Figure::instructions(name, first).at_most(MOST))
    };
    let (unsigned, signed) = (
        first_task(runs.get(Key::Start(false))?)?,
        first_task(runs.get(Key::Start(true))?)?,
    );
    Ok(Section {
        name: "first-task",
        title: "From reset to FreeRTOS's first task",
        figures: vec![
            figure(
                "cockpit, 4 harts, all harts' instructions",
                Key::Start(false),
            )?,
            figure("the same, signed for the board's key", Key::Start(true))?,
            Figure::instructions(
                "of these, to verify the signature",
                signed.saturating_sub(unsigned),
            ),
            figure("the same on one shared hart", Key::OneHart(Target::VIRT, FloatingPoint::None))?,
        ],
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
