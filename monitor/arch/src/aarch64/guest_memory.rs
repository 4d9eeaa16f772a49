//! The monitor's access to the memory of the partition that runs.

use crate::machine::PartitionView;
use core::arch::asm;
use core::marker::PhantomData;

/// A right to read and write physical addresses of the partition that runs.
///
/// It is not `Send`: it stands for a state of this core.
pub struct Physical<'a> {
    partition: &'a PartitionView,
    not_send: PhantomData<*const ()>,
}

impl<'a> Physical<'a> {
    /// Of the partition, which runs on this core.
    #[inline]
    pub const fn of_running(partition: &'a PartitionView) -> Self {
        Self {
            partition,
            not_send: PhantomData,
        }
    }

    /// Reads a byte of the partition's RAM; `None` if it is not the partition's.
    #[inline]
    pub fn read_u8(&self, address: u64) -> Option<u8> {
        if !self.partition.is_ram(address, 1) {
            return None;
        }
        let value: u64;
        // SAFETY: the byte lies in RAM of the partition that runs, which the monitor's own data never does. The
        // partition may have written it without caches, so what caches have of it is written back first.
        unsafe {
            asm!(
                "dc civac, {address}",
                "dsb sy",
                "ldrb {value:w}, [{address}]",
                address = in(reg) address,
                value = out(reg) value,
                options(nostack, preserves_flags)
            );
        }
        Some(value as u8)
    }

    /// Writes a byte of the partition's RAM; returns whether it is the partition's.
    #[inline]
    pub fn write_u8(&self, address: u64, value: u8) -> bool {
        if !self.partition.is_ram(address, 1) {
            return false;
        }
        // SAFETY: as in `read_u8`; afterwards it is in memory.
        unsafe {
            asm!(
                "dc civac, {address}",
                "dsb sy",
                "strb {value:w}, [{address}]",
                "dc civac, {address}",
                "dsb sy",
                address = in(reg) address,
                value = in(reg) u64::from(value),
                options(nostack, preserves_flags)
            );
        }
        true
    }

    /// Writes a word of the partition's RAM, at a multiple of 8; returns whether it is the partition's.
    pub fn write_u64(&self, address: u64, value: u64) -> bool {
        if !address.is_multiple_of(8) || !self.partition.is_ram(address, 8) {
            return false;
        }
        // SAFETY: as in `write_u8`.
        unsafe {
            asm!(
                "dc civac, {address}",
                "dsb sy",
                "str {value}, [{address}]",
                "dc civac, {address}",
                "dsb sy",
                address = in(reg) address,
                value = in(reg) value,
                options(nostack, preserves_flags)
            );
        }
        true
    }

    /// Reads words of the partition's RAM; returns whether they all are the partition's.
    pub fn read_words(&self, address: u64, words: &mut [u64]) -> bool {
        let length = (words.len() as u64).saturating_mul(8);
        if !address.is_multiple_of(8) || !self.partition.is_ram(address, length) {
            return false;
        }
        let mut next = address;
        for word in words {
            // SAFETY: as in `read_u8`.
            unsafe {
                asm!(
                    "dc civac, {address}",
                    "dsb sy",
                    "ldr {value}, [{address}]",
                    address = in(reg) next,
                    value = out(reg) *word,
                    options(nostack, preserves_flags)
                );
            }
            next = next.wrapping_add(8);
        }
        true
    }
}
