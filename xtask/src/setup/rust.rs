//! The Rust targets that the monitor and the guests are compiled for.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Missing;
use crate::architecture;
use crate::paths::Paths;
use crate::{paths, process, progress};

/// Adds the bare-metal targets to the toolchain in use, unless it has them.
pub fn ensure(paths: &Paths) -> Result<Vec<Missing>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = process::output(
        Command::new(rustc)
            .current_dir(&paths.root)
            .args(["--print", "sysroot"]),
    )?;
    let mut missing = Vec::new();
    for architecture in architecture::ALL {
        missing.extend(ensure_target(paths, sysroot.trim(), architecture.target)?);
    }
    Ok(missing)
}

fn ensure_target(paths: &Paths, sysroot: &str, target: &str) -> Result<Option<Missing>> {
    let library = Path::new(sysroot)
        .join("lib/rustlib")
        .join(target)
        .join("lib");
    if library.is_dir() {
        progress::ready("Rust target", target);
        return Ok(None);
    }
    let missing = |reason: String| Missing {
        what: format!("the standard library of Rust target {target}{reason}"),
        remedies: vec![
            format!("with rustup: rustup target add {target}"),
            format!(
                "with another toolchain: install its core library into {}",
                library.display()
            ),
        ],
    };
    let Some(rustup) = paths::find_program("rustup") else {
        return Ok(Some(missing(" (there is no rustup to add it)".into())));
    };
    progress::step("adding", &format!("Rust target {target}"));
    let added = process::run_logged(
        Command::new(rustup)
            .current_dir(&paths.root)
            .args(["target", "add", target]),
        &paths.cache.join("log").join("rustup.log"),
    );
    Ok(added.err().map(|error| missing(format!(" ({error})"))))
}
