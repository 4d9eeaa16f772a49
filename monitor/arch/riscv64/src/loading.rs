//! The memory side of loading a partition.

use crate::csr::{self, interrupt};
use crate::machine::Machine;
use partita_monitor_core::loader::{LoadMemory, Loader, Progress};

struct Memory;

impl LoadMemory for Memory {
    #[inline]
    fn scrub(&mut self, address: u64, length: u64) {
        // Whole lines of 64 bytes: regions are made of pages, and steps of lines.
        for line in 0..length / 64 {
            // SAFETY: the line lies in RAM of a partition that does not run (the table was checked),
            // and the monitor's own data is never in a partition's RAM.
            unsafe { ((address + 64 * line) as *mut [u64; 8]).write([0; 8]) };
        }
    }

    #[inline]
    fn read_store(&self, address: u64, length: u64, sink: impl FnOnce(&[u8])) {
        // SAFETY: the range lies in the store (the table was checked), which nothing ever writes.
        sink(unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) });
    }

    #[inline]
    fn copy(&mut self, source: u64, destination: u64, length: u64) {
        // SAFETY: from the store to RAM of a partition that does not run; the two never overlap (the
        // table was checked: RAM lies above the store).
        unsafe {
            core::ptr::copy_nonoverlapping(
                source as *const u8,
                destination as *mut u8,
                length as usize,
            );
        }
    }
}

/// Loads until an interrupt is pending (`None`) or loading has ended. A stored image that does not
/// match its hash is an error with its address.
pub fn until_interrupt(
    machine: &Machine,
    partition: usize,
    loader: &mut Loader,
) -> Option<Result<(), u64>> {
    let entry = machine.table.partitions.get(partition)?;
    loop {
        if csr::read!("mip") & interrupt::MACHINE != 0 {
            return None;
        }
        match loader.step(&machine.table, entry, &mut Memory) {
            Progress::More => {}
            Progress::Done => return Some(Ok(())),
            Progress::Corrupt { source } => return Some(Err(source)),
        }
    }
}
