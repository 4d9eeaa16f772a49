//! Registers of the board's devices: the monitor's, the other partition's, and nobody's.

use super::{fault, instruction, probe};
use crate::ground::Ground;
use crate::instructions::{
    Access, LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, STORE_BYTE, STORE_DOUBLE, STORE_WORD,
};
use crate::probe::{From, Probe, Variant};
use partita_board::{UartModel, Window};

const SECTION: &str = "Devices";
/// Offsets in the core-local interruptor (RISC-V ACLINT specification 1.0, chapters 2 and 3).
const TIMER_COMPARE: u64 = 0x4000;
const TIME: u64 = 0xbff8;

/// What QEMU's machine has at addresses that the board's description does not use.
const VIRT_UNUSED: [(&str, u64); 7] = [
    ("the supervisor software interrupt device", 0x2f0_0000),
    ("the port window of PCI Express", 0x300_0000),
    ("the firmware configuration device", 0x1010_0000),
    ("the flash memory", 0x2000_0000),
    ("where interrupt files would be", 0x2400_0000),
    ("the configuration space of PCI Express", 0x3000_0000),
    ("the memory window of PCI Express", 0x4000_0000),
];

/// As much of its board's serial port as Linux has: an emulated one.
const EMULATED_BYTES: u64 = 0x100;

/// The same on the Unleashed (FU540-C000 manual v1p4, chapter 5, and QEMU).
const UNLEASHED_UNUSED: [(&str, u64); 14] = [
    ("the boot ROM", 0x1000),
    ("the cache controller", 0x201_0000),
    ("the DMA engine", 0x300_0000),
    ("the loosely integrated memory", 0x800_0000),
    ("where the code of the cache's memory would be", 0xa00_0000),
    ("the clock and reset controller", 0x1000_0000),
    ("the one-time programmable memory", 0x1007_0000),
    ("the SPI controller of the flash memory", 0x1004_0000),
    ("the SPI controller of the memory card", 0x1005_0000),
    ("the network", 0x1009_0000),
    ("the network's management", 0x100a_0000),
    ("the memory controller", 0x100b_0000),
    ("the flash memory", 0x2000_0000),
    ("memory below RAM", 0x7fff_f000),
];

const fn unused(variant: Variant) -> &'static [(&'static str, u64)] {
    match variant {
        Variant::Unleashed => &UNLEASHED_UNUSED,
        _ => &VIRT_UNUSED,
    }
}

/// Registers of the board's serial port, by their offsets.
const fn port(model: UartModel) -> &'static [(&'static str, u64)] {
    match model {
        UartModel::SiFive => &[
            ("transmit", 0x00),
            ("receive", 0x04),
            ("transmit control", 0x08),
            ("receive control", 0x0c),
            ("interrupt enable", 0x10),
            ("divisor", 0x18),
        ],
        _ => &[
            ("data", 0),
            ("interrupt enable", 1),
            ("FIFO control", 2),
            ("line control", 3),
            ("line status", 5),
        ],
    }
}

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
    let mut harts = vec![("own", ground.core(0)), ("other", ground.core(1))];
    if ground.core(0) != 0 {
        harts.push(("first, which is nobody's,", 0));
    }
    for (owner, hart) in harts {
        let hart = hart as u64;
        let software = format!("the software interrupt of the {owner} hart");
        both(&software, ground.riscv64().aclint.base + 4 * hart, words);
        let timer = format!("the machine timer of the {owner} hart");
        both(
            &timer,
            ground.riscv64().aclint.base + TIMER_COMPARE + 8 * hart,
            doubles,
        );
        both(
            &timer,
            ground.riscv64().aclint.base + TIMER_COMPARE + 8 * hart + 4,
            words,
        );
    }
    both("machine time", ground.riscv64().aclint.base + TIME, doubles);
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
        let behind = board.uart.window.base + EMULATED_BYTES;
        both("what is behind its serial port", behind, bytes);
    } else {
        for &(register, offset) in port(board.uart.model) {
            let place = format!("the serial port's {register} register");
            both(
                &place,
                board.uart.window.base + offset,
                match board.uart.model {
                    UartModel::SiFive => words,
                    _ => bytes,
                },
            );
        }
    }
    for device in board.devices {
        let place = match device.name {
            name if name == ground.others_device() => {
                format!("the other partition's device `{}`", device.name)
            }
            name if name == ground.own_device() && ground.from == From::Linux => continue,
            name => format!("the device `{name}`, which is nobody's"),
        };
        both(&place, device.window.base, words);
        if device.name == ground.others_device() {
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
    for &(place, address) in unused(ground.variant) {
        both(place, address, words);
    }
    probes
}
