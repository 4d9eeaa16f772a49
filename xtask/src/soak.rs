//! The soak: Linux ends in every way there is, hundreds of times, beside a partition with deadlines.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::paths::Paths;
use crate::setup::Needs;
use crate::{build, cargo, process, progress};

/// Where the figures are kept; `cargo xtask bench` puts them into RESULTS.md.
const RESULT: &str = "bench/soak.json";

/// Options of `cargo xtask soak`.
#[derive(Args)]
pub struct Options {
    /// How often Linux ends, in one run of the system
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    restarts: u32,
}

/// Builds, and runs the test that ends Linux, with many restarts.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    let tools = build::everything(paths, Needs::BOOT)?;
    progress::step(
        "soaking",
        &format!("{} restarts of Linux, some seconds each", options.restarts),
    );
    let mut command = cargo::command(paths);
    command
        .args([
            "test",
            "--quiet",
            "--package",
            "partita-tests",
            "--test",
            "soak",
        ])
        .args(["--", "--nocapture"])
        .env("PARTITA_SOAK_RESTARTS", options.restarts.to_string())
        .env("PARTITA_SOAK_RESULT", paths.root.join(RESULT));
    for (variable, qemu) in &tools.qemu {
        command.env(variable, qemu);
    }
    process::replace_by(&mut command)
}
