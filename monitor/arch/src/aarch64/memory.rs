//! Memory of partitions that do not run.

pub use crate::arch::images_device::{fetch, is_fetched};
use core::arch::asm;

/// Bytes that one step of cache maintenance is sure to cover: no data cache has shorter lines here.
const LINE: u64 = 64;

/// Fills whole lines of 64 bytes from `address` with zeros, in memory as in caches: a partition starts without
/// caches.
///
/// # Safety
/// The lines lie in RAM of a partition that does not run.
#[inline]
pub unsafe fn clear_lines(address: u64, length: u64) {
    let mut line = address;
    let end = address.saturating_add(length / LINE * LINE);
    while line < end {
        // SAFETY: the caller's promise, and the monitor's own data is never in a partition's RAM.
        unsafe {
            asm!(
                "stp xzr, xzr, [{line}]",
                "stp xzr, xzr, [{line}, #16]",
                "stp xzr, xzr, [{line}, #32]",
                "stp xzr, xzr, [{line}, #48]",
                "dc civac, {line}",
                line = in(reg) line,
                options(nostack, preserves_flags)
            );
        }
        line = line.wrapping_add(LINE);
    }
}

/// Makes what was written to RAM of a partition that does not run visible to it when it starts, without caches.
///
/// # Safety
/// The range lies in RAM of a partition that does not run.
pub unsafe fn write_back(address: u64, length: u64) {
    let mut line = address & !(LINE - 1);
    let end = address.saturating_add(length);
    while line < end {
        // SAFETY: the caller's promise; what is in memory afterwards is what was in caches.
        unsafe { asm!("dc civac, {line}", line = in(reg) line, options(nostack, preserves_flags)) };
        line = line.wrapping_add(LINE);
    }
}
