//! Linking a partition: called from the `build.rs` of a binary crate, on the developer's machine.

use std::{env, fs, path::PathBuf};

/// The linker script that every real-time partition shares.
const LINKER_SCRIPT: &str = include_str!("../partition.ld");

/// What the linker script says of the stack's size.
const STACK_SIZE: &str = "__stack_size = 16K;";

/// Links the binaries of the calling package as partition images: static, position independent,
/// linked at 0. Does nothing when the package is built for a machine with an operating system.
///
/// # Panics
///
/// If called outside a build script, or if the linker script cannot be written.
pub fn link_partition() {
    link_with(LINKER_SCRIPT);
}

/// As [`link_partition`], with a stack of so many bytes, a multiple of 4096, instead of 16 KiB.
///
/// # Panics
///
/// As [`link_partition`], or if the size is no such multiple.
pub fn link_partition_with_stack(bytes: usize) {
    assert!(
        bytes != 0 && bytes.is_multiple_of(4096),
        "a stack is a multiple of 4096 bytes"
    );
    // The linker evaluates what the command line defines after the script has used it, so the script itself is changed.
    link_with(&script_with_stack(bytes));
}

fn script_with_stack(bytes: usize) -> String {
    LINKER_SCRIPT.replace(STACK_SIZE, &format!("__stack_size = {bytes};"))
}

fn link_with(linker_script: &str) {
    println!("cargo::rerun-if-changed=build.rs");
    if !builds_for_a_partition() {
        return;
    }
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let script = output.join("partition.ld");
    fs::write(&script, linker_script).expect("the build directory can be written to");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_the_stack_stands_in_the_linker_script_once() {
        assert_eq!(LINKER_SCRIPT.matches(STACK_SIZE).count(), 1);
        assert!(script_with_stack(0x1_0000).contains("__stack_size = 65536;"));
    }
}
