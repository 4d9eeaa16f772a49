//! The monitor's architecture-neutral policy.
//!
//! Everything here is plain data and pure decisions: which virtual core runs, what a byte on a
//! console becomes, whether a table makes sense. It knows no register and no architecture, so all of
//! it runs in tests on the host. Principles:
//!
//! - no allocation, no recursion, no loop without a bound that the system table sets;
//! - no panic: an impossible index reads as "nothing there";
//! - time is machine time in ticks unless a name says nanoseconds.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod check;
pub mod console;
pub mod crash;
pub mod events;
pub mod healing;
pub mod histogram;
pub mod loader;
pub mod measurement;
pub mod memory;
pub mod notices;
pub mod ownership;
mod queue;
pub mod request;
pub mod schedule;
mod stamp;
pub mod storm;
pub mod text;
pub mod trace;
pub mod uart16550;
