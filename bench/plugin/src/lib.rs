//! Counts instructions from outside: a TCG plugin for QEMU.
//!
//! QEMU tells the plugin about each block of instructions that it translates, and the plugin adds
//! counters to them. So the guests and the monitor run unchanged, and nothing that is measured
//! costs an instruction. What is counted how is explained in `bench/README.md`.

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
pub mod stays;

use arguments::Arguments;
use std::ffi::{CStr, c_char, c_int, c_void};

/// The plugin interface that this is written for; QEMU looks for the name.
#[allow(non_upper_case_globals, reason = "QEMU looks for this name")]
#[unsafe(no_mangle)]
pub static qemu_plugin_version: c_int = qemu::INTERFACE;

/// QEMU calls this when it loads the plugin.
///
/// # Safety
/// `arguments` points to `count` pointers to strings, all valid as long as the plugin is loaded.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qemu_plugin_install(
    id: u64,
    _information: *const c_void,
    count: c_int,
    arguments: *const *const c_char,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    let texts = (0..count).map(|index| {
        // SAFETY: the caller keeps the promise above.
        let text = unsafe { CStr::from_ptr(*arguments.add(index)) };
        text.to_str().unwrap_or("")
    });
    let started = Arguments::parse(texts).and_then(|arguments| probe::install(id, arguments));
    match started {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("partita-bench-plugin: {message}");
            1
        }
    }
}
