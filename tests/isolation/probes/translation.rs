//! Page tables that lead where they must not (privileged specification 1.12, 4.3 to 4.6).
//!
//! The prober runs without translation; each of these probes turns it on for one instruction.

use super::{Probe, fault, probe, value};
use crate::ground::{Ground, SCRATCH};
use crate::instructions::{ADD, Access, FURTHER, LOAD_BYTE, LOAD_DOUBLE, STORE_DOUBLE, STORE_WORD};
use crate::probe::{Expected, From, Variant};

const SECTION: &str = "Page tables";
/// Modes of `satp`: Sv39, Sv48, Sv57, and one that is reserved.
pub const SV39: u64 = 8 << 60;
const SV48: u64 = 9 << 60;
const SV57: u64 = 10 << 60;
const RESERVED_MODE: u64 = 7 << 60;
/// Tables in the prober's own memory. The root maps the lower 4 GiB onto themselves.
pub const ROOT: u64 = SCRATCH;
const MIDDLE: u64 = SCRATCH + 0x1000;
pub const LEAVES: u64 = SCRATCH + 0x2000;
const HIGHER: u64 = SCRATCH + 0x3000;
const HIGHEST: u64 = SCRATCH + 0x4000;
/// Where the virtual addresses of these probes begin: the root's entry 5.
pub const ALIAS: u64 = 5 << 30;
/// Valid; a leaf that allows everything, accessed and dirty; the same without the right to write; one
/// with the reserved right to write only.
pub const TABLE: u64 = 1;
pub const LEAF: u64 = 0xcf;
const WRITE_ONLY: u64 = 0xc5;
/// A reserved bit (4.4.1).
const RESERVED: u64 = 1 << 57;
/// A page of another size, and the one size that there is (Svnapot 1.0).
const NAPOT: u64 = 1 << 63;
const NAPOT_64K: u64 = 0b1000;
/// Trap causes of page faults.
const FETCH_PAGE_FAULT: u32 = 12;
const LOAD_PAGE_FAULT: u32 = 13;
const STORE_PAGE_FAULT: u32 = 15;

/// What turns the tables on.
pub const SATP: u64 = SV39 | ROOT >> 12;

/// An entry of a table.
pub const fn entry_value(target: u64, flags: u64) -> u64 {
    target >> 12 << 10 | flags
}

/// The word that writes an entry.
pub fn entry(table: u64, index: u64, target: u64, flags: u64) -> String {
    format!(
        "w8:{:x},{:x}",
        table + 8 * index,
        target >> 12 << 10 | flags
    )
}

/// The words that make the root, whose entry 5 leads to `target`.
fn root(target: u64, flags: u64) -> Vec<String> {
    let mut words: Vec<_> = (0..4)
        .map(|gigabyte| entry(ROOT, gigabyte, gigabyte << 30, LEAF))
        .collect();
    words.push(entry(ROOT, 5, target, flags));
    words
}

/// As [`root`], by way of one's own tables to pages.
pub fn pages(targets: &[(u64, u64)]) -> Vec<String> {
    let mut words = root(MIDDLE, TABLE);
    words.push(entry(MIDDLE, 0, LEAVES, TABLE));
    for (index, (target, flags)) in targets.iter().enumerate() {
        words.push(entry(LEAVES, index as u64, *target, *flags));
    }
    words
}

fn access(name: &str, what: Access, address: u64, words: Vec<String>, expected: Expected) -> Probe {
    let name = format!("{} {name}", what.name);
    let word = format!("t:{SATP:x},{:x},{address:x}", what.instruction);
    probe(SECTION, name, word, expected).after(words)
}

/// Denied at a physical address; the prober is told the virtual one.
const fn reaches(cause: u32, value: u64, address: u64) -> Expected {
    Expected::Fault {
        cause,
        value,
        address,
    }
}

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let mut probes = [
        leaves(ground),
        tables(ground),
        malformed(ground),
        modes(ground),
    ]
    .concat();
    if ground.from == From::Linux {
        probes.extend(mediated(ground));
    }
    probes
}

/// Leaves that lead to foreign memory.
fn leaves(ground: &Ground) -> Vec<Probe> {
    let ram = ground.board.ram_base;
    let gigabyte = |offset| ALIAS + offset;
    let behind = ground.end - ram;
    let mut probes = Vec::new();
    for what in [LOAD_DOUBLE, STORE_DOUBLE, ADD] {
        let cause = what.cause;
        let of =
            |name: &str, address, words, expected| access(name, what, address, words, expected);
        probes.extend([
            of(
                "of the monitor's text by a page of 1 GiB on itself",
                ram,
                root(0, TABLE),
                fault(cause, ram),
            ),
            of(
                "of the monitor's text by a page of 1 GiB",
                gigabyte(0),
                root(ram, LEAF),
                reaches(cause, gigabyte(0), ram),
            ),
            of(
                "right behind its end by a page of 1 GiB that holds both",
                gigabyte(behind),
                root(ram, LEAF),
                reaches(cause, gigabyte(behind), ground.end),
            ),
            of(
                "of the other partition's memory by a page of 4 KiB",
                ALIAS + 0x10,
                pages(&[(ground.end, LEAF)]),
                reaches(cause, ALIAS + 0x10, ground.end + 0x10),
            ),
            of(
                "of a hart's timer by a page of 4 KiB",
                ALIAS + 8,
                pages(&[(ground.riscv64().aclint.base + 0x4000, LEAF)]),
                reaches(cause, ALIAS + 8, ground.riscv64().aclint.base + 0x4008),
            ),
            of(
                "of memory at 2^55",
                gigabyte(0),
                root(1 << 55, LEAF),
                reaches(cause, gigabyte(0), 1 << 55),
            ),
        ]);
        if what.name != ADD.name {
            let two = pages(&[(ground.end - 0x1000, LEAF), (ground.end, LEAF)]);
            let own_then_foreign = reaches(cause, ALIAS + 0x1000, ground.end);
            let name = "of its last page and, by the next entry, of the other partition's memory";
            probes.push(of(name, ALIAS + 0xffc, two, own_then_foreign));
        }
    }
    for (name, words, address) in [
        (
            "the monitor's text by a page of 1 GiB",
            root(ram, LEAF),
            ram,
        ),
        (
            "the other partition's memory by a page of 4 KiB",
            pages(&[(ground.end, LEAF)]),
            ground.end,
        ),
    ] {
        let word = format!("tx:{SATP:x},{ALIAS:x}");
        let expected = reaches(1, ALIAS, address);
        let name = format!("execute {name}");
        probes.push(probe(SECTION, name, word, expected).after(words).at(ALIAS));
    }
    probes
}

/// Tables that lie in foreign memory, or run in circles. The hardware's walk is denied, and nothing is
/// reached; the event tells the virtual address.
fn tables(ground: &Ground) -> Vec<Probe> {
    let ram = ground.board.ram_base;
    let deep = |upper: u64, middle: u64, lower: u64| upper << 30 | middle << 21 | lower << 12;
    let mut probes = Vec::new();
    for what in [LOAD_DOUBLE, STORE_DOUBLE] {
        let cause = what.cause;
        let page_fault = if what.cause == 5 {
            LOAD_PAGE_FAULT
        } else {
            STORE_PAGE_FAULT
        };
        for (place, table) in [
            ("in the monitor's data", ram + 0x1_1000),
            ("in the system table", ram + 0x10_0000),
            ("in the other partition's memory", ground.end),
            ("in a device", ground.board.finisher.window.base),
            ("in no memory", 1 << 50),
        ] {
            let name = format!("by a table {place}");
            let words = root(table, TABLE);
            probes.push(access(&name, what, ALIAS, words, fault(cause, ALIAS)));
        }
        let circle = root(ROOT, TABLE);
        let address = deep(5, 5, 5);
        let expected = Expected::Own { cause: page_fault };
        let name = "by a root that is its own next level, without end";
        probes.push(access(name, what, address, circle.clone(), expected));
        let mut words = circle.clone();
        words.push(entry(ROOT, 6, ram + 0x1_1000, TABLE));
        let address = deep(5, 6, 0);
        let name = "by a root that is its own next level, then a table in the monitor's data";
        probes.push(access(name, what, address, words, fault(cause, address)));
        let mut words = circle;
        words.push(entry(ROOT, 6, ram, LEAF));
        let address = deep(5, 5, 6);
        let name = "of the monitor's text by a root that is all its levels";
        probes.push(access(
            name,
            what,
            address,
            words,
            reaches(cause, address, ram),
        ));
    }
    probes
}

/// Entries that the specification forbids.
fn malformed(ground: &Ground) -> Vec<Probe> {
    let ram = ground.board.ram_base;
    let mut probes = Vec::new();
    for (name, words) in [
        (
            "a page of 1 GiB that is not aligned",
            root(ram + 0x1000, LEAF),
        ),
        ("a page that may only be written", root(ram, WRITE_ONLY)),
        ("an entry with a reserved bit", root(ram, LEAF | RESERVED)),
        ("a table entry marked as accessed", root(MIDDLE, 0x41)),
        ("an invalid entry", root(ram, LEAF & !1)),
        ("a page without any right", pages(&[(ground.end, TABLE)])),
    ] {
        for (what, cause) in [
            (LOAD_DOUBLE, LOAD_PAGE_FAULT),
            (STORE_DOUBLE, STORE_PAGE_FAULT),
        ] {
            let name = format!("by {name}");
            let expected = Expected::Own { cause };
            probes.push(access(&name, what, ALIAS, words.clone(), expected));
        }
        let word = format!("tx:{SATP:x},{ALIAS:x}");
        let expected = Expected::Own {
            cause: FETCH_PAGE_FAULT,
        };
        probes.push(probe(SECTION, format!("execute by {name}"), word, expected).after(words));
    }
    probes
}

/// More levels, and a mode that does not exist.
fn modes(ground: &Ground) -> Vec<Probe> {
    let ram = ground.board.ram_base;
    let mut words = root(0, TABLE);
    words.extend([entry(HIGHER, 0, ROOT, TABLE), entry(HIGHER, 1, 0, LEAF)]);
    words.extend([entry(HIGHEST, 0, HIGHER, TABLE), entry(HIGHEST, 1, 0, LEAF)]);
    let mut probes = Vec::new();
    for what in [LOAD_DOUBLE, STORE_DOUBLE] {
        // A mode that the hart does not have leaves `satp` as it is, without translation.
        let reached = |address, target| match ground.variant {
            Variant::Unleashed => address,
            _ => target,
        };
        for (name, satp, address, expected) in [
            (
                "of the monitor's text by a page of 512 GiB (Sv48)",
                SV48 | HIGHER >> 12,
                (1 << 39) + ram,
                ram,
            ),
            (
                "of the other partition's memory by a page of 256 TiB (Sv57)",
                SV57 | HIGHEST >> 12,
                (1 << 48) + ground.end,
                ground.end,
            ),
            (
                "of the monitor's text in a mode that does not exist",
                RESERVED_MODE | ROOT >> 12,
                ram,
                ram,
            ),
        ] {
            let word = format!("t:{satp:x},{:x},{address:x}", what.instruction);
            let name = format!("{} {name}", what.name);
            let expected = reaches(what.cause, address, reached(address, expected));
            probes.push(probe(SECTION, name, word, expected).after(words.clone()));
        }
    }
    probes
}

/// Pages of 64 KiB (Svnapot 1.0): the hardware and the walk before a mediated access must agree on them.
pub fn napot(ground: &Ground) -> Vec<Probe> {
    let other = ground.end;
    let of = |name: &str, what, address, target: u64, coding: u64, expected| {
        // The lowest four bits of the page number say how large the page is.
        let leaf = NAPOT | LEAF | coding << 10;
        let words = (0..16).map(|index| (target & !0xffff, leaf, index));
        let mut list = root(MIDDLE, TABLE);
        list.push(entry(MIDDLE, 0, LEAVES, TABLE));
        list.extend(words.map(|(target, leaf, index)| entry(LEAVES, index, target, leaf)));
        access(name, what, address, list, expected)
    };
    let mut probes = Vec::new();
    for (what, cause) in [
        (LOAD_DOUBLE, LOAD_PAGE_FAULT),
        (STORE_DOUBLE, STORE_PAGE_FAULT),
    ] {
        for offset in [0, 0x7008, 0xfff8] {
            let name =
                format!("of the other partition's memory, by a page of 64 KiB, at {offset:#x}");
            let expected = reaches(what.cause, ALIAS + offset, other + offset);
            probes.push(of(&name, what, ALIAS + offset, other, NAPOT_64K, expected));
        }
        for coding in [0, 1, 4, 9] {
            let name = format!("by a page of the reserved size {coding}");
            let expected = Expected::Own { cause };
            probes.push(of(&name, what, ALIAS, other, coding, expected));
        }
        let mut words = root(MIDDLE, TABLE);
        words.push(entry(MIDDLE, 0, other, NAPOT | LEAF | NAPOT_64K << 10));
        let expected = Expected::Own { cause };
        let name = "by a page of 2 MiB that says it has 64 KiB";
        probes.push(access(name, what, ALIAS, words, expected));
    }
    if ground.from == From::Linux {
        let port = ground.board.uart.window.base;
        let idle = Expected::Value {
            mask: 0x60,
            value: 0x60,
        };
        let name = "of its serial port by a page of 64 KiB";
        probes.push(of(name, LOAD_BYTE, ALIAS + 5, port, NAPOT_64K, idle));
        for offset in [0x2000, 0xffff] {
            let name = format!("behind its serial port by the same page, at {offset:#x}");
            let expected = reaches(LOAD_BYTE.cause, ALIAS + offset, port + offset);
            probes.push(of(
                &name,
                LOAD_BYTE,
                ALIAS + offset,
                port,
                NAPOT_64K,
                expected,
            ));
        }
    }
    probes
}

/// Devices that the monitor stands in for, by odd ways.
fn mediated(ground: &Ground) -> Vec<Probe> {
    let port = ground.board.uart.window.base;
    let (what, register) = ground.filtered_register();
    let status = 5;
    // Transmitter and its holding register empty.
    let idle = Expected::Value {
        mask: 0x60,
        value: 0x60,
    };
    let mut circle = root(ROOT, TABLE);
    circle.push(entry(ROOT, 6, port, LEAF));
    let round = 5 << 30 | 5 << 21 | 6 << 12 | status;
    let large = |offset: u64| {
        let mut words = root(MIDDLE, TABLE);
        // A page of 2 MiB that has the port somewhere inside.
        let page = port & !0x1f_ffff;
        words.push(entry(MIDDLE, 0, page, LEAF));
        (ALIAS + (port - page) + offset, words)
    };
    let (in_port, words) = large(status);
    let (behind_port, behind) = large(0x2000);
    let float = FURTHER[11];
    let mut probes = vec![
        access(
            "of its serial port by a page of its own",
            LOAD_BYTE,
            ALIAS + status,
            pages(&[(port, LEAF)]),
            idle,
        ),
        access(
            "of its serial port by a root that is all its levels",
            LOAD_BYTE,
            round,
            circle,
            idle,
        ),
        access(
            "of its serial port by a page of 2 MiB",
            LOAD_BYTE,
            in_port,
            words,
            idle,
        ),
        access(
            "behind its serial port by the same page of 2 MiB",
            LOAD_BYTE,
            behind_port,
            behind,
            reaches(LOAD_BYTE.cause, behind_port, port + 0x2000),
        ),
        access(
            &format!("of {what} by a page of its own"),
            LOAD_DOUBLE,
            ALIAS + register % 0x1000,
            pages(&[(register, LEAF)]),
            value(0),
        ),
        access(
            &format!("of {what} by a page of its own"),
            STORE_WORD,
            ALIAS + register % 0x1000,
            pages(&[(register, LEAF)]),
            Expected::Filtered { address: register },
        ),
        access(
            "of its serial port, which is no place for it,",
            float,
            ALIAS,
            pages(&[(port, LEAF)]),
            reaches(float.cause, ALIAS, port),
        ),
        access(
            "of its serial port, which is no place for it,",
            ADD,
            ALIAS,
            pages(&[(port, LEAF)]),
            reaches(ADD.cause, ALIAS, port),
        ),
    ];
    for table in [ground.end, ground.board.ram_base] {
        let name = format!("of its serial port by a table at {table:#x}");
        let expected = fault(LOAD_BYTE.cause, ALIAS + status);
        probes.push(access(
            &name,
            LOAD_BYTE,
            ALIAS + status,
            root(table, TABLE),
            expected,
        ));
    }
    probes
}
