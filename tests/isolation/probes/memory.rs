//! Memory that belongs to somebody else, and the edges of one's own.

use super::{fault, go, instruction, probe};
use crate::ground::{Foreign, Ground, SCRATCH};
use crate::instructions::{
    ADD, Access, FURTHER, LOAD_BYTE, LOAD_DOUBLE, LOAD_HALF, LOAD_RESERVED, LOAD_WORD, STORE_BYTE,
    STORE_CONDITIONAL, STORE_DOUBLE, STORE_HALF, STORE_WORD,
};
use crate::probe::{Expected, Probe};

const FOREIGN: &str = "Foreign memory";
const EDGES: &str = "Edges of the own memory";
/// A denied fetch.
const FETCH: u32 = 1;
/// `addi a0, zero, 42` and `c.jr ra`, in 6 bytes.
const ANSWER: u32 = 42 << 20 | 10 << 7 | 0x13;
const COMPRESSED_RETURN: u32 = 0x8082;
const COMPRESSED_NOTHING: u32 = 0x0001;

fn access(place: &str, access: Access, address: u64) -> Probe {
    probe(
        FOREIGN,
        format!("{} of {place}", access.name),
        instruction(access.instruction, address),
        fault(access.cause, address),
    )
}

/// Reads, writes and executes the first and the last of each piece.
pub fn foreign(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for Foreign { name, base, end } in ground.foreign_memory() {
        let first = |what| access(&format!("{name}, first"), what, base);
        let last = |what, bytes| access(&format!("{name}, last"), what, end - bytes);
        let last_fetch = (end - 2) & !1;
        probes.extend([
            first(LOAD_BYTE),
            first(LOAD_DOUBLE),
            last(LOAD_BYTE, 1),
            last(LOAD_DOUBLE, 8),
            first(STORE_BYTE),
            first(STORE_DOUBLE),
            last(STORE_BYTE, 1),
            last(STORE_DOUBLE, 8),
            first(ADD),
            first(LOAD_RESERVED),
        ]);
        for (which, address) in [("first", base), ("last", last_fetch)] {
            let name = format!("execute {name}, {which}");
            probes.push(probe(FOREIGN, name, go(address), fault(FETCH, address)).at(address));
        }
    }
    let middle = ground.end + (ground.other_end - ground.end) / 2;
    for what in FURTHER {
        probes.push(access("the other partition's memory, middle", what, middle));
    }
    for (name, address) in [
        (
            "an unaligned address in the other partition's memory",
            middle + 1,
        ),
        ("two pages of the other partition's memory", middle - 4),
        ("address 0", 0),
        ("an address above all memory", 1 << 40),
        ("the last address that is aligned", u64::MAX - 7),
    ] {
        for what in [LOAD_DOUBLE, STORE_DOUBLE] {
            probes.push(access(name, what, address));
        }
    }
    probes
}

/// Accesses that begin in the own memory and end behind it, or the other way round; code at the edge.
pub fn edges(ground: &Ground) -> Vec<Probe> {
    let end = ground.end;
    let mut probes = Vec::new();
    let mut crossing = |what: Access, name: &str, address: u64, reached: u64| {
        probes.push(probe(
            EDGES,
            format!("{} {name}", what.name),
            instruction(what.instruction, address),
            fault(what.cause, reached),
        ));
    };
    for (what, inside) in [
        (LOAD_HALF, 1),
        (LOAD_WORD, 2),
        (LOAD_DOUBLE, 4),
        (LOAD_DOUBLE, 1),
        (STORE_HALF, 1),
        (STORE_WORD, 2),
        (STORE_DOUBLE, 4),
        (STORE_DOUBLE, 7),
    ] {
        crossing(
            what,
            &format!("from {inside} before the end"),
            end - inside,
            end,
        );
    }
    for what in [LOAD_BYTE, STORE_BYTE, ADD] {
        crossing(what, "right behind the end", end, end);
    }
    let base = crate::ground::BASE;
    for what in [LOAD_BYTE, STORE_BYTE] {
        crossing(what, "right before the beginning", base - 1, base - 1);
    }
    crossing(
        LOAD_DOUBLE,
        "from 4 before the beginning",
        base - 4,
        base - 4,
    );
    crossing(
        STORE_DOUBLE,
        "from 4 before the beginning",
        base - 4,
        base - 4,
    );
    probes.extend(own(ground));
    probes
}

/// What the own memory allows up to its very end, and what it does not behind.
fn own(ground: &Ground) -> Vec<Probe> {
    let end = ground.end;
    let write = |address: u64, value: u32| format!("w4:{address:x},{value:x}");
    let nothings = COMPRESSED_NOTHING << 16 | COMPRESSED_NOTHING;
    vec![
        probe(
            EDGES,
            "read the last 8 bytes of the own memory".to_owned(),
            instruction(LOAD_DOUBLE.instruction, end - 8),
            super::value(0x1111_2222_3333_4444),
        )
        .after([write(end - 8, 0x3333_4444), write(end - 4, 0x1111_2222)]),
        probe(
            EDGES,
            "new code in the last 6 bytes of the own memory".to_owned(),
            go(end - 6),
            super::value(42),
        )
        .after([
            write(end - 8, ANSWER << 16 | COMPRESSED_NOTHING),
            write(end - 4, COMPRESSED_RETURN << 16 | ANSWER >> 16),
        ]),
        probe(
            EDGES,
            "the same code, changed and executed again".to_owned(),
            go(end - 6),
            super::value(43),
        )
        .after([
            write(end - 8, (ANSWER + (1 << 20)) << 16 | COMPRESSED_NOTHING),
            write(
                end - 4,
                COMPRESSED_RETURN << 16 | (ANSWER + (1 << 20)) >> 16,
            ),
        ]),
        probe(
            EDGES,
            "new code that runs off the end".to_owned(),
            go(end - 4),
            fault(FETCH, end),
        )
        .at(end)
        .after([write(end - 4, nothings)]),
        probe(
            EDGES,
            "a 4-byte instruction of which 2 bytes lie behind the end".to_owned(),
            go(end - 2),
            fault(FETCH, end),
        )
        .at(end - 2)
        .after([write(end - 4, ANSWER << 16)]),
        probe(
            EDGES,
            "a store-conditional behind the end after a reservation in front of it".to_owned(),
            instruction(STORE_CONDITIONAL, end),
            Expected::Value {
                mask: u64::MAX,
                value: 1,
            },
        )
        .after([super::silently(LOAD_RESERVED.instruction, SCRATCH)]),
    ]
}
