//! Another hart of the prober's changes what is being used: between the trap and the monitor's look at it,
//! the access is no longer what it was.

use super::translation::{ALIAS, LEAF, LEAVES, ROOT, SATP, TABLE, entry_value, pages};
use super::{Probe, probe};
use crate::ground::{Ground, SCRATCH};
use crate::instructions::{ADD, LOAD_BYTE, LOAD_DOUBLE, STORE_DOUBLE};
use crate::probe::{Expected, From};

const SECTION: &str = "Races of two harts";
const TIMES: u64 = 2000;
/// Code that the other hart changes; the instruction behind it returns.
const CODE: u64 = SCRATCH + 0x8000;
const RETURN: u64 = 0x0000_8067;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let ram = ground.board.ram_base;
    let own = SCRATCH + 0x9000;
    let race = |name: &str, what: u32, argument: u64, place: u64, values: [u64; 2]| {
        let [one, other] = values;
        let word =
            format!("race:{SATP:x},{what:x},{argument:x},{TIMES:x},{place:x},{one:x},{other:x}");
        let expected = Expected::Race { count: TIMES };
        probe(SECTION, name.to_owned(), word, expected).after(pages(&[(own, LEAF)]))
    };
    let leaf = |target| entry_value(target, LEAF);
    let table = |target| entry_value(target, TABLE);
    let alias = ROOT + 8 * 5;
    let mut probes = vec![
        race(
            "read by a leaf that leads to its own or to the other partition's memory",
            LOAD_DOUBLE.instruction,
            ALIAS,
            LEAVES,
            [leaf(own), leaf(ground.end)],
        ),
        race(
            "write by a leaf that leads to its own memory or to the monitor's data",
            STORE_DOUBLE.instruction,
            ALIAS,
            LEAVES,
            [leaf(own), leaf(ram + 0x1_1000)],
        ),
        race(
            "read by a table in its own or in the other partition's memory",
            LOAD_DOUBLE.instruction,
            ALIAS,
            alias,
            [table(SCRATCH + 0x1000), table(ground.end)],
        ),
    ];
    if ground.from == From::Linux {
        let port = ground.board.uart.window.base;
        let code = |instruction: u32| RETURN << 32 | u64::from(instruction);
        let status = 5;
        probes.extend([
            race(
                "read by a leaf that leads to its serial port or to the monitor's text",
                LOAD_BYTE.instruction,
                ALIAS + status,
                LEAVES,
                [leaf(port), leaf(ram)],
            ),
            race(
                "read of its serial port by a table of its own or in the monitor's data",
                LOAD_BYTE.instruction,
                ALIAS + status,
                alias,
                [table(SCRATCH + 0x1000), table(ram + 0x1_1000)],
            )
            .after([super::translation::entry(LEAVES, 0, port, LEAF)]),
            race(
                "an instruction that reads a byte of its serial port, or is atomic",
                0,
                port + status,
                CODE,
                [code(LOAD_BYTE.instruction), code(ADD.instruction)],
            ),
        ]);
    }
    probes
}
