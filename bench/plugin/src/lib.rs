//! Counts instructions from outside: a TCG plugin for QEMU.
//!
//! QEMU tells the plugin about each block of instructions that it translates, and the plugin adds
//! counters to them. So the guests and the monitor run unchanged, and nothing that is measured
//! costs an instruction. What is counted how is explained in `bench/README.md`.

mod aarch64;
pub mod architecture;
pub mod arguments;
mod calls;
pub mod clock;
mod counters;
pub mod findings;
pub mod histogram;
pub mod instruction;
mod instrument;
pub mod latency;
mod probe;
pub mod qemu;
mod riscv64;
pub mod stays;

use architecture::Architecture;
use arguments::Arguments;
use std::ffi::{CStr, c_char, c_int};

/// The plugin interface that this is written for; QEMU looks for the name.
#[allow(non_upper_case_globals, reason = "QEMU looks for this name")]
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = qemu::INTERFACE;

/// QEMU calls this when it loads the plugin.
///
/// # Safety
/// `information` is QEMU's, whose first field is the target's name; `arguments` points to `count` pointers to strings, all valid as long as the plugin is loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    information: *const *const c_char,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    let texts = (0..count).map(|index| {
        // SAFETY: the caller keeps the promise above.
        let text = unsafe { CStr::from_ptr(*arguments.add(index)) };
        text.to_str().unwrap_or("")
    });
    // SAFETY: the caller keeps the promise above.
    let target = unsafe { CStr::from_ptr(*information) };
    let target = target.to_str().unwrap_or("");
    let architecture = Architecture::of_target(target)
        .ok_or_else(|| format!("`{target}` is no processor that this plugin knows"));
    let started = architecture.and_then(|architecture| {
        let arguments = Arguments::parse(texts)?;
        probe::install(id, architecture, arguments)
    });
    match started {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("partita-bench-plugin: {message}");
            1
        }
    }
}
