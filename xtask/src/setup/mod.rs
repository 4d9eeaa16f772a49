//! Makes sure that what the other commands need is there, once, and says what it cannot supply.

mod apt;
mod compiler;
mod debian;
mod guests;
mod host;
pub mod perf;
mod qemu;
mod release;
mod rust;
mod sources;
mod trusted_firmware;
mod version;

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::architecture::Architecture;
use crate::paths::Paths;

/// What a command is going to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Compile for the bare-metal targets: the Rust target and the cross C compiler.
    pub target_code: bool,
    /// Boot systems: QEMU.
    pub qemu: bool,
    /// Linux in a partition: kernel and busybox.
    pub linux: bool,
    /// Linux with PREEMPT_RT for Arm.
    pub real_time_linux: bool,
    /// OpenSBI to compare with; its absence is only noted.
    pub opensbi: bool,
    /// Trusted Firmware-A to compare with; its absence is only noted.
    pub trusted_firmware: bool,
    /// Linux's `perf` in the partition, for the tests.
    pub perf: bool,
    /// OpenSSL, which the tests of signatures ask.
    pub openssl: bool,
}

impl Needs {
    /// Everything any command uses, but what is an option.
    pub const ALL: Self = Self {
        target_code: true,
        qemu: true,
        linux: true,
        real_time_linux: false,
        opensbi: true,
        trusted_firmware: true,
        perf: true,
        openssl: true,
    };
    /// Nothing.
    pub const NONE: Self = Self {
        target_code: false,
        qemu: false,
        linux: false,
        real_time_linux: false,
        opensbi: false,
        trusted_firmware: false,
        perf: false,
        openssl: false,
    };
    /// Booting what was built.
    pub const BOOT: Self = Self {
        opensbi: false,
        trusted_firmware: false,
        perf: false,
        openssl: false,
        ..Self::ALL
    };
}

/// Where the things are that were asked for in [`Needs`].
#[derive(Debug, Default)]
pub struct Tools {
    /// QEMU for each architecture, with the environment variable that names it to what starts it.
    pub qemu: Vec<(&'static str, PathBuf)>,
    /// Linux for each architecture.
    pub linux: Vec<Linux>,
    /// The kernel with PREEMPT_RT for Arm.
    pub real_time_linux: Option<PathBuf>,
    /// OpenSBI's `fw_dynamic.bin`.
    pub opensbi: Option<PathBuf>,
    /// The folder with Trusted Firmware-A.
    pub trusted_firmware: Option<PathBuf>,
    /// The folder with `perf` for riscv64 and its libraries.
    pub perf: Option<PathBuf>,
}

/// What Linux in a partition is made of.
#[derive(Debug)]
pub struct Linux {
    /// What it runs on.
    pub architecture: &'static Architecture,
    /// The kernel, as an `Image`.
    pub kernel: PathBuf,
    /// The static busybox.
    pub busybox: PathBuf,
    /// Modules of the kernel, packed by xz, in the order in which they are to be loaded.
    pub modules: Vec<PathBuf>,
}

/// Something that is needed and could not be supplied.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// What is missing, and why where that helps.
    pub what: String,
    /// Each a way to supply it.
    pub remedies: Vec<String>,
}

/// Supplies everything in `needs`; lists all that is missing where that is impossible.
pub fn ensure(paths: &Paths, needs: Needs) -> Result<Tools> {
    let mut tools = Tools::default();
    let mut missing = Vec::new();
    if needs.target_code {
        missing.extend(rust::ensure(paths)?);
    }
    host::ensure(paths, needs, &mut tools, &mut missing)?;
    guests::ensure(paths, needs, &mut tools, &mut missing)?;
    if needs.trusted_firmware {
        tools.trusted_firmware = trusted_firmware::find(paths);
    }
    if needs.perf {
        perf::ensure(paths, &mut tools, &mut missing)?;
    }
    if missing.is_empty() {
        return Ok(tools);
    }
    bail!("{}", describe(&missing));
}

fn describe(missing: &[Missing]) -> String {
    let mut text = String::from("something is missing on this machine\n");
    for item in missing {
        text += &format!("\n  {}\n", item.what.replace('\n', "\n    "));
        for remedy in &item.remedies {
            text += &format!("    - {remedy}\n");
        }
    }
    text += "\nthen run the same command again";
    text
}

/// Keeps two commands from downloading the same thing at once, as long as it lives.
fn lock_cache(paths: &Paths) -> Result<File> {
    fs::create_dir_all(&paths.cache)
        .with_context(|| format!("cannot create the cache {}", paths.cache.display()))?;
    let path = paths.cache.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    file.lock()
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_missing_is_listed_with_each_way_to_supply_it() {
        let text = describe(&[
            Missing {
                what: "QEMU".into(),
                remedies: vec!["install it".into(), "set X".into()],
            },
            Missing {
                what: "Linux".into(),
                remedies: vec!["set Y".into()],
            },
        ]);
        for part in [
            "  QEMU\n",
            "    - install it\n",
            "    - set X\n",
            "  Linux\n",
            "- set Y\n",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text:?}");
        }
    }
}
