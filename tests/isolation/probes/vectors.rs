//! Vector loads and stores (V extension 1.0, chapter 7).

use super::{Probe, fault, instruction, probe, silently, value};
use crate::ground::Ground;
use crate::probe::{Expected, From};

const SECTION: &str = "Vectors";
const A0: u32 = 10;
const LOAD: u32 = 0x07;
const STORE: u32 = 0x27;
/// `vsetivli zero, 2, e64, m1, ta, ma`.
const TWO_DOUBLES: u32 = 0xc000_0000 | 0xd8 << 20 | 2 << 15 | 7 << 12 | 0x57;
/// Elements of 64 bits, without a mask.
const DOUBLES: u32 = 7 << 12 | 1 << 25;
/// In place of the second operand: fault-only-first, and whole registers.
const FAULT_ONLY_FIRST: u32 = 16 << 20;
const WHOLE: u32 = 8 << 20;

/// An access to `v8` at `a0`.
const fn access(opcode: u32, kind: u32) -> u32 {
    opcode | 8 << 7 | A0 << 15 | DOUBLES | kind
}

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let end = ground.end;
    let vector = |name: String, what: u32, address: u64, expected: Expected| {
        let word = instruction(what, address);
        probe(SECTION, name, word, expected).after([silently(TWO_DOUBLES, 0)])
    };
    let mut probes = Vec::new();
    for (name, what, cause) in [
        ("`vle64.v`", access(LOAD, 0), 5),
        ("`vse64.v`", access(STORE, 0), 7),
        ("`vl1re64.v`", access(LOAD, WHOLE), 5),
        ("`vs1r.v`", access(STORE, WHOLE) & !(7 << 12), 7),
        ("`vle64ff.v`", access(LOAD, FAULT_ONLY_FIRST), 5),
    ] {
        for (place, address) in [
            ("the monitor's text", ground.board.ram_base),
            ("the other partition's memory", end),
        ] {
            let name = format!("{name} of {place}");
            probes.push(vector(name, what, address, fault(cause, address)));
        }
        let crossing = format!("{name} of the last 8 bytes of its memory and what is behind");
        let expected = match what & FAULT_ONLY_FIRST {
            0 => fault(cause, end),
            // Only the first element may fault; the second is not loaded.
            _ => value(end - 8),
        };
        probes.push(vector(crossing, what, end - 8, expected));
    }
    if ground.from == From::Linux {
        let port = ground.board.uart.window.base;
        let name = "`vle64.v` of its serial port, which is no place for it".to_owned();
        probes.push(vector(name, access(LOAD, 0), port, fault(5, port)));
    }
    probes
}
