//! Memory of everybody else, and all ways to reach it.

use super::super::instructions::{
    LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, STORE_BYTE, STORE_DOUBLE, STORE_WORD,
};
use super::super::{NO_EFFECT, Probe, execute, probe};
use super::{DATA, FETCH, SPOILT, denied, form_denied, forms, is_whole};
use crate::ground::{Ground, stage_2};
use crate::probe::Expected;

const MEMORY: &str = "Memory behind stage 2";
const EDGES: &str = "Edges of stage 2";

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    [places(ground), edges(ground), walks(ground)].concat()
}

/// Every part of foreign memory, at both ends.
fn places(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for place in stage_2::foreign_memory(ground) {
        let name = place.name;
        let (first, last) = (format!("{name}, first"), format!("{name}, last"));
        for way in 0..=usize::from(is_whole(ground)) {
            for (what, size) in [
                (LOAD_BYTE, 1),
                (LOAD_DOUBLE, 8),
                (STORE_BYTE, 1),
                (STORE_DOUBLE, 8),
            ] {
                probes.push(denied(MEMORY, way, what, &first, place.base));
                let address = (place.end - size) & !(size - 1);
                probes.push(denied(MEMORY, way, what, &last, address));
            }
        }
        let address = place.base;
        let fetch = probe(
            MEMORY,
            format!("fetch from {name}"),
            format!("x:{address:x}"),
            Expected::Untranslated {
                class: FETCH,
                value: address,
                address,
            },
        );
        probes.push(fetch.at(address));
    }
    probes
}

/// The edges of its own memory, and those of tables.
fn edges(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (place, address) in [("first", ground.base), ("last", ground.end - 8)] {
        let word = execute("i", LOAD_DOUBLE.instruction, address, 0);
        let name = format!("read the {place} 8 bytes of its own memory");
        probes.push(probe(EDGES, name, word, NO_EFFECT));
    }
    for (place, address) in [
        ("the page before its own memory", ground.base - 0x1000),
        ("the 8 bytes before its own memory", ground.base - 8),
        ("the 8 bytes behind its own memory", ground.end),
        ("the page behind its own memory", ground.end + 0x1000),
        ("the last 8 bytes before 1 GiB", 0x3fff_fff8),
        ("the first 8 bytes from 1 GiB on", 0x4000_0000),
        ("the last 8 bytes before 2 GiB", 0x7fff_fff8),
        ("the first 8 bytes from 2 GiB on", 0x8000_0000),
        ("the last 8 bytes before 3 GiB", 0xbfff_fff8),
        ("the first 8 bytes from 3 GiB on", 0xc000_0000),
        ("the last 8 bytes before 4 GiB", 0xffff_fff8),
    ] {
        for way in 0..2 {
            for what in [LOAD_DOUBLE, STORE_DOUBLE] {
                probes.push(denied(EDGES, way, what, place, address));
            }
        }
    }
    for (place, address) in [
        ("the first 8 bytes from 4 GiB on", 1 << 32),
        ("the last 8 bytes before 512 GiB", (1 << 39) - 8),
        ("the first 8 bytes from 512 GiB on", 1 << 39),
        ("its own address, with bit 32", 1 << 32 | ground.slots()),
        ("its own address, with bit 38", 1 << 38 | ground.slots()),
        ("its own address, with bit 39", 1 << 39 | ground.slots()),
        ("the last 8 bytes before 1 TiB", (1 << 40) - 8),
    ] {
        for what in [LOAD_DOUBLE, STORE_DOUBLE] {
            probes.push(denied(EDGES, 0, what, place, address));
        }
    }
    for what in [LOAD_WORD, STORE_WORD, LOAD_DOUBLE, STORE_DOUBLE] {
        let across = |place: &str, address, reached| {
            let name = format!("{}, unaligned, across {place}", what.name);
            let word = execute("v", what.instruction, address, SPOILT);
            let expected = Expected::Untranslated {
                class: DATA,
                value: reached,
                address: reached,
            };
            probe(EDGES, name, word, expected)
        };
        let (base, end) = (ground.base - 2, ground.end - 2);
        probes.push(across("the beginning of its own memory", base, base));
        probes.push(across("the end of its own memory", end, ground.end));
        let others = ground.others + 0xffe;
        probes.push(across("two pages of the other's", others, others));
    }
    for (place, address) in [
        ("the other partition's memory", ground.others),
        ("the neighbour's memory", stage_2::NEIGHBOUR_BASE),
    ] {
        for form in forms::all() {
            probes.push(form_denied(ground, MEMORY, &form, place, address));
        }
    }
    probes
}

/// Its own translation, whose tables are where it does not reach: the walk is denied.
fn walks(ground: &Ground) -> Vec<Probe> {
    /// The first of the addresses that the second table translates (DDI 0487, D8.2.1).
    const HIGH: u64 = 0xffff_ff80_0000_0000;
    let mut probes = Vec::new();
    let port = ground.board.uart.window.base & !0xfff;
    for (place, address) in [
        ("the monitor's text", 0),
        ("the monitor's serial port", port),
        ("the tables of stage 2", 0x4000_1000),
        ("the other partition's memory", ground.others),
        ("the neighbour's memory", stage_2::NEIGHBOUR_BASE),
    ] {
        for what in [LOAD_DOUBLE, STORE_DOUBLE] {
            probes.push(probe(
                EDGES,
                format!("{} by tables in {place}", what.name),
                format!("walk:{:x},{HIGH:x},{address:x}", what.instruction),
                Expected::Untranslated {
                    class: DATA,
                    value: HIGH,
                    address,
                },
            ));
        }
    }
    probes
}
