//! A controller: a FreeRTOS task that controls something periodically, and sees when it is preempted.
//!
//! The program is the C code in `tasks/`; this file makes it a Cargo binary.
#![cfg_attr(target_os = "none", no_std, no_main)]

use partita_guest_freertos as _;

#[cfg(not(target_os = "none"))]
fn main() {}
