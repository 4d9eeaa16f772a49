//! The cross C compiler that builds FreeRTOS for riscv64.

use std::env;
use std::path::PathBuf;

use crate::paths;

/// Debian packages: the compiler, and the headers that its own `limits.h` goes on to.
pub const PACKAGES: [&str; 2] = ["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"];

/// Compilers that are known to work, by name on the `PATH`.
const PROGRAMS: [&str; 3] = [
    "riscv64-linux-gnu-gcc",
    "riscv64-unknown-elf-gcc",
    "riscv64-unknown-linux-gnu-gcc",
];

/// Variables in which a person names a compiler to the `cc` crate.
const VARIABLES: [&str; 3] = [
    "CC_riscv64imac_unknown_none_elf",
    "CC_riscv64imac-unknown-none-elf",
    "TARGET_CC",
];

/// The compiler for riscv64 that will be used.
pub fn find() -> Option<PathBuf> {
    let named = VARIABLES.iter().find_map(env::var_os).map(PathBuf::from);
    named.or_else(|| PROGRAMS.iter().find_map(|name| paths::find_program(name)))
}
