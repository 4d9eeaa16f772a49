//! Registers of the board's devices: the monitor's, the other partition's, and nobody's.

use super::{fault, instruction, probe};
use crate::ground::{Ground, OTHERS_DEVICE, OWN_DEVICE};
use crate::instructions::{
    Access, LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, STORE_BYTE, STORE_DOUBLE, STORE_WORD,
};
use crate::probe::{From, Probe};
use partita_board::Window;

const SECTION: &str = "Devices";
/// Offsets in the core-local interruptor (RISC-V ACLINT specification 1.0, chapters 2 and 3).
const TIMER_COMPARE: u64 = 0x4000;
const TIME: u64 = 0xbff8;

/// What QEMU's machine has at addresses that the board's description does not use.
const UNUSED: [(&str, u64); 7] = [
    ("the supervisor software interrupt device", 0x2f0_0000),
    ("the port window of PCI Express", 0x300_0000),
    ("the firmware configuration device", 0x1010_0000),
    ("the flash memory", 0x2000_0000),
    ("where interrupt files would be", 0x2400_0000),
    ("the configuration space of PCI Express", 0x3000_0000),
    ("the memory window of PCI Express", 0x4000_0000),
];

fn access(place: &str, access: Access, address: u64) -> Probe {
    probe(
        SECTION,
        format!("{} of {place}", access.name),
        instruction(access.instruction, address),
        fault(access.cause, address),
    )
}

/// Reads and writes registers.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let board = ground.board;
    let mut probes = Vec::new();
    let mut both = |place: &str, address: u64, accesses: [Access; 2]| {
        probes.extend(accesses.map(|what| access(place, what, address)));
    };
    let words = [LOAD_WORD, STORE_WORD];
    let doubles = [LOAD_DOUBLE, STORE_DOUBLE];
    let bytes = [LOAD_BYTE, STORE_BYTE];
    for (owner, hart) in [("own", 0), ("other", 1)] {
        let software = format!("the software interrupt of the {owner} hart");
        both(&software, board.architecture.aclint.base + 4 * hart, words);
        let timer = format!("the machine timer of the {owner} hart");
        both(
            &timer,
            board.architecture.aclint.base + TIMER_COMPARE + 8 * hart,
            doubles,
        );
        both(
            &timer,
            board.architecture.aclint.base + TIMER_COMPARE + 8 * hart + 4,
            words,
        );
    }
    both(
        "machine time",
        board.architecture.aclint.base + TIME,
        doubles,
    );
    both(
        "the device that ends the machine",
        board.finisher.window.base,
        words,
    );
    let last = |window: Window| window.base + window.size - 4;
    both(
        "the end of the device that ends the machine",
        last(board.finisher.window),
        words,
    );
    if ground.from == From::Linux {
        let behind = board.uart.window.base + board.uart.window.size;
        both("what is behind its serial port", behind, bytes);
    } else {
        for (register, offset) in [
            ("data", 0),
            ("interrupt enable", 1),
            ("FIFO control", 2),
            ("line control", 3),
            ("line status", 5),
        ] {
            let place = format!("the serial port's {register} register");
            both(&place, board.uart.window.base + offset, bytes);
        }
    }
    for device in board.devices {
        let place = match device.name {
            OTHERS_DEVICE => format!("the other partition's device `{}`", device.name),
            OWN_DEVICE if ground.from == From::Linux => continue,
            name => format!("the device `{name}`, which is nobody's"),
        };
        both(&place, device.window.base, words);
        if device.name == OTHERS_DEVICE {
            for offset in [0x08, 0x10, 0x1c] {
                both(
                    &format!("{place}, register {offset:#x}"),
                    device.window.base + offset,
                    words,
                );
            }
            both(
                &format!("{place}, last register"),
                last(device.window),
                words,
            );
        }
    }
    for (place, address) in UNUSED {
        both(place, address, words);
    }
    probes
}
