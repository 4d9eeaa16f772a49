//! The page-table walk against an oracle that states the specification in another way, on random
//! and hostile tables.

use std::cell::Cell;
use std::collections::BTreeMap;

use partita_virtual_riscv64::fetch::fetch;
use partita_virtual_riscv64::remember::RememberedWalk;
use partita_virtual_riscv64::walk::{
    AccessKind, ClaimedPhysical, Privilege, TableMemory, Translation, WalkError, walk,
};
use proptest::prelude::*;
use proptest::sample::select;

const RAM: u64 = 0x8000_0000;
const PAGES: u64 = 12;

/// Sparse memory of a partition: what is not written reads as zero, what is outside does not exist.
#[derive(Debug, Default)]
struct Memory {
    words: BTreeMap<u64, u64>,
    reads: Cell<u32>,
}

impl Memory {
    fn peek(&self, physical: u64) -> Option<u64> {
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
struct State {
    satp: u64,
    privilege: Privilege,
    supervisor_user_memory: bool,
    make_executable_readable: bool,
}

impl State {
    fn translation(&self) -> Translation {
        Translation::new(
            self.satp,
            self.privilege,
            self.supervisor_user_memory,
            self.make_executable_readable,
        )
    }
}

/// The oracle: numbers as lists of bits, levels by recursion, permissions as a set of letters.
mod oracle {
    use super::*;

    fn bits(value: u64, high: u32, low: u32) -> u64 {
        (low..=high)
            .map(|bit| (value >> bit & 1) << (bit - low))
            .sum()
    }

    fn letters(entry: u64) -> String {
        "VRWXUGAD"
            .chars()
            .enumerate()
            .filter(|(bit, _)| entry >> bit & 1 == 1)
            .map(|l| l.1)
            .collect()
    }

    pub fn translate(
        memory: &Memory,
        state: &State,
        address: u64,
        kind: AccessKind,
    ) -> Result<u64, WalkError> {
        let levels = match bits(state.satp, 63, 60) {
            0 => return Ok(address),
            8 => 3,
            9 => 4,
            10 => 5,
            _ => return Err(WalkError::ReservedMode),
        };
        let top = 12 + 9 * levels - 1;
        if (top..64).any(|bit| bits(address, bit, bit) != bits(address, top, top)) {
            return Err(WalkError::NotCanonical);
        }
        level(
            memory,
            state,
            address,
            kind,
            bits(state.satp, 43, 0) * 4096,
            levels,
        )
    }

    fn level(
        memory: &Memory,
        state: &State,
        address: u64,
        kind: AccessKind,
        table: u64,
        levels_left: u32,
    ) -> Result<u64, WalkError> {
        let level_index = levels_left - 1;
        let low = 12 + 9 * level_index;
        let place = table + 8 * bits(address, low + 8, low);
        let entry = memory
            .peek(place)
            .ok_or(WalkError::TableOutsideMemory(place))?;
        let flags = letters(entry);
        let has = |letter: char| flags.contains(letter);
        let n = bits(entry, 63, 63) == 1;
        let memory_type = bits(entry, 62, 61);
        let leaf = has('R') || has('X');
        let page_number = bits(entry, 53, 10);
        let rules: [(bool, WalkError); 3] = [
            (!has('V'), WalkError::NotValid),
            (!has('R') && has('W'), WalkError::WriteWithoutRead),
            (
                bits(entry, 60, 54) != 0 || memory_type == 3,
                WalkError::ReservedBits,
            ),
        ];
        if let Some((_, error)) = rules.into_iter().find(|(broken, _)| *broken) {
            return Err(error);
        }
        if !leaf {
            if n || memory_type != 0 || has('D') || has('A') || has('U') {
                return Err(WalkError::ReservedBits);
            }
            if level_index == 0 {
                return Err(WalkError::NoLeaf);
            }
            return level(
                memory,
                state,
                address,
                kind,
                page_number * 4096,
                level_index,
            );
        }
        let user_page = has('U');
        let user_ok = match (state.privilege, kind) {
            (Privilege::User, _) => user_page,
            (Privilege::Supervisor, AccessKind::Fetch) => !user_page,
            (Privilege::Supervisor, _) => !user_page || state.supervisor_user_memory,
        };
        let kind_ok = match kind {
            AccessKind::Fetch => has('X'),
            AccessKind::Store => has('W'),
            AccessKind::Load => has('R') || state.make_executable_readable,
        };
        let pages = 512u64.pow(level_index);
        let rules = [
            (
                n && (level_index != 0 || page_number % 16 != 8),
                WalkError::ReservedContiguousSize,
            ),
            (!user_ok || !kind_ok, WalkError::NotPermitted),
            (
                !page_number.is_multiple_of(pages),
                WalkError::MisalignedSuperpage,
            ),
            (!has('A'), WalkError::NotAccessed),
            (kind == AccessKind::Store && !has('D'), WalkError::NotDirty),
        ];
        if let Some((_, error)) = rules.into_iter().find(|(broken, _)| *broken) {
            return Err(error);
        }
        if n {
            let first_page = page_number - page_number % 16;
            return Ok((first_page + bits(address, 15, 12)) * 4096 + bits(address, 11, 0));
        }
        Ok(page_number * 4096 + address % (pages * 4096))
    }
}

/// Indexes that the random addresses use; the tables are filled there.
const INDEXES: [u64; 5] = [0, 1, 255, 256, 511];

fn entry() -> impl Strategy<Value = u64> {
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

fn memory() -> impl Strategy<Value = Memory> {
    let slots = (PAGES as usize) * INDEXES.len();
    proptest::collection::vec(entry(), slots).prop_map(|entries| {
        let places = (0..PAGES).flat_map(|page| INDEXES.map(|index| RAM + page * 4096 + index * 8));
        Memory {
            words: places.zip(entries).collect(),
            reads: Cell::new(0),
        }
    })
}

fn address() -> impl Strategy<Value = u64> {
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

fn translation() -> impl Strategy<Value = State> {
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

fn kind() -> impl Strategy<Value = AccessKind> {
    select(vec![AccessKind::Load, AccessKind::Store, AccessKind::Fetch])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_agrees_with_the_oracle_on_random_and_hostile_tables(
        memory in memory(),
        state in translation(),
        addresses in proptest::collection::vec(address(), 16),
        kind in kind(),
    ) {
        for address in addresses {
            memory.reads.set(0);
            let found = walk(&memory, &state.translation(), address, kind).map(|physical| physical.0);
            prop_assert!(memory.reads.get() <= 5);
            prop_assert_eq!(found, oracle::translate(&memory, &state, address, kind));
        }
    }

    #[test]
    fn a_remembered_walk_is_never_stale(
        memory in memory(),
        states in proptest::collection::vec(translation(), 2),
        addresses in proptest::collection::vec(address(), 2),
        steps in proptest::collection::vec(
            (0usize..2, 0usize..2, kind(), any::<bool>(), 0u32..5, entry(), any::<bool>()), 1..24
        ),
    ) {
        let mut memory = memory;
        let mut remembered = RememberedWalk::new();
        for (state, address, kind, again, level, new, change) in steps {
            let (state, address) = (states[state].translation(), addresses[address]);
            for _ in 0..=u32::from(again) {
                memory.reads.set(0);
                let found = remembered.walk(&memory, &state, address, kind);
                prop_assert!(memory.reads.get() <= 10);
                prop_assert_eq!(found, walk(&memory, &state, address, kind));
            }
            if change {
                // Changes one entry on the way, in whichever of the tables.
                let index = address >> (12 + 9 * level) & 0x1ff;
                let page = RAM + u64::from(level) % PAGES * 4096;
                memory.words.insert(page + index * 8, new);
            }
        }
    }

    #[test]
    fn a_trap_state_selects_the_same_translation_as_its_parts(state in translation(), noise: u64) {
        let used = 3 << 11 | 3 << 18;
        let mpp = match state.privilege {
            Privilege::User => 0,
            Privilege::Supervisor => 1u64 << 11,
        };
        let mstatus = noise & !used
            | mpp
            | u64::from(state.supervisor_user_memory) << 18
            | u64::from(state.make_executable_readable) << 19;
        prop_assert_eq!(Translation::of_trap(state.satp, mstatus), state.translation());
    }

    #[test]
    fn a_fetch_reads_both_halves_through_their_own_pages(
        memory in memory(),
        state in translation(),
        address in address(),
        near_end in any::<bool>(),
    ) {
        let address = if near_end { address | 0xffe } else { address & !1 };
        let half = |address: u64| -> Result<u64, WalkError> {
            let physical = oracle::translate(&memory, &state, address, AccessKind::Fetch)?;
            let word = memory.peek(physical & !7).ok_or(WalkError::TableOutsideMemory(physical))?;
            Ok(word >> (8 * (physical & 6)) & 0xffff)
        };
        let expected = half(address).and_then(|low| match low & 3 {
            3 => half(address.wrapping_add(2)).map(|high| (high << 16 | low) as u32),
            _ => Ok(low as u32),
        });
        let found = fetch(&mut RememberedWalk::new(), &memory, &state.translation(), address);
        match (found, expected) {
            (Err(found), Err(expected)) => prop_assert_eq!(
                std::mem::discriminant(&found), std::mem::discriminant(&expected)
            ),
            (found, expected) => prop_assert_eq!(found, expected),
        }
    }
}

/// A Sv57 address space with one page at `LEAF_ADDRESS`, whose entry is given.
fn one_page(entry: u64) -> (Memory, State) {
    let mut memory = Memory::default();
    for level in 0..4u64 {
        memory
            .words
            .insert(RAM + level * 4096 + 8, (RAM / 4096 + level + 1) << 10 | 1);
    }
    memory.words.insert(RAM + 4 * 4096 + 8, entry);
    let state = State {
        satp: (10 << 60) | (RAM / 4096),
        privilege: Privilege::Supervisor,
        supervisor_user_memory: false,
        make_executable_readable: false,
    };
    (memory, state)
}

const LEAF_ADDRESS: u64 = 1 << 48 | 1 << 39 | 1 << 30 | 1 << 21 | 1 << 12;

#[test]
fn a_device_page_of_linux_translates() {
    let (memory, state) = one_page(0x1000_0000 >> 2 | 0xe7);
    let found = walk(
        &memory,
        &state.translation(),
        LEAF_ADDRESS + 5,
        AccessKind::Store,
    );
    assert_eq!(found, Ok(ClaimedPhysical(0x1000_0005)));
    assert_eq!(memory.reads.get(), 5);
}

#[test]
fn a_table_that_points_to_itself_ends_after_five_reads() {
    let mut memory = Memory::default();
    memory.words.insert(RAM, RAM >> 2 | 1);
    let (_, state) = one_page(0);
    assert_eq!(
        walk(&memory, &state.translation(), 0, AccessKind::Load),
        Err(WalkError::NoLeaf)
    );
    assert_eq!(memory.reads.get(), 5);
}

#[test]
fn only_eight_in_the_low_page_number_makes_a_64_kib_page() {
    for low in 0..16u64 {
        let (memory, state) = one_page((0x12340 | low) << 10 | 1 << 63 | 0xc7);
        let expected = match low {
            8 => Ok(ClaimedPhysical(0x1234_1abc)),
            _ => Err(WalkError::ReservedContiguousSize),
        };
        assert_eq!(
            walk(
                &memory,
                &state.translation(),
                LEAF_ADDRESS + 0xabc,
                AccessKind::Load
            ),
            expected
        );
    }
}

#[test]
fn each_reserved_bit_ends_the_walk() {
    for bit in 54..=60 {
        let (memory, state) = one_page(1 << bit | 0xcf);
        let found = walk(
            &memory,
            &state.translation(),
            LEAF_ADDRESS,
            AccessKind::Load,
        );
        assert_eq!(found, Err(WalkError::ReservedBits), "bit {bit}");
    }
}

#[test]
fn the_supervisor_reaches_user_pages_only_with_sum_and_never_executes_them() {
    let (memory, mut state) = one_page(0xdf);
    let reach =
        |state: &State, kind| walk(&memory, &state.translation(), LEAF_ADDRESS, kind).is_ok();
    assert!(!reach(&state, AccessKind::Load));
    state.supervisor_user_memory = true;
    assert!(reach(&state, AccessKind::Load) && reach(&state, AccessKind::Store));
    assert!(!reach(&state, AccessKind::Fetch));
}

#[test]
fn an_unreadable_table_is_an_access_fault_and_anything_else_a_page_fault() {
    let causes = |error: WalkError| {
        [AccessKind::Fetch, AccessKind::Load, AccessKind::Store].map(|kind| error.cause(kind))
    };
    assert_eq!(causes(WalkError::TableOutsideMemory(0)), [1, 5, 7]);
    assert_eq!(causes(WalkError::NotDirty), [12, 13, 15]);
}

#[test]
fn the_random_tables_reach_every_outcome() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut outcomes = BTreeMap::<String, u32>::new();
    for _ in 0..4_000 {
        let case = (
            memory(),
            translation(),
            proptest::collection::vec(address(), 16),
            kind(),
        );
        let (memory, state, addresses, kind) = case.new_tree(&mut runner).unwrap().current();
        for address in addresses {
            let outcome = match walk(&memory, &state.translation(), address, kind) {
                Ok(_) => format!("page after {} entries", memory.reads.get()),
                Err(error) => format!("{error:?}").split('(').next().unwrap().to_owned(),
            };
            memory.reads.set(0);
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    // Bare (no entry), one to five entries, and the twelve errors.
    assert_eq!(outcomes.len(), 6 + 12, "{outcomes:#?}");
    assert!(outcomes.values().all(|count| *count >= 20), "{outcomes:#?}");
}

#[test]
fn a_remembered_walk_follows_a_changed_entry_at_every_level() {
    for level in 0..5u64 {
        let (mut memory, state) = one_page(0x1000_0000 >> 2 | 0xe7);
        let mut remembered = RememberedWalk::new();
        let mut look = |memory: &Memory| {
            remembered.walk(
                memory,
                &state.translation(),
                LEAF_ADDRESS + 5,
                AccessKind::Load,
            )
        };
        assert_eq!(look(&memory), Ok(ClaimedPhysical(0x1000_0005)));
        memory.reads.set(0);
        assert_eq!(look(&memory), Ok(ClaimedPhysical(0x1000_0005)));
        assert_eq!(memory.reads.get(), 5);
        let old = memory.words.insert(RAM + level * 4096 + 8, 0);
        assert_eq!(look(&memory), Err(WalkError::NotValid), "level {level}");
        memory.words.insert(RAM + level * 4096 + 8, old.unwrap());
        assert_eq!(look(&memory), Ok(ClaimedPhysical(0x1000_0005)));
    }
}
