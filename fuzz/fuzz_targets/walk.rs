//! The page-table walk over tables that a partition wrote.
//!
//! A walk reads a bounded number of entries, all of them aligned, and what a walk remembers never
//! changes where an address leads.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use partita_virtual_riscv64::fetch::fetch;
use partita_virtual_riscv64::remember::RememberedWalk;
use partita_virtual_riscv64::walk::{AccessKind, MAXIMUM_LEVELS, TableMemory, Translation, walk};
use std::cell::Cell;

#[derive(Arbitrary, Debug)]
struct Input {
    satp: u64,
    mstatus: u64,
    /// Address, kind, and an entry of the tables that changes before the walk.
    accesses: Vec<(u64, u8, u16, u64)>,
    tables: Vec<u64>,
}

/// The partition's RAM: two pages at 2 GiB.
struct Memory {
    words: Vec<Cell<u64>>,
    reads: Cell<usize>,
}

const BASE: u64 = 0x8000_0000;
const WORDS: usize = 1024;

impl TableMemory for Memory {
    fn read_u64(&self, physical: u64) -> Option<u64> {
        assert!(
            physical.is_multiple_of(8),
            "an entry is read at {physical:#x}"
        );
        self.reads.set(self.reads.get() + 1);
        let word = physical.checked_sub(BASE)? / 8;
        self.words.get(usize::try_from(word).ok()?).map(Cell::get)
    }
}

fuzz_target!(|input: Input| {
    let word = |index: usize| Cell::new(input.tables.get(index).copied().unwrap_or(0));
    let memory = Memory {
        words: (0..WORDS).map(word).collect(),
        reads: Cell::new(0),
    };
    // Half of all roots shall lie in the memory.
    let root = if input.satp & 1 == 0 {
        BASE >> 12
    } else {
        input.satp & ((1 << 44) - 1)
    };
    let satp = input.satp & !((1 << 44) - 1) | root;
    let translation = Translation::of_trap(satp, input.mstatus);
    let mut remembered = RememberedWalk::new();
    let mut fetched = RememberedWalk::new();
    for (address, kind, position, entry) in input.accesses.iter().take(64) {
        memory.words[usize::from(*position) % WORDS].set(*entry);
        let kind = [AccessKind::Load, AccessKind::Store, AccessKind::Fetch][usize::from(*kind) % 3];
        memory.reads.set(0);
        let plain = walk(&memory, &translation, *address, kind);
        assert!(
            memory.reads.get() <= MAXIMUM_LEVELS,
            "{} reads",
            memory.reads.get()
        );
        assert_eq!(
            remembered.walk(&memory, &translation, *address, kind),
            plain
        );
        if let Ok(physical) = plain {
            assert_eq!(physical.0 & 0xfff, address & 0xfff);
        }
        let _ = fetch(&mut fetched, &memory, &translation, *address);
    }
});
