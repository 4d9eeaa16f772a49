//! Where this repository keeps what it builds and what it downloads.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::architecture::Architecture;

/// The folders every command works in.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Root of the source tree.
    pub root: PathBuf,
    /// Built artefacts. Example manifests name them relative to themselves, so this folder stays in
    /// the source tree even where `CARGO_TARGET_DIR` sends cargo's own output elsewhere.
    pub artefacts: PathBuf,
    /// Downloads, outside the source tree, shared by all checkouts.
    pub cache: PathBuf,
}

impl Paths {
    /// Finds the folders from the place of this crate and from the environment.
    pub fn find() -> Result<Self> {
        // `cargo run` names this crate's folder. What was compiled in may be another checkout's,
        // where several share a target directory.
        let package =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package)
            .parent()
            .context("xtask has no parent folder")?
            .to_path_buf();
        let cache_home = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            // The XDG base directory specification: a relative path is to be ignored.
            .filter(|path| path.is_absolute())
            .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .context("neither XDG_CACHE_HOME nor HOME is set: set one of them")?;
        Ok(Self {
            artefacts: root.join("target").join("partita"),
            cache: cache_home.join("partita"),
            root,
        })
    }

    /// Folder of the cached Linux payload of an architecture.
    pub fn cached_linux(&self, architecture: &Architecture) -> PathBuf {
        self.cache.join("linux").join(architecture.debian)
    }

    /// The cached OpenSBI firmware for the side-by-side measurement.
    pub fn cached_opensbi(&self) -> PathBuf {
        self.cache.join("opensbi").join("fw_dynamic.bin")
    }

    /// The folder with the cached Trusted Firmware-A for the side-by-side measurement.
    pub fn cached_trusted_firmware(&self) -> PathBuf {
        self.cache.join("trusted-firmware")
    }
}

/// The first executable file called `name` on the `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path))
}

/// Whether `path` is a regular file that somebody may execute.
pub fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
