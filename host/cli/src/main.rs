//! The partita command: check, explain, build and run mixed-criticality systems.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod monitor;
mod screen;
mod trust;
mod units;

use arguments::{Arguments, Command};
use clap::Parser as _;
use std::process::ExitCode;

/// What the exit status says. [`clap`] ends with 2 by itself when the arguments are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// The manifest is right; the system was healthy.
    Good = 0,
    /// The manifest has problems; the system was not healthy.
    Bad = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// It could not be done.
    Failed = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = screen::Screen::new(arguments.color, arguments.quiet);
    let result = match &arguments.command {
        Command::Check(check) => commands::check(check, &screen),
        Command::Crash(crash) => commands::crash(crash, &screen),
        Command::Explain(explain) => commands::explain(explain, &screen),
        Command::Build(build) => commands::build(build, &screen),
        Command::Keygen(keygen) => commands::keygen(keygen, &screen),
        Command::Sign(sign) => commands::sign(sign, &screen),
        Command::Verify(verify) => commands::verify(verify, &screen),
        Command::Run(run) => commands::run(run, &screen),
        Command::Schema(schema) => commands::schema(schema, &screen),
    };
    let status = result.unwrap_or_else(|error| {
        screen.error(&format!("{error:#}"));
        Status::Failed
    });
    status.into()
}
