//! The page-table walk against an oracle that states the specification in another way, on random
//! and hostile tables.

mod oracle;
mod tables;

use std::collections::BTreeMap;

use partita_virtual_riscv64::fetch::fetch;
use partita_virtual_riscv64::remember::RememberedWalk;
use partita_virtual_riscv64::walk::{
    AccessKind, ClaimedPhysical, Privilege, Translation, WalkError, walk,
};
use proptest::prelude::*;
use tables::{Memory, PAGES, RAM, State, address, entry, kind, memory, translation};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

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

#[test]
fn a_permission_is_not_remembered_beyond_the_entry_that_gave_it() {
    let (mut memory, state) = one_page(0x1000_0000 >> 2 | 0xe7);
    let mut remembered = RememberedWalk::new();
    let mut look =
        |memory: &Memory, kind| remembered.walk(memory, &state.translation(), LEAF_ADDRESS, kind);
    let page = Ok(ClaimedPhysical(0x1000_0000));
    assert_eq!(look(&memory, AccessKind::Store), page);
    memory
        .words
        .insert(RAM + 4 * 4096 + 8, 0x1000_0000 >> 2 | 0x63);
    assert_eq!(look(&memory, AccessKind::Load), page);
    assert_eq!(
        look(&memory, AccessKind::Store),
        Err(WalkError::NotPermitted)
    );
}

#[test]
fn an_instruction_across_two_pages_that_are_not_neighbours_in_memory_is_fetched_whole() {
    let (mut memory, state) = one_page((RAM + 6 * 4096) >> 2 | 0x4b);
    memory
        .words
        .insert(RAM + 4 * 4096 + 16, (RAM + 9 * 4096) >> 2 | 0x4b);
    memory.words.insert(RAM + 6 * 4096 + 0xff8, 0x8503 << 48);
    memory.words.insert(RAM + 7 * 4096, 0xdead);
    memory.words.insert(RAM + 9 * 4096, 0x0005);
    let mut remembered = RememberedWalk::new();
    let found = fetch(
        &mut remembered,
        &memory,
        &state.translation(),
        LEAF_ADDRESS + 0xffe,
    );
    assert_eq!(found, Ok(0x0005_8503));
}
