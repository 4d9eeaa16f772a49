//! FreeRTOS for a partition: the S-mode port and its glue.
//!
//! In a partition this crate is what the C code calls (`port/include/partita.h`): it enters the
//! application's `main`, and speaks to the monitor. On the developer's machine it is the build
//! support that compiles the kernel, the port and an application's C files. The README beside
//! this crate shows a whole partition.
#![cfg_attr(target_os = "none", no_std)]

#[cfg(not(target_os = "none"))]
mod arm_port;
#[cfg(not(target_os = "none"))]
pub mod build;
#[cfg(target_os = "none")]
mod glue;
#[cfg(not(target_os = "none"))]
mod supervisor_port;
