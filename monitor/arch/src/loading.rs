//! The memory side of loading a partition.

use crate::arch;
use crate::console;
use crate::cores::Core;
use crate::machine::Machine;
use crate::measurement;
use partita_abi::table::{PartRole, Partition};
use partita_monitor_core::loader::{Corrupt, LoadMemory, Loader, Progress};
use partita_monitor_core::text::Text;

struct Memory;

impl LoadMemory for Memory {
    #[inline]
    fn scrub(&mut self, address: u64, length: u64) {
        // SAFETY: RAM of a partition that does not run (the table was checked). Regions are made of pages, and
        // steps of lines.
        unsafe { arch::memory::clear_lines(address, length) };
    }

    #[inline]
    fn read(&self, address: u64, length: u64, sink: impl FnOnce(&[u8])) {
        // SAFETY: the range lies in RAM of a partition that does not run (the table was checked).
        sink(unsafe { core::slice::from_raw_parts(address as *const u8, length as usize) });
    }

    #[inline]
    fn copy(
        &mut self,
        partition: &Partition,
        source: u64,
        destination: u64,
        length: u64,
        work_end: u64,
    ) -> bool {
        if arch::memory::is_fetched(partition) {
            // SAFETY: RAM of a partition that does not run, below the end of one of its regions (the table was
            // checked).
            return unsafe { arch::memory::fetch(source, destination, length, work_end) };
        }
        // SAFETY: from the store to RAM of a partition that does not run; the two never overlap (the
        // table was checked: RAM lies above the store).
        unsafe {
            core::ptr::copy_nonoverlapping(
                source as *const u8,
                destination as *mut u8,
                length as usize,
            );
            arch::memory::write_back(destination, length);
        }
        true
    }
}

/// Loads until an interrupt is pending (`None`) or loading has ended.
pub fn until_interrupt(
    machine: &Machine,
    partition: usize,
    loader: &mut Loader,
) -> Option<Result<(), Corrupt>> {
    let entry = machine.table.partitions.get(partition)?;
    loop {
        if arch::is_interrupted() {
            return None;
        }
        match loader.step(&machine.table, entry, &mut Memory) {
            Progress::More => {}
            Progress::Done => {
                measurement::note_loaded(partition, true);
                return Some(Ok(()));
            }
            Progress::Corrupt(corrupt) => {
                measurement::note_loaded(partition, false);
                return Some(Err(corrupt));
            }
        }
    }
}

/// Names the stored part that keeps a partition from starting.
pub fn tell_corrupt(core: &Core, partition: usize, corrupt: Corrupt) {
    let table = &core.machine.table;
    let Some(entry) = table.partitions.get(partition) else {
        return;
    };
    let mut parts = table.image_parts_of(entry).iter();
    let role = parts
        .find(|part| part.source == corrupt.source)
        .and_then(|part| PartRole::from_number(part.role));
    let mut line = Text::<200>::new();
    line.bytes(entry.name.letters())
        .text(" is not started: its ");
    line.text(role.map_or("image", PartRole::name));
    line.text(if corrupt.is_there {
        " does not match its digest"
    } else {
        " is not in the second file"
    });
    console::monitor_line(core, line.as_bytes());
}
