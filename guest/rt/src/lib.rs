//! A minimal runtime for real-time partitions written in Rust.
//!
//! A partition starts in S-mode with translation off, on one hart, and talks to the monitor by SBI
//! calls. This crate brings it to [`entry!`], gives it a console, traps, timers and more harts, and
//! turns a panic into the monitor call that stops the partition.
//!
//! ```ignore
//! #![no_std]
//! #![no_main]
//!
//! use partita_guest_rt::{hart, println};
//!
//! partita_guest_rt::entry!(main);
//!
//! fn main(hart: usize, device_tree: usize) -> ! {
//!     println!("hart {hart} runs, device tree at {device_tree:#x}");
//!     loop {
//!         hart::wait_for_interrupt();
//!     }
//! }
//! ```
//!
//! The package's `build.rs` calls `partita_guest_rt::build::link_partition()`, for which this crate
//! is a build dependency too.
//!
//! Principles: nothing is allocated; an interrupt is enabled only by the partition itself; each
//! `unsafe` block touches one register, one call or one address, and says why it may.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(not(target_os = "none"))]
pub mod build;
pub mod device_tree;

#[cfg(target_os = "none")]
pub mod console;
#[cfg(target_os = "none")]
pub mod monitor;
#[cfg(target_os = "none")]
mod panic;

#[cfg(all(target_os = "none", target_arch = "riscv64"))]
mod riscv64 {
    pub mod hart;
    pub mod probe;
    pub mod sbi;
    mod start;
    pub mod trap;
}
#[cfg(all(target_os = "none", target_arch = "riscv64"))]
pub use riscv64::{hart, probe, sbi, trap};

#[cfg(all(target_os = "none", target_arch = "aarch64"))]
mod aarch64 {
    pub mod hart;
    pub mod interrupts;
    pub mod smc;
    mod start;
    pub mod trap;
}
#[cfg(all(target_os = "none", target_arch = "aarch64"))]
pub use aarch64::{hart, interrupts, smc, trap};

/// Names the function that the first hart runs: `fn(hart: usize, device_tree: usize) -> !`.
///
/// `hart` is the virtual hart id, `device_tree` the physical address of the partition's device tree.
/// Interrupts are off; traps go to the handler that [`trap::set_handler`] names.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        // SAFETY: this is the one definition of the symbol; a second one does not link.
        #[unsafe(no_mangle)]
        extern "C" fn partita_main(hart: usize, device_tree: usize) -> ! {
            let main: fn(usize, usize) -> ! = $main;
            main(hart, device_tree)
        }
    };
}
