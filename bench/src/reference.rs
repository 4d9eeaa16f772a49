//! The reference: the same kernel under Debian's OpenSBI, on QEMU's own device tree.

use crate::environment::Environment;
use crate::system::Description;
use anyhow::{Context as _, ensure};
use partita_manifest::Plan;
use partita_run::{Files, Qemu, RunOptions, die_with_parent};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where QEMU loads the kernel when `-bios` is a firmware.
const KERNEL: u64 = 0x8020_0000;
/// Where it loads firmware: the start of RAM.
const FIRMWARE: u64 = 0x8000_0000;
/// End of RAM.
const RAM_END: u64 = 0xc000_0000;

/// The plugin with its arguments. All of OpenSBI's code lies in its file.
pub fn plugin(environment: &Environment, opensbi: &Path, output: &Path) -> anyhow::Result<String> {
    let size = fs::metadata(opensbi)
        .context("cannot read OpenSBI")?
        .len()
        .next_multiple_of(4096);
    let end = FIRMWARE + size;
    Ok(format!(
        "{},output={},range=firmware:{FIRMWARE:#x}:{end:#x},range=linux:{end:#x}:{RAM_END:#x},\
         memory={FIRMWARE:#x}:{RAM_END:#x}:{FIRMWARE:#x},linux=linux,watch=linux:{KERNEL:#x}",
        environment.plugin.display(),
        output.display()
    ))
}

/// QEMU's arguments for the kernel.
pub fn arguments(environment: &Environment, description: &Description) -> Vec<OsString> {
    [
        "-kernel".into(),
        environment.artefact("linux/riscv64/Image").into(),
        "-initrd".into(),
        environment.artefact("linux/riscv64/initramfs.cpio").into(),
        "-append".into(),
        description.command_line().into(),
    ]
    .into()
}

/// Runs QEMU to its end, and gives what it printed.
pub fn run(plan: &Plan, opensbi: &Path, options: &RunOptions) -> anyhow::Result<String> {
    let qemu = Qemu::find(plan, None)?;
    let files = Files {
        image: opensbi,
        normal: None,
    };
    let mut command = Command::new(qemu.program());
    command
        .args(qemu.arguments(plan, &files, "null", options))
        .stdin(Stdio::null());
    die_with_parent(&mut command);
    let output = command.output().context("cannot start QEMU")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "QEMU failed with OpenSBI: {errors}"
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The version in OpenSBI's banner.
pub fn version<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<String> {
    lines.find_map(|line| Some(line.split_once("OpenSBI v")?.1.trim().to_owned()))
}
