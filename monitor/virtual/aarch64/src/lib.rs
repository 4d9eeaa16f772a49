//! The virtual AArch64 hardware a partition sees: PSCI, the SMC calling convention, the secure timer, stage 2, and
//! behind stage 2 the interrupt controller and devices that the monitor stands in for.
//!
//! This is policy: pure functions and state machines that never touch hardware, so that all of it
//! runs in host tests. The monitor calls it on traps, with values a partition chose, therefore
//!
//! - every input is hostile: nothing here panics, whatever the arguments;
//! - nothing recurses, allocates or loops without a bound that is written in the code;
//! - a result says what was checked, and the monitor turns it into an access.
#![no_std]
#![forbid(unsafe_code)]

pub mod abort;
pub mod caller;
pub mod gic;
pub mod inject;
pub mod smc;
pub mod smmu;
pub mod stage_2;
pub mod timer;
