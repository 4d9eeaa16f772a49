//! What a GICv2 keeps from the normal world (IHI 0048B; chapter numbers are its own).

use super::controller::closed;
use super::instructions::{LOAD_BYTE, LOAD_WORD, STORE_BYTE, STORE_WORD};
use super::{NO_EFFECT, Probe, execute, probe};
use crate::ground::Ground;
use crate::probe::Expected;

const SECTION: &str = "Interrupts of the secure world";
const DISTRIBUTOR: u64 = 0x800_0000;
const INTERFACE: u64 = 0x801_0000;
/// The monitor's timer, and the interrupts that programs and the monitor are sent.
const TIMER: u64 = 29;
const SENT: u64 = 0xff00;

/// Registers with one bit for each line (4.3): name, offset.
const BITS: [(&str, u64); 8] = [
    ("group", 0x80),
    ("enable", 0x100),
    ("disable", 0x180),
    ("make pending", 0x200),
    ("clear pending", 0x280),
    ("make active", 0x300),
    ("clear active", 0x380),
    ("group modifier", 0xd00),
];

/// Registers of secure lines, and what the core's interface shows of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let words = [LOAD_WORD, STORE_WORD];
    let bytes = [LOAD_BYTE, STORE_BYTE];
    let mut probes = Vec::new();
    for (owner, line) in [
        ("the other's line", ground.others_line()),
        ("the monitor's line", ground.board.uart.line),
    ] {
        let line = u64::from(line);
        let mut register = |what: &str, offset: u64, mask, accesses| {
            let name = format!("{what}, of {owner}");
            closed(&mut probes, &name, DISTRIBUTOR + offset, mask, accesses);
        };
        for (what, offset) in BITS {
            register(what, offset + line / 32 * 4, 1 << (line % 32), words);
        }
        register("priority", 0x400 + line, 0xff, bytes);
        // The targets of lines (4.3.12) are not tried: QEMU lets the normal world read and write those of all.
        let pair = |offset: u64| (offset + line / 16 * 4, 3 << (line % 16 * 2));
        for (what, offset) in [("trigger", 0xc00), ("non-secure access", 0xe00)] {
            let (offset, mask) = pair(offset);
            register(what, offset, mask, words);
        }
    }
    let mut register = |what: &str, offset: u64, mask, accesses| {
        let name = format!("{what}, private to its own core");
        closed(&mut probes, &name, DISTRIBUTOR + offset, mask, accesses);
    };
    for (what, offset) in BITS {
        register(what, offset, 1 << TIMER | SENT, words);
    }
    register("non-secure access", 0xe00, u64::from(u32::MAX), words);
    for interrupt in [8, 9, 10, 15, TIMER] {
        let what = format!("priority of {interrupt}");
        register(&what, 0x400 + interrupt, 0xff, bytes);
        if interrupt < 16 {
            for (what, offset) in [("sent, take back", 0xf10), ("sent, make pending", 0xf20)] {
                register(
                    &format!("{what} {interrupt}"),
                    offset + interrupt,
                    0xff,
                    bytes,
                );
            }
        }
    }
    let timer = 3 << ((TIMER - 16) * 2);
    register("trigger of the monitor's timer", 0xc04, timer, words);
    interface(&mut probes);
    probes
}

/// The interface of its core (4.4): nothing of Group 0 is seen, taken or ended.
fn interface(probes: &mut Vec<Probe>) {
    let mut row =
        |name: &str, access: super::instructions::Access, offset: u64, value, expected| {
            let word = execute("i", access.instruction, INTERFACE + offset, value);
            probes.push(probe(SECTION, name.to_owned(), word, expected));
        };
    let nothing = Expected::Value {
        mask: 0x3ff,
        value: 1023,
    };
    row("take an interrupt", LOAD_WORD, 0x0c, 0, nothing);
    row("which interrupt is next", LOAD_WORD, 0x18, 0, nothing);
    for interrupt in [8, 9, 15, TIMER] {
        for (what, offset) in [("end", 0x10), ("deactivate", 0x1000)] {
            let name = format!("{what} interrupt {interrupt}");
            row(&name, STORE_WORD, offset, interrupt, NO_EFFECT);
        }
    }
    // Bits of the secure world's view: Group 0, acknowledging both groups, FIQ for Group 0.
    row(
        "write the control of the other group",
        STORE_WORD,
        0x00,
        0x1f,
        NO_EFFECT,
    );
    // Priorities of the secure world are not to be chosen: the upper half is the normal world's.
    row("open the mask", STORE_WORD, 0x04, 0xff, NO_EFFECT);
    row(
        "a mask of the other half",
        STORE_WORD,
        0x04,
        0x10,
        NO_EFFECT,
    );
    row("open the mask again", STORE_WORD, 0x04, 0xff, NO_EFFECT);
}

/// Interrupts that software sends, by each number, as its own and as the other group's.
pub fn software_interrupts() -> Vec<Probe> {
    const SEND: u64 = DISTRIBUTOR + 0xf00;
    const OTHER_GROUP: u64 = 1 << 15;
    let mut probes = Vec::new();
    for (group, bit) in [("its own group", OTHER_GROUP), ("the other group", 0)] {
        for interrupt in 0..16 {
            for (whom, target) in [
                ("both cores", 3 << 16),
                ("all other cores", 1 << 24),
                ("its own core", 2 << 24),
            ] {
                let name = format!("send interrupt {interrupt} of {group} to {whom}");
                let word = execute("i", STORE_WORD.instruction, SEND, target | bit | interrupt);
                probes.push(probe(SECTION, name, word, NO_EFFECT));
            }
        }
    }
    probes
}
