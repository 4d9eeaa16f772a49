//! Linking a partition: called from the `build.rs` of a binary crate, on the developer's machine.

use std::{env, fs, path::PathBuf};

/// The linker script that every real-time partition shares.
const LINKER_SCRIPT: &str = include_str!("../partition.ld");

/// Links the binaries of the calling package as partition images: static, position independent,
/// linked at 0. Does nothing when the package is built for a machine with an operating system.
///
/// # Panics
///
/// If called outside a build script, or if the linker script cannot be written.
pub fn link_partition() {
    println!("cargo::rerun-if-changed=build.rs");
    if !builds_for_a_partition() {
        return;
    }
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let script = output.join("partition.ld");
    fs::write(&script, LINKER_SCRIPT).expect("the build directory can be written to");
    println!("cargo::rustc-link-arg-bins=-T{}", script.display());
    // `notext`: constants that hold addresses are relocated in place, by the packer, before the
    // partition exists; nothing writes to them at run time.
    for argument in [
        "--pie",
        "--no-dynamic-linker",
        "-znotext",
        "-zrodynamic",
        "-znorelro",
        "--gc-sections",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}

/// Whether the calling build script builds for a partition, rather than for the developer's machine.
///
/// # Panics
///
/// If called outside a build script.
#[must_use]
pub fn builds_for_a_partition() -> bool {
    env::var("CARGO_CFG_TARGET_OS").expect("cargo sets CARGO_CFG_TARGET_OS") == "none"
}
