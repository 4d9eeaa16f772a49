//! Builds everything that runs in a system, and the tools that put it together.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cargo::{self, RISCV64_TARGET};
use crate::linux::initramfs;
use crate::paths::Paths;
use crate::progress;
use crate::setup::{self, Needs, Tools};

/// A package for the bare-metal target and where its executables go.
pub struct Firmware {
    /// The package.
    pub package: &'static str,
    /// Folder in `target/partita`.
    pub folder: &'static str,
    /// Names of the results, where they are not those of the binaries: (binary, result).
    pub renamed: &'static [(&'static str, &'static str)],
    /// Compiler flags that the package cannot give itself from its build script.
    pub rustflags: &'static str,
}

/// Everything that is compiled for a riscv64 board. Every executable of a package is taken, under its
/// own name with `.elf` appended.
pub const FIRMWARE: [Firmware; 3] = [
    Firmware {
        package: "partita-board-qemu-virt-riscv64",
        folder: "boards/qemu-virt-riscv64",
        renamed: &[],
        rustflags: "",
    },
    Firmware {
        package: "instrument-cluster",
        folder: "guests",
        renamed: &[],
        rustflags: "",
    },
    Firmware {
        package: "partita-test-guests",
        folder: "guests",
        renamed: &[],
        rustflags: "",
    },
];

/// The package with the `partita` command.
pub const COMMAND_PACKAGE: &str = "partita";

/// Builds all artefacts into `target/partita`.
pub fn run(paths: &Paths) -> Result<Tools> {
    run_with(paths, Needs::BUILD)
}

/// The same, having made sure of everything in `needs`.
pub fn run_with(paths: &Paths, needs: Needs) -> Result<Tools> {
    let tools = setup::ensure(paths, needs)?;
    build_linux(paths, &tools)?;
    for firmware in &FIRMWARE {
        build_firmware(paths, firmware)?;
    }
    progress::step("building", "the partita command");
    cargo::build(paths, &["--release", "--package", COMMAND_PACKAGE], "")?;
    progress::done(&format!("artefacts are in {}", paths.artefacts.display()));
    Ok(tools)
}

fn build_firmware(paths: &Paths, firmware: &Firmware) -> Result<()> {
    progress::step(
        "building",
        &format!("{} for {RISCV64_TARGET}", firmware.package),
    );
    let arguments = [
        "--package",
        firmware.package,
        "--target",
        RISCV64_TARGET,
        "--profile",
        "firmware",
    ];
    let executables = cargo::build(paths, &arguments, firmware.rustflags)?;
    let folder = paths.artefacts.join(firmware.folder);
    let mut count = 0;
    for (binary, file) in executables.of(firmware.package) {
        let result = firmware
            .renamed
            .iter()
            .find(|(name, _)| *name == binary)
            .map_or(binary, |(_, result)| result);
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        write_if_changed(&folder.join(format!("{result}.elf")), &content)?;
        count += 1;
    }
    if count == 0 {
        progress::note(&format!("{} has no executable yet", firmware.package));
    }
    Ok(())
}

fn build_linux(paths: &Paths, tools: &Tools) -> Result<()> {
    let (Some(linux), Some(busybox)) = (&tools.linux, &tools.busybox) else {
        return Ok(());
    };
    progress::step("building", "the Linux payload");
    let folder = paths.artefacts.join("linux").join("riscv64");
    let kernel = fs::read(linux).with_context(|| format!("cannot read {}", linux.display()))?;
    ensure!(!kernel.is_empty(), "{} is empty", linux.display());
    write_if_changed(&folder.join("Image"), &kernel)?;
    write_if_changed(
        &folder.join("initramfs.cpio"),
        &initramfs::build(paths, busybox)?,
    )
}

/// Writes a file as a whole or not at all, and keeps its time where its content stays the same.
fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&unfinished, content))
        .and_then(|()| fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
