//! The binary contracts between the monitor, the partitions and the host tools.
//!
//! Every type here crosses a privilege or a machine boundary, so its layout is fixed (`repr(C)`,
//! explicit padding, little-endian machines only) and versioned. Nothing here allocates, and nothing
//! here is trusted: a reader gets a checked view or an error.
//!
//! - [`table`]: the system table, which the host makes and the monitor reads at boot;
//! - [`image`]: where the table and the run parameters lie in a system image;
//! - [`signature`]: the signature of a system image and the key that it is checked by;
//! - [`measurement`]: what a partition is told of the images that were started;
//! - [`digest`]: the digest of the table and of all stored parts;
//! - [`monitor_call`]: the Partita SBI extension;
//! - [`health`]: health events and partition states;
//! - [`status`]: the status block that the monitor hands to the host at the end of a run;
//! - [`crash`]: what the monitor keeps of a partition that it took down;
//! - [`console`]: the framing of all partitions' lines on the one serial port.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("the contracts are read in place and therefore need a little-endian machine");

mod blake2b;
pub mod console;
pub mod crash;
pub mod digest;
pub mod health;
pub mod image;
pub mod measurement;
pub mod monitor_call;
pub mod name;
pub mod signature;
pub mod status;
pub mod table;

/// The most partitions a system may have.
pub const MAX_PARTITIONS: usize = 8;
/// The most physical cores a system may use.
pub const MAX_CORES: usize = 8;
/// The most virtual cores of all partitions together.
pub const MAX_VIRTUAL_CORES: usize = 32;
/// The most partitions that may share one core.
pub const MAX_SHARING: usize = 4;
