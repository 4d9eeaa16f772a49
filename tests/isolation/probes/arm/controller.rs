//! What the interrupt controller keeps from the normal world (GICv3 and GICv4, IHI 0069; chapter numbers are its own).

use super::instructions::{Access, LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, Register, STORE_BYTE};
use super::instructions::{STORE_DOUBLE, STORE_WORD};
use super::{NO_EFFECT, Probe, execute, probe};
use crate::ground::Ground;
use crate::probe::Expected;

const SECTION: &str = "Interrupts of the secure world";
/// The redistributor of the first core, how far it is to the next, and its part for private interrupts (12.10).
const REDISTRIBUTORS: u64 = 0x80a_0000;
const STRIDE: u64 = 0x2_0000;
const PRIVATE: u64 = 0x1_0000;
/// The monitor's timer, and the interrupts that programs and the monitor are sent.
const TIMER: u64 = 29;
const SENT: u64 = 0xff00;

/// Registers with one bit for each line: name, offset.
const BITS: [(&str, u64); 9] = [
    ("group", 0x80),
    ("enable", 0x100),
    ("disable", 0x180),
    ("make pending", 0x200),
    ("clear pending", 0x280),
    ("make active", 0x300),
    ("clear active", 0x380),
    ("group modifier", 0xd00),
    // Two bits for each; lines up to 15 here.
    ("non-secure access", 0xe00),
];

/// A register that reads as zero where it is not the normal world's, and ignores writes.
fn closed(
    probes: &mut Vec<Probe>,
    name: &str,
    address: u64,
    mask: u64,
    [load, store]: [Access; 2],
) {
    let read = format!("read {name}");
    let word = execute("i", load.instruction, address, 0);
    probes.push(probe(
        SECTION,
        read,
        word,
        Expected::Value { mask, value: 0 },
    ));
    let write = format!("write {name}");
    let word = execute("i", store.instruction, address, mask);
    probes.push(probe(SECTION, write, word, NO_EFFECT));
}

/// Registers of secure lines.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let distributor = 0x800_0000_u64;
    let words = [LOAD_WORD, STORE_WORD];
    let bytes = [LOAD_BYTE, STORE_BYTE];
    let doubles = [LOAD_DOUBLE, STORE_DOUBLE];
    let mut probes = Vec::new();
    for (owner, line) in [
        ("the other's line", ground.others_line()),
        ("the monitor's line", ground.board.uart.line),
    ] {
        let line = u64::from(line);
        let mut register = |what: &str, offset: u64, mask, accesses| {
            let name = format!("{what}, of {owner}");
            closed(&mut probes, &name, distributor + offset, mask, accesses);
        };
        for (what, offset) in BITS {
            if what == "non-secure access" {
                let offset = offset + line / 16 * 4;
                register(what, offset, 3 << (line % 16 * 2), words);
                continue;
            }
            register(what, offset + line / 32 * 4, 1 << (line % 32), words);
        }
        register("priority", 0x400 + line, 0xff, bytes);
        register(
            "trigger",
            0xc00 + line / 16 * 4,
            3 << (line % 16 * 2),
            words,
        );
        register("route", 0x6000 + 8 * line, u64::MAX, doubles);
        // Writing its number makes a line pending (12.9.36).
        for (what, offset) in [("secure", 0x50), ("non-secure", 0x40)] {
            let name = format!("send the {what} message of {owner}");
            let word = execute("i", STORE_WORD.instruction, distributor + offset, line);
            probes.push(probe(SECTION, name, word, NO_EFFECT));
        }
    }
    for (owner, core) in [("its own core", 0), ("the other's core", 1)] {
        let base = REDISTRIBUTORS + core * STRIDE;
        let mut register = |what: &str, offset: u64, mask, accesses| {
            let name = format!("{what}, private to {owner}");
            closed(&mut probes, &name, base + offset, mask, accesses);
        };
        for (what, offset) in BITS {
            // Of access, two bits each for the software-generated ones.
            let mask = match what {
                "non-secure access" => u64::from(u32::MAX),
                _ => 1 << TIMER | SENT,
            };
            register(what, PRIVATE + offset, mask, words);
        }
        for interrupt in [8, 9, 10, 15, TIMER] {
            let what = format!("priority of {interrupt}");
            register(&what, PRIVATE + 0x400 + interrupt, 0xff, bytes);
        }
        let timer = 3 << ((TIMER - 16) * 2);
        register(
            "trigger of the monitor's timer",
            PRIVATE + 0xc04,
            timer,
            words,
        );
        register("sleep of the redistributor", 0x14, 6, words);
    }
    probes
}

/// Interrupts that software sends, to each group, by each number.
pub fn software_interrupts() -> Vec<Probe> {
    /// To the other security state's Group 1, to Group 0, and to its own Group 1.
    const OTHER: Register = Register("`ICC_ASGI1R_EL1`", [3, 0, 12, 11, 6]);
    const GROUP_0: Register = Register("`ICC_SGI0R_EL1`", [3, 0, 12, 11, 7]);
    const OWN: Register = Register("`ICC_SGI1R_EL1`", [3, 0, 12, 11, 5]);
    /// To both cores, and to all but its own.
    const BOTH: u64 = 3;
    const ALL: u64 = 1 << 40;
    let mut probes = Vec::new();
    for register in [GROUP_0, OTHER, OWN] {
        for interrupt in 0..16 {
            for (whom, target) in [("both cores", BOTH), ("all other cores", ALL)] {
                let name = format!("send interrupt {interrupt} to {whom} by {}", register.0);
                let word = execute("i", register.write(), interrupt << 24 | target, 0);
                probes.push(probe(SECTION, name, word, NO_EFFECT));
            }
        }
    }
    probes
}
