//! Memory of a partition with random and hostile page tables in it, and states of a hart that uses them.

use std::cell::Cell;
use std::collections::BTreeMap;

use partita_virtual_riscv64::walk::{AccessKind, Privilege, TableMemory, Translation};
use proptest::prelude::*;
use proptest::sample::select;

pub const RAM: u64 = 0x8000_0000;
pub const PAGES: u64 = 12;

/// Sparse memory of a partition: what is not written reads as zero, what is outside does not exist.
#[derive(Debug, Default)]
pub struct Memory {
    pub words: BTreeMap<u64, u64>,
    pub reads: Cell<u32>,
}

impl Memory {
    pub fn peek(&self, physical: u64) -> Option<u64> {
        let inside = (RAM..RAM + PAGES * 4096).contains(&physical);
        inside.then(|| self.words.get(&physical).copied().unwrap_or(0))
    }
}

impl TableMemory for Memory {
    fn read_u64(&self, physical: u64) -> Option<u64> {
        assert_eq!(physical % 8, 0, "an entry is read at an unaligned address");
        self.reads.set(self.reads.get() + 1);
        self.peek(physical)
    }
}

/// A translation as plain values, for the oracle.
#[derive(Clone, Copy, Debug)]
pub struct State {
    pub satp: u64,
    pub privilege: Privilege,
    pub supervisor_user_memory: bool,
    pub make_executable_readable: bool,
}

impl State {
    pub fn translation(&self) -> Translation {
        Translation::new(
            self.satp,
            self.privilege,
            self.supervisor_user_memory,
            self.make_executable_readable,
        )
    }
}

/// Indexes that the random addresses use; the tables are filled there.
const INDEXES: [u64; 5] = [0, 1, 255, 256, 511];

pub fn entry() -> impl Strategy<Value = u64> {
    let ram_page = (0..PAGES).prop_map(|page| RAM / 4096 + page);
    let flags = prop_oneof![
        6 => select(vec![0xcfu64, 0xc7, 0x4b, 0xdf, 0x5b, 0xd7, 0x43, 0x49, 0x4f, 0x4f, 0x5f, 0x8f, 0x9f]),
        1 => 0u64..256,
    ];
    let aligned = select(vec![0u64, 9, 18, 27, 36]);
    let high = prop_oneof![
        10 => Just(0u64),
        1 => select(vec![1u64 << 61, 2 << 61, 3 << 61, 1 << 63, 1 << 54, 1 << 60, 3 << 62]),
        1 => (0u64..1024).prop_map(|bits| bits << 54),
    ];
    let software = (0u64..4).prop_map(|bits| bits << 8);
    let leaf = (
        0u64..1 << 44,
        aligned,
        flags,
        high.clone(),
        software.clone(),
    )
        .prop_map(|(page, zeros, flags, high, software)| {
            (page >> zeros << zeros) << 10 | flags | high | software
        });
    let contiguous = (
        0u64..1 << 40,
        select(vec![8u64, 8, 8, 0, 4, 12, 9, 15]),
        Just(0xdfu64),
    )
        .prop_map(|(page, low, flags)| (page << 4 | low) << 10 | flags & !0x10 | 1 << 63);
    prop_oneof![
        // Pointers, many of them back into the same few tables.
        12 => (ram_page.clone(), software).prop_map(|(page, software)| page << 10 | software | 1),
        1 => (ram_page.clone(), high, 0u64..256).prop_map(|(page, high, flags)| page << 10 | high | flags | 1),
        1 => (0u64..1 << 44).prop_map(|page| page << 10 | 1),
        1 => Just((RAM / 4096 + PAGES) << 10 | 1),
        1 => Just((RAM / 4096 - 1) << 10 | 1),
        5 => leaf,
        2 => contiguous,
        1 => any::<u64>(),
    ]
}

pub fn memory() -> impl Strategy<Value = Memory> {
    let slots = (PAGES as usize) * INDEXES.len();
    proptest::collection::vec(entry(), slots).prop_map(|entries| {
        let places = (0..PAGES).flat_map(|page| INDEXES.map(|index| RAM + page * 4096 + index * 8));
        Memory {
            words: places.zip(entries).collect(),
            reads: Cell::new(0),
        }
    })
}

pub fn address() -> impl Strategy<Value = u64> {
    let index = || select(INDEXES.to_vec());
    let built = (
        index(),
        index(),
        index(),
        index(),
        index(),
        0u64..4096,
        select(vec![39u32, 39, 39, 48, 57]),
    );
    let canonical = built.prop_map(|(a, b, c, d, e, offset, width)| {
        let address = a << 48 | b << 39 | c << 30 | d << 21 | e << 12 | offset;
        ((address << (64 - width)) as i64 >> (64 - width)) as u64
    });
    prop_oneof![9 => canonical, 1 => any::<u64>()]
}

pub fn translation() -> impl Strategy<Value = State> {
    let mode = prop_oneof![12 => select(vec![8u64, 9, 10]), 1 => 0u64..16];
    let root = prop_oneof![
        20 => (0..PAGES).prop_map(|page| RAM / 4096 + page),
        1 => 0u64..1 << 44,
    ];
    let privilege = select(vec![Privilege::User, Privilege::Supervisor]);
    (
        mode,
        any::<u16>(),
        root,
        privilege,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(mode, space, root, privilege, supervisor_user_memory, make_executable_readable)| {
                State {
                    satp: mode << 60 | u64::from(space) << 44 | root,
                    privilege,
                    supervisor_user_memory,
                    make_executable_readable,
                }
            },
        )
}

pub fn kind() -> impl Strategy<Value = AccessKind> {
    select(vec![AccessKind::Load, AccessKind::Store, AccessKind::Fetch])
}
