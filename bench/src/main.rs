//! Measures what the system must reach, and writes it down.
//!
//! All figures are counts of instructions or virtual time, so that they are the same on every
//! computer. How each is measured is told in `bench/README.md`.
#![forbid(unsafe_code)]

mod caller;
mod environment;
mod figure;
mod figures;
mod jobs;
mod measurement;
mod reference;
mod render;
mod symbols;
mod system;
mod trusted_firmware;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use environment::Environment;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures what the system must reach, and writes RESULTS.md and results.json.
///
/// It needs what `cargo xtask build` makes; `cargo xtask bench` builds it first. Exits with 1 if a
/// figure misses its target.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Measure only this; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<Name>,
    /// Measure only on this board; may be given several times
    #[arg(long, value_name = "NAME")]
    board: Vec<String>,
    /// Fewer seeds and shorter runs: a first look in a few minutes
    #[arg(long)]
    quick: bool,
    /// Where to write RESULTS.md and results.json [default: bench, or target/partita/bench if it is
    /// not the whole measurement]
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// How many machines to run at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    jobs: usize,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// From reset to FreeRTOS's first task
    FirstTask,
    /// From the real-time timer interrupt to its handler, Linux running
    Latency,
    /// What the monitor executes on Linux's behalf
    Share,
    /// Size of the monitor
    Size,
    /// Deadlines of the cockpit in a loaded minute, and its stays in the monitor
    Deadlines,
    /// A console byte, and other mediated accesses
    Traps,
    /// Calls of the firmware on Arm
    Calls,
    /// What the last `cargo xtask soak` has shown
    Soak,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut environment = Environment::find(arguments.quick, arguments.jobs)?;
    if let Some(unknown) = arguments
        .board
        .iter()
        .find(|name| partita_board::by_name(name).is_none())
    {
        bail!("there is no board `{unknown}`");
    }
    environment.boards = arguments.board;
    let all = arguments.only.is_empty();
    let is_wanted = |name: Name| all || arguments.only.contains(&name);
    let sections = figures::measure(&environment, is_wanted)?;

    let whole = all && !arguments.quick && environment.boards.is_empty();
    let folder = arguments.output.unwrap_or_else(|| {
        if whole {
            environment.root.join("bench")
        } else {
            environment.artefacts.join("bench")
        }
    });
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let text = render::markdown(&environment, &sections, whole);
    let json = serde_json::to_string_pretty(&render::json(&environment, &sections, whole))? + "\n";
    for (name, content) in [("RESULTS.md", &text), ("results.json", &json)] {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    print!("{text}");
    eprintln!("wrote {}", folder.join("RESULTS.md").display());
    let missed = sections
        .iter()
        .flat_map(|section| &section.figures)
        .any(|figure| figure.verdict() == figure::Verdict::Fail);
    Ok(if missed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
