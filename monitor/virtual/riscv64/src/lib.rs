//! The virtual RISC-V hardware a partition sees: page-table walk, decoder, SBI, interrupt controller.
//!
//! This is policy: pure functions and state machines that never touch hardware, so that all of it
//! runs in host tests. The monitor calls it on traps, with values a partition chose, therefore
//!
//! - every input is hostile: nothing here panics, whatever the arguments;
//! - nothing recurses, allocates or loops without a bound that is written in the code;
//! - a result says what was checked, and the monitor turns it into an access.
//!
//! A mediated device access passes through [`walk::walk`] (where does the faulting address lead?; as
//! [`remember::RememberedWalk`] when it is fast), [`fetch::fetch`] (which instruction was it?), [`decode::decode`] (which load or store is that?)
//! and one of the devices: [`plic::PlicFilter`], [`aplic::AplicFilter`], [`watchdog`] or the 16550 of
//! `partita-monitor-core`.
#![no_std]
#![forbid(unsafe_code)]

pub mod aplic;
pub mod counters;
pub mod decode;
pub mod fetch;
pub mod plic;
pub mod pmp;
pub mod remember;
pub mod sbi;
pub mod walk;
pub mod watchdog;
