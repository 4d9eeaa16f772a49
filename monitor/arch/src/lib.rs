//! The monitor's mechanism.
//!
//! The monitor runs at the highest privilege level on every core, with interrupts disabled, one trap at a
//! time. A trap saves the partition's registers, is answered and ends in [`cores::Core::reschedule`], which
//! enters the partition that the policy chooses. Decisions are made in `partita-monitor-core` and in
//! `partita-virtual-riscv64` or `partita-virtual-aarch64`, which forbid unsafe code.
//!
//! What is the same on every architecture is here; the registers are in a folder for each architecture, of
//! which one is compiled, known as [`arch`].
//!
//! What a core owns ([`cores::Core`]) only that core touches. What cores share is atomic ([`mail`],
//! [`shared`]) or behind one lock ([`console`]).
#![cfg(any(target_arch = "riscv64", target_arch = "aarch64"))]
#![no_std]

mod board;
mod console;
mod cores;
mod crash;
mod health;
mod loading;
mod machine;
mod mail;
mod measurement;
mod mmio;
mod provision;
mod report;
mod serial;
mod shared;
mod startup;

#[cfg(target_arch = "aarch64")]
#[path = "aarch64/mod.rs"]
mod arch;
#[cfg(target_arch = "riscv64")]
#[path = "riscv64/mod.rs"]
mod arch;

pub use arch::platform::board_of_package;
pub use board::Board;

/// Ends the machine after a panic, which is a mistake in the monitor.
pub fn panicked() -> ! {
    report::fatal("the monitor panicked")
}
