//! The yardstick for calls on Arm: Debian's Trusted Firmware-A, built for the same machine of QEMU.
//!
//! `cargo xtask bench` builds it from the source package.

use crate::environment::Environment;
use crate::symbols::Symbols;
use anyhow::Context as _;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// Its files in the folder: what is the machine's flash, the part that answers calls, where it is from.
pub const FLASH: &str = "flash.bin";
const RUNTIME: &str = "bl31.elf";
const ORIGIN: &str = "origin";

/// Where it starts the kernel: as it was built.
const KERNEL: u64 = 0x4020_0000;
/// End of RAM.
const RAM_END: u64 = 0x8000_0000;

/// The plugin with its arguments.
pub fn plugin(environment: &Environment, folder: &Path, output: &Path) -> anyhow::Result<String> {
    let path = folder.join(RUNTIME);
    let file = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let symbols = Symbols::read(&file)?;
    Ok(format!(
        "{},output={},range=firmware:{:#x}:{:#x},range=linux:{KERNEL:#x}:{RAM_END:#x},linux=linux,trap-entry={:#x}",
        environment.plugin.display(),
        output.display(),
        symbols.address("__TEXT_START__")?,
        symbols.address("__TEXT_END__")?,
        symbols.address("runtime_exceptions")?
    ))
}

/// QEMU's arguments for the kernel at `path`.
pub fn arguments(path: &Path) -> Vec<OsString> {
    // A comma in a value of `-device` is written twice.
    let file = path.to_string_lossy().replace(',', ",,");
    let device = format!("loader,file={file},addr={KERNEL:#x},force-raw=on");
    ["-device".into(), device.into()].into()
}

/// The package that it was built from.
pub fn origin(folder: &Path) -> String {
    let origin = fs::read_to_string(folder.join(ORIGIN));
    origin.map_or_else(
        |_| "of unknown version".to_owned(),
        |text| text.trim().to_owned(),
    )
}
