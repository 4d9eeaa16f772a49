//! The monitor on RISC-V: mechanism only.
//!
//! The monitor runs in machine mode on every hart, with interrupts disabled, one trap at a time. A
//! trap saves the partition's registers ([`vector`]), is answered ([`trap`]) and ends in
//! [`hart::Hart::reschedule`], which enters the partition that the policy chooses. Decisions are
//! made in `partita-monitor-core` and `partita-virtual-riscv64`, which forbid unsafe code; here are
//! the registers.
//!
//! What a hart owns ([`hart::Hart`]) only that hart touches. What harts share is atomic ([`mail`],
//! [`shared`]) or behind one lock ([`console`]).
#![cfg(target_arch = "riscv64")]
#![no_std]

mod board;
mod boot;
mod call;
mod console;
mod context;
mod controller;
mod crash;
mod csr;
mod fault;
mod floating_point;
mod guest_memory;
mod hart;
mod health;
mod loading;
mod machine;
mod mail;
mod measurement;
mod mmio;
mod performance;
mod pmp;
mod provision;
mod report;
mod serial;
mod shared;
mod timer;
mod trap;
mod vector;
mod vector_registers;

/// Ends the machine after a panic, which is a mistake in the monitor.
pub fn panicked() -> ! {
    report::fatal("the monitor panicked")
}
