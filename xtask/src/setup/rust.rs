//! The Rust targets that the monitor and the guests are compiled for.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Missing;
use crate::cargo::RISCV64_TARGET;
use crate::paths::Paths;
use crate::{paths, process, progress};

/// Adds the bare-metal target to the toolchain in use, unless it has it.
pub fn ensure(paths: &Paths) -> Result<Option<Missing>> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = process::output(
        Command::new(rustc)
            .current_dir(&paths.root)
            .args(["--print", "sysroot"]),
    )?;
    let library = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(RISCV64_TARGET)
        .join("lib");
    if library.is_dir() {
        progress::ready("Rust target", RISCV64_TARGET);
        return Ok(None);
    }
    let missing = |reason: String| Missing {
        what: format!("the standard library of Rust target {RISCV64_TARGET}{reason}"),
        remedies: vec![
            format!("with rustup: rustup target add {RISCV64_TARGET}"),
            format!(
                "with another toolchain: install its core library into {}",
                library.display()
            ),
        ],
    };
    let Some(rustup) = paths::find_program("rustup") else {
        return Ok(Some(missing(" (there is no rustup to add it)".into())));
    };
    progress::step("adding", &format!("Rust target {RISCV64_TARGET}"));
    let added = process::run_logged(
        Command::new(rustup)
            .current_dir(&paths.root)
            .args(["target", "add", RISCV64_TARGET]),
        &paths.cache.join("log").join("rustup.log"),
    );
    Ok(added.err().map(|error| missing(format!(" ({error})"))))
}
