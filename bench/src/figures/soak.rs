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

/// The files that it writes, each with what stands in front of its figures and a note.
const FILES: [(&str, &str, &str); 2] = [
    (
        "bench/soak.json",
        "",
        "One hart, shift 1. In turn: a panic that asks for a restart, a panic that hangs until the watchdog of 2 s \
         expires, an access to the monitor's memory whose action is restart, and `reboot`.",
    ),
    (
        "bench/soak-aarch64.json",
        "`qemu-virt-aarch64`, ",
        "`qemu-virt-aarch64`: one core, shift 1. In turn: a panic that asks for a restart, and `reboot`, every other \
         time after an access to the monitor's memory that ended with a bus error.",
    ),
];

pub fn section(environment: &Environment, _: &Runs) -> anyhow::Result<Section> {
    let mut section = Section {
        name: "soak",
        title: TITLE,
        ..Section::default()
    };
    for (file, prefix, note) in FILES {
        let path = environment.root.join(file);
        let Ok(text) = fs::read_to_string(&path) else {
            section
                .notes
                .push(format!("{prefix}`cargo xtask soak` has not run yet."));
            continue;
        };
        let soak: Soak = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a result of the soak", path.display()))?;
        section.figures.extend(figures(prefix, &soak));
        section.notes.push(note.to_owned());
    }
    Ok(section)
}

fn figures(prefix: &str, soak: &Soak) -> [Figure; 7] {
    let figure = |name: &str, value, unit| Figure::new(format!("{prefix}{name}"), value, unit);
    let microseconds = |ns: u64| ns as f64 / 1000.0;
    let later = soak.worst_ns as f64 - soak.calm_worst_ns as f64;
    let restart_ms = soak.virtual_ns as f64 / 1e6 / soak.restarts.max(1) as f64;
    [
        figure("restarts of Linux in one run", soak.restarts as f64, ""),
        figure("missed deadlines", soak.missed as f64, "").at_most(0.0),
        figure("met deadlines", soak.met as f64, ""),
        figure("worst wake-up latency", microseconds(soak.worst_ns), "µs"),
        figure(
            "worst wake-up latency without restarts",
            microseconds(soak.calm_worst_ns),
            "µs",
        ),
        figure("later than without restarts", later / 1000.0, "µs")
            .at_most(microseconds(soak.bound_ns)),
        figure("a restart, boot of Linux included", restart_ms, "ms"),
    ]
}
