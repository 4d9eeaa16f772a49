//! The audit of the monitors' machine code by package `partita-audit`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::build::{self, Part};
use crate::paths::Paths;
use crate::{cargo, process};

const PACKAGE: &str = "partita-audit";
const REASONS: &str = "audit/panic-sites.txt";

/// Options of `cargo xtask audit`.
#[derive(Args)]
pub struct Options {
    /// Print every function's own stack frame too
    #[arg(long)]
    frames: bool,
}

/// Builds the monitors and audits them.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    build::parts(paths, &[Part::Monitor])?;
    let mut command = command(paths);
    if options.frames {
        command.arg("--frames");
    }
    process::replace_by(&mut command)
}

/// The command that audits all monitors, which have been built.
pub fn command(paths: &Paths) -> Command {
    let monitors = build::FIRMWARE
        .iter()
        .filter(|firmware| firmware.part == Part::Monitor)
        .map(|firmware| firmware.executable(paths, "monitor"));
    let mut command = cargo::command(paths);
    command.args(["run", "--quiet", "--package", PACKAGE, "--", "--reasons"]);
    command.arg(paths.root.join(REASONS));
    command.args(monitors.collect::<Vec<PathBuf>>());
    command
}
