//! Memory of partitions that do not run.

use core::arch::asm;
use partita_abi::table::Partition;

/// Fills whole lines of 64 bytes from `address` with zeros.
///
/// # Safety
/// The lines lie in RAM of a partition that does not run.
#[inline]
pub unsafe fn clear_lines(address: u64, length: u64) {
    let mut line = address;
    let end = address.saturating_add(length / 64 * 64);
    while line < end {
        // SAFETY: the caller's promise, and the monitor's own data is never in a partition's RAM. In assembly,
        // as the compiler makes a call of `memset` of it that takes four times as long.
        unsafe {
            asm!(
                "sd zero, 0({line})",
                "sd zero, 8({line})",
                "sd zero, 16({line})",
                "sd zero, 24({line})",
                "sd zero, 32({line})",
                "sd zero, 40({line})",
                "sd zero, 48({line})",
                "sd zero, 56({line})",
                line = in(reg) line,
                options(nostack, preserves_flags)
            );
        }
        line = line.wrapping_add(64);
    }
}

/// Whether a partition's parts have to be fetched: all are in the store.
#[inline(always)]
pub const fn is_fetched(_: &Partition) -> bool {
    false
}

/// Fetches a piece of a part, where parts are fetched.
///
/// # Safety
/// None is needed here; it is on other architectures.
#[inline(always)]
pub const unsafe fn fetch(_: u64, _: u64, _: u64, _: u64) -> bool {
    false
}

/// Makes what was written to RAM of a partition that does not run visible to it when it starts: harts see it
/// anyway, and fence when a virtual core is entered.
///
/// # Safety
/// None is needed here; it is on other architectures.
#[inline(always)]
pub const unsafe fn write_back(_: u64, _: u64) {}
