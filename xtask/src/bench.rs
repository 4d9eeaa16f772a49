//! The measurements of package `partita-bench`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::paths::Paths;
use crate::setup::Needs;
use crate::{build, cargo, process};

const PACKAGE: &str = "partita-bench";

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub struct Options {
    /// Flags for the measurements; `cargo xtask bench -- --help` lists them
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FLAGS"
    )]
    flags: Vec<String>,
}

/// Builds, and becomes the measuring program.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    if !cargo::packages(paths)?.iter().any(|name| name == PACKAGE) {
        bail!("this source tree has no package {PACKAGE}, so there is nothing to measure");
    }
    let tools = build::everything(paths, Needs::ALL)?;
    let mut command = cargo::command(paths);
    command.args(["run", "--release", "--quiet", "--package", PACKAGE, "--"]);
    command.args(&options.flags);
    for (variable, qemu) in &tools.qemu {
        command.env(variable, qemu);
    }
    if let Some(opensbi) = tools.opensbi {
        command.env("PARTITA_OPENSBI", opensbi);
    }
    if let Some(folder) = tools.trusted_firmware {
        command.env("PARTITA_TFA", folder);
    }
    process::replace_by(&mut command)
}
