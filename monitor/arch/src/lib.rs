//! The monitor's mechanism.
//!
//! The monitor runs at the highest privilege level on every core, with interrupts disabled, one trap at a
//! time. A trap saves the partition's registers, is answered and ends in [`cores::Core::reschedule`], which
//! enters the partition that the policy chooses. Decisions are made in `partita-monitor-core` and
//! `partita-virtual-riscv64`, which forbid unsafe code.
//!
//! What is the same on every architecture is here; the registers are in a folder for each architecture, of
//! which one is compiled, known as `arch` ([`riscv64`]).
//!
//! What a core owns ([`cores::Core`]) only that core touches. What cores share is atomic ([`mail`],
//! [`shared`]) or behind one lock ([`console`]).
#![cfg(target_arch = "riscv64")]
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

mod riscv64;
use riscv64 as arch;

/// Ends the machine after a panic, which is a mistake in the monitor.
pub fn panicked() -> ! {
    report::fatal("the monitor panicked")
}
