//! What the tests run under Linux on Arm: small checks of what a kernel offers in a partition.
//!
//! It is linked with nothing: calls of the kernel are all that it needs, so that the compiler of the monitor is enough
//! to build it. The first argument names the check; what it finds it says in lines that begin with `check: `.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod float;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod kernel;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod kvm;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod scalable;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "../../guests/src/scalable_registers.rs"]
#[allow(dead_code, reason = "restarts are not seen from here")]
mod scalable_registers;
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
#[path = "../../guests/src/vector_registers.rs"]
#[allow(dead_code, reason = "Linux has turned them on")]
mod vector_registers;

/// Does what the arguments say.
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
fn main(arguments: &kernel::Arguments) {
    match arguments.get(1) {
        Some(b"kvm") => kvm::run(),
        Some(b"float") => float::run(arguments.number(2), arguments.number(3)),
        Some(b"scalable") => scalable::run(arguments),
        _ => kernel::say!("there is no such check"),
    }
}

#[cfg(not(all(target_os = "none", target_arch = "aarch64")))]
fn main() {}
