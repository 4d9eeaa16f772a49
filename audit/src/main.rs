//! What the machine code of a built monitor shows, and its source cannot prove.
//!
//! - The stack: the deepest path from each entry, summed over the frames that the code makes, against
//!   what a hart has. There is no recursion, and no call through a pointer, so the sum is a bound.
//! - The panics: every place that calls the panic machinery, with its line. Each must be in
//!   `audit/panic-sites.txt` with the reason why no partition reaches it; one that is not there, and an entry that
//!   has no place any more, fail the audit.
#![forbid(unsafe_code)]

mod code;
mod graph;
mod instruction;
mod panics;
mod reasons;
mod stack;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::code::Code;
use crate::graph::Graph;
use crate::reasons::Reasons;

/// Audits the machine code of built monitors: stack depth, panic sites, recursion
///
/// Exit status: 0 if all holds, 1 if something does not, 2 for a wrong command line.
#[derive(Parser)]
#[command(name = "cargo xtask audit")]
struct Arguments {
    /// The list of panic sites and the reasons why they cannot be reached
    #[arg(long, value_name = "FILE")]
    reasons: PathBuf,
    /// Print every function's own stack frame too
    #[arg(long)]
    frames: bool,
    /// Monitors, as ELF files with debug information
    #[arg(required = true, value_name = "MONITOR")]
    monitors: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut reasons = Reasons::read(&arguments.reasons)?;
    let mut flaws = Vec::new();
    for path in &arguments.monitors {
        let code = Code::read(path).with_context(|| format!("cannot audit {}", path.display()))?;
        let graph = Graph::of(&code)?;
        println!("{}", path.display());
        flaws.extend(stack::report(&code, &graph, arguments.frames));
        flaws.extend(panics::report(&code, &graph, &mut reasons)?);
    }
    flaws.extend(reasons.unused());
    if flaws.is_empty() {
        return Ok(());
    }
    for flaw in &flaws {
        eprintln!("flaw: {flaw}");
    }
    bail!("{} flaws in the monitor's machine code", flaws.len())
}
