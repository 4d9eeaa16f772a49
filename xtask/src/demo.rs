//! The demonstration: the cockpit example, built and run.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::paths::Paths;
use crate::setup::Needs;
use crate::{build, cargo, process};

/// The system that the demonstration runs.
const SYSTEM: &str = "examples/cockpit/system.toml";
/// How long, unless the person says otherwise.
const DURATION: &str = "12s";

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub struct Options {
    /// Flags for `partita run`, such as `--for 60s`, `--console linux` or `--report report.json`
    /// (without `--for` it runs for 12s)
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FLAGS"
    )]
    flags: Vec<String>,
}

/// Builds, and becomes `partita run`.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    let tools = build::everything(paths, Needs::BOOT)?;
    let mut command = partita(paths)?;
    command
        .arg("run")
        .arg(SYSTEM)
        .args(with_duration(&options.flags));
    for (variable, qemu) in &tools.qemu {
        command.env(variable, qemu);
    }
    process::replace_by(&mut command)
}

/// A call of the built `partita`, in the root of the source tree.
fn partita(paths: &Paths) -> Result<Command> {
    let executables = cargo::build(
        paths,
        &["--release", "--quiet", "--package", build::COMMAND_PACKAGE],
    )?;
    let (_, file) = executables
        .of(build::COMMAND_PACKAGE)
        .next()
        .ok_or_else(|| anyhow::anyhow!("package {} has no executable", build::COMMAND_PACKAGE))?;
    let mut command = Command::new(file);
    command.current_dir(&paths.root);
    Ok(command)
}

fn with_duration(flags: &[String]) -> Vec<String> {
    let has_duration = flags
        .iter()
        .any(|flag| flag == "--for" || flag.starts_with("--for="));
    let default = ["--for", DURATION].map(str::to_owned);
    default
        .into_iter()
        .filter(|_| !has_duration)
        .chain(flags.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_demonstration_ends_by_itself_unless_told_how_long_to_run() {
        assert_eq!(with_duration(&[]), words("--for 12s"));
        assert_eq!(
            with_duration(&words("--headless")),
            words("--for 12s --headless")
        );
        assert_eq!(with_duration(&words("--for 60s")), words("--for 60s"));
        assert_eq!(with_duration(&words("--for=1s -x")), words("--for=1s -x"));
    }
}
