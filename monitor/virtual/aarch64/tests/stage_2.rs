//! Stage-2 tables against a walk written from the architecture alone.

use partita_virtual_aarch64::stage_2::{
    CONTROL, Exception, Kind, Range, Refusal, SECURE_CONTROL, Table, Tables,
};
use proptest::prelude::*;

const READ: u8 = 1;
const WRITE: u8 = 2;
const EXECUTE: u8 = 4;
const PAGE: u64 = 4096;

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reached {
    address: u64,
    rights: u8,
    is_memory: bool,
}

/// Translates as a core does whose `VSTCR_EL2` is `control` (DDI 0487, D8.2.8: "Translation process for 4 KiB"), with
/// tables of which the first is at `base`.
fn walk(tables: &[Table], control: u64, base: u64, address: u64) -> Option<Reached> {
    let input_bits = 64 - (control & 0x3f);
    assert_eq!(control >> 14 & 3, 0, "granule of 4 KiB");
    // `SL0` for this granule: 0 is level 2, 1 is level 1, 2 is level 0.
    let mut level = 2 - (control >> 6 & 3);
    if address >> input_bits != 0 {
        return None;
    }
    let mut at = base;
    loop {
        let shift = 12 + 9 * (3 - level);
        let first = core::ptr::from_ref(&tables[0]) as u64;
        let number = usize::try_from((at - first) / PAGE).unwrap();
        assert_eq!((at - first) % PAGE, 0);
        let descriptor = tables[number].entries()[(address >> shift & 511) as usize];
        let is_leaf = match (descriptor & 3, level) {
            (0 | 2, _) | (1, 3) => return None,
            (3, 3) => true,
            (1, _) => true,
            (_, _) => false,
        };
        let output = descriptor & 0x0000_ffff_ffff_f000;
        if !is_leaf {
            at = output;
            level += 1;
            continue;
        }
        assert_ne!(descriptor & 1 << 10, 0, "the access flag is not managed");
        let offset = (1_u64 << shift) - 1;
        assert_eq!(output & offset, 0, "an address of a whole block or page");
        let mut rights = (descriptor >> 6 & 3) as u8;
        // `XN[1:0]`: 0 for all, 2 for nobody, the others tell levels apart.
        match descriptor >> 53 & 3 {
            0 => rights |= EXECUTE,
            2 => {}
            _ => panic!("EL0 and EL1 differ"),
        }
        let is_memory = match descriptor >> 2 & 0xf {
            0b1111 => {
                assert_eq!(descriptor >> 8 & 3, 3, "inner shareable");
                true
            }
            0 => false,
            other => panic!("memory of kind {other}"),
        };
        return Some(Reached {
            address: output | address & offset,
            rights,
            is_memory,
        });
    }
}

const fn range(base: u64, size: u64, rights: u8, kind: Kind) -> Range {
    Range {
        base,
        output: base,
        size,
        rights,
        kind,
    }
}

#[test]
fn the_controls_say_what_the_tables_are_like() {
    for control in [SECURE_CONTROL, CONTROL] {
        assert_eq!(64 - (control & 0x3f), 39);
        assert_eq!(control >> 6 & 3, 1, "the first lookup is at level 1");
        assert_eq!(control >> 29 & 3, 0, "walks and results are secure");
        assert_eq!(control >> 31, 1);
    }
}

#[test]
fn a_program_reaches_its_memory_and_its_device_and_not_the_neighbours_pages() {
    let mut all = vec![Table::EMPTY; 5];
    let mut tables = Tables::new(&mut all, 0);
    let first = tables.begin().unwrap();
    let all_rights = READ | WRITE | EXECUTE;
    let memory = range(0xe20_0000, 0x8_0000, all_rights, Kind::Memory);
    let device = range(0x901_0000, 0x1000, READ | WRITE, Kind::Device);
    tables.open(first, memory).unwrap();
    tables.open(first, device).unwrap();
    assert_eq!(tables.used(), 4);
    let base = tables.address(first);
    let reached = |address| walk(&all, SECURE_CONTROL, base, address);
    let of_memory = |address| Reached {
        address,
        rights: all_rights,
        is_memory: true,
    };
    for address in [0xe20_0000, 0xe20_0fff, 0xe27_ffff] {
        assert_eq!(reached(address), Some(of_memory(address)));
    }
    let of_device = Reached {
        address: 0x901_0018,
        rights: READ | WRITE,
        is_memory: false,
    };
    assert_eq!(reached(0x901_0018), Some(of_device));
    for address in [
        0,
        0x900_ffff,
        0x901_1000,
        0xe1f_ffff,
        0xe28_0000,
        0x4e20_0000,
    ] {
        assert_eq!(reached(address), None, "{address:#x}");
    }
}

#[test]
fn what_cannot_be_opened_is_refused() {
    let mut all = vec![Table::EMPTY; 3];
    let mut tables = Tables::new(&mut all, 0);
    let first = tables.begin().unwrap();
    let mut open = |base, size| tables.open(first, range(base, size, READ, Kind::Memory));
    for (base, size) in [
        (0x1001, PAGE),
        (0x1000, 1),
        (0x7f_ffff_f000, 2 * PAGE),
        (0x80_0000_0000, PAGE),
        (!0xfff, PAGE),
        (0x1000, !0xfff),
    ] {
        assert_eq!(open(base, size), Err(Refusal::Range), "{base:#x} {size:#x}");
    }
    assert_eq!(open(0x20_0000, 0x20_0000), Ok(()));
    assert_eq!(open(0x20_0000, 0x20_0000), Err(Refusal::Overlap));
    assert_eq!(open(0x20_1000, PAGE), Err(Refusal::Overlap));
    assert_eq!(open(0x40_1000, PAGE), Ok(()));
    assert_eq!(open(0x40_1000, PAGE), Err(Refusal::Overlap));
    assert_eq!(open(0x40_0000, 0x20_0000), Err(Refusal::Overlap));
    assert_eq!(open(0x60_1000, PAGE), Err(Refusal::Full));
    assert_eq!(tables.begin(), Err(Refusal::Full));
}

#[test]
fn a_denied_access_tells_the_address_it_reached_for() {
    const READ_AT_LEVEL_3: u64 = 0x24 << 26 | 1 << 25 | 7;
    let exception = Exception {
        syndrome: READ_AT_LEVEL_3,
        address: 0xffff_0000_1234_5678,
        page: 0xe200 << 4,
    };
    assert!(exception.is_abort());
    assert_eq!(exception.reached(), 0xe20_0678);
    // In the alias of the normal world, the highest bit of `HPFAR_EL2` is set.
    let alias = Exception {
        page: 1 << 63 | 0x4_0000 << 4,
        ..exception
    };
    assert_eq!(alias.reached(), 0x4000_0678);
    // A write that a permission denies: only the virtual address is known.
    let permission = Exception {
        syndrome: 0x24 << 26 | 1 << 25 | 1 << 6 | 0xf,
        ..exception
    };
    assert_eq!(permission.reached(), exception.address);
    // On a walk of the program's own tables, the address in the page is not told.
    let walk = Exception {
        syndrome: READ_AT_LEVEL_3 | 1 << 7,
        ..exception
    };
    assert_eq!(walk.reached(), 0xe20_0000);
    assert!(
        !Exception {
            syndrome: 0x18 << 26,
            ..exception
        }
        .is_abort()
    );
    assert!(
        Exception {
            syndrome: 0x20 << 26 | 7,
            ..exception
        }
        .is_abort()
    );
}

/// Pages before and behind the end of a gigabyte.
const FIRST: u64 = 0x4_0000 - 0x1000;

proptest! {
    #[test]
    fn partitions_reach_exactly_what_was_opened_for_them(
        regions in prop::collection::vec(
            (0usize..2, FIRST..FIRST + 0x1400, 1u64..0x600, 0u8..8, any::<bool>(), 0usize..3), 1..6),
        probes in prop::collection::vec((FIRST..FIRST + 0x1a00, 0u64..PAGE), 200),
    ) {
        let mut all = vec![Table::EMPTY; 40];
        let mut tables = Tables::new(&mut all, 0);
        let firsts = [tables.begin().unwrap(), tables.begin().unwrap()];
        let mut opened: Vec<(usize, u64, u64, u8, bool, u64)> = Vec::new();
        for (program, page, pages, rights, is_memory, moved) in regions {
            let moved = [0, 0x20_0000, 0x3000][moved];
            let overlaps = |(other, first, count, ..): &(usize, u64, u64, u8, bool, u64)| {
                *other == program && page < first + count && *first < page + pages
            };
            if opened.iter().any(overlaps) {
                continue;
            }
            let kind = if is_memory { Kind::Memory } else { Kind::Device };
            let range = Range {
                output: page * PAGE + moved,
                ..range(page * PAGE, pages * PAGE, rights, kind)
            };
            prop_assert_eq!(tables.open(firsts[program], range), Ok(()));
            opened.push((program, page, pages, rights, is_memory, moved));
        }
        let bases = firsts.map(|first| tables.address(first));
        // All ends, and what chance brings.
        let ends = opened.iter().flat_map(|(_, page, pages, ..)| {
            [*page, page + pages - 1, page.saturating_sub(1), page + pages]
        });
        let ends: Vec<(u64, u64)> = ends.map(|page| (page, 0x123)).collect();
        for (page, offset) in probes.into_iter().chain(ends) {
            for (program, base) in bases.iter().enumerate() {
                let address = page * PAGE + offset;
                let owner = opened.iter().find(|(of, first, count, ..)| {
                    *of == program && (*first..first + count).contains(&page)
                });
                let expected = owner.map(|(_, _, _, rights, is_memory, moved)| Reached {
                    address: address + moved,
                    rights: if *is_memory { *rights } else { rights & (READ | WRITE) },
                    is_memory: *is_memory,
                });
                prop_assert_eq!(walk(&all, SECURE_CONTROL, *base, address), expected);
            }
        }
    }
}
