//! What the last `cargo xtask soak` has shown.

use super::runs::Runs;
use crate::environment::Environment;
use crate::figure::{Figure, Section};
use anyhow::Context as _;
use serde::Deserialize;
use std::fs;

const TITLE: &str =
    "Restarts of Linux beside FreeRTOS (not measured anew: the last `cargo xtask soak`)";

/// What `tests/tests/soak.rs` writes.
#[derive(Deserialize)]
struct Soak {
    restarts: u64,
    met: u64,
    missed: u64,
    worst_ns: u64,
    calm_worst_ns: u64,
    bound_ns: u64,
    virtual_ns: u64,
}

pub fn section(environment: &Environment, _: &Runs) -> anyhow::Result<Section> {
    let path = environment.root.join("bench/soak.json");
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(Section {
            name: "soak",
            title: TITLE,
            figures: Vec::new(),
            notes: vec!["`cargo xtask soak` has not run yet.".to_owned()],
            tables: Vec::new(),
        });
    };
    let soak: Soak = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a result of the soak", path.display()))?;
    let microseconds = |ns: u64| ns as f64 / 1000.0;
    let later = soak.worst_ns as f64 - soak.calm_worst_ns as f64;
    Ok(Section {
        name: "soak",
        title: TITLE,
        figures: vec![
            Figure::new("restarts of Linux in one run", soak.restarts as f64, ""),
            Figure::new("missed deadlines", soak.missed as f64, "").at_most(0.0),
            Figure::new("met deadlines", soak.met as f64, ""),
            Figure::new("worst wake-up latency", microseconds(soak.worst_ns), "µs"),
            Figure::new(
                "worst wake-up latency without restarts",
                microseconds(soak.calm_worst_ns),
                "µs",
            ),
            Figure::new("later than without restarts", later / 1000.0, "µs")
                .at_most(microseconds(soak.bound_ns)),
            Figure::new("a restart, boot of Linux included", {
                soak.virtual_ns as f64 / 1e6 / soak.restarts.max(1) as f64
            }, "ms"),
        ],
        notes: vec![
            "One hart, shift 1. In turn: a panic that asks for a restart, a panic that hangs until the watchdog of 2 s \
             expires, an access to the monitor's memory whose action is restart, and `reboot`."
                .to_owned(),
        ],
        tables: Vec::new(),
    })
}
