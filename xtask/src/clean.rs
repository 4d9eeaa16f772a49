//! Removes what the other commands made.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::paths::Paths;
use crate::{cargo, process, progress};

/// Options of `cargo xtask clean`.
#[derive(Args)]
pub struct Options {
    /// Also remove the downloads, which other checkouts share
    #[arg(long)]
    cache: bool,
}

/// Removes the artefacts and cargo's output, and the downloads when told so.
pub fn run(paths: &Paths, options: &Options) -> Result<ExitCode> {
    remove(&paths.artefacts)?;
    if options.cache {
        remove(&paths.cache)?;
    }
    process::run(cargo::command(paths).arg("clean"))?;
    Ok(ExitCode::SUCCESS)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Ok(()) => progress::step("removed", &folder.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot remove {}", folder.display()));
        }
    }
    Ok(())
}
