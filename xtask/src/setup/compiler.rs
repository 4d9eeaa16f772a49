//! The cross C compiler that builds FreeRTOS for riscv64.

use std::env;

use crate::paths;

/// Debian packages: the compiler, and the C headers that FreeRTOS includes.
pub const PACKAGES: [&str; 2] = ["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"];

/// Compilers that are known to work, by name on the `PATH`.
const PROGRAMS: [&str; 2] = ["riscv64-linux-gnu-gcc", "riscv64-unknown-elf-gcc"];

/// Whether C for riscv64 can be compiled: a compiler is there, or the person named one the way the
/// `cc` crate reads it.
pub fn is_there() -> bool {
    env::var_os("CC_riscv64imac_unknown_none_elf").is_some()
        || PROGRAMS
            .iter()
            .any(|name| paths::find_program(name).is_some())
}
