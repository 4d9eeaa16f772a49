//! Registers of the interrupt controller (RISC-V PLIC specification 1.0.0, chapters 3 to 9).

use super::{NO_EFFECT, Probe, fault, go, instruction, probe, value};
use crate::ground::Ground;
use crate::instructions::{ADD, LOAD_DOUBLE, LOAD_WORD, STORE_BYTE, STORE_DOUBLE, STORE_WORD};
use crate::probe::{Expected, From};
use partita_board::Plic;

const SECTION: &str = "Interrupt controller";
const PENDING: u64 = 0x1000;
const CLAIM: u64 = 4;
/// Places as the prober's hart knows them: the first two are its own hart's.
const OWN_SUPERVISOR: usize = 1;

/// The registers that matter for a line that is not the prober's.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    match ground.from {
        From::Low | From::High => program(ground),
        From::Linux => [lines(ground), contexts(ground), odd(ground)].concat(),
    }
}

fn read(place: &str, address: u64, expected: Expected) -> Probe {
    let word = instruction(LOAD_WORD.instruction, address);
    probe(SECTION, format!("read {place}"), word, expected)
}

fn write(place: &str, address: u64, value: u64, expected: Expected) -> Probe {
    let word = format!("{},{value:x}", instruction(STORE_WORD.instruction, address));
    probe(
        SECTION,
        format!("write {value:#x} to {place}"),
        word,
        expected,
    )
}

/// A program has no access at all.
fn program(ground: &Ground) -> Vec<Probe> {
    let line = ground.others_line();
    let mut registers = vec![
        (
            "the priority of the other partition's line".to_owned(),
            Plic::priority_offset(line),
        ),
        (
            "the priority of the serial port's line".to_owned(),
            Plic::priority_offset(ground.board.uart.line),
        ),
        ("the pending bits".to_owned(), PENDING),
    ];
    for (whose, context) in ground.contexts() {
        let page = Plic::context_offset(context);
        registers.extend([
            (
                format!("the enable bits of {whose}"),
                Plic::enable_offset(context, 0),
            ),
            (format!("the threshold of {whose}"), page),
            (format!("the claim register of {whose}"), page + CLAIM),
        ]);
    }
    let end = ground.controller().window.size - 4;
    registers.push(("the last register".to_owned(), end));
    let mut probes = Vec::new();
    for (place, offset) in registers {
        let address = ground.plic(offset);
        probes.push(read(&place, address, fault(LOAD_WORD.cause, address)));
        let value = u64::from(line);
        probes.push(write(
            &place,
            address,
            value,
            fault(STORE_WORD.cause, address),
        ));
    }
    probes
}

/// Linux reads the registers of all lines, and changes those of its own ones only.
fn lines(ground: &Ground) -> Vec<Probe> {
    let (line, port) = (ground.others_line(), ground.board.uart.line);
    let highest = u64::from(ground.controller().max_priority);
    let priority = |line| ground.plic(Plic::priority_offset(line));
    let enabled = |context| ground.plic(Plic::enable_offset(context, usize::from(line) / 32));
    let bit = 1 << (line % 32);
    let [(_, machine), (_, own), ..] = ground.contexts();
    let foreign_bits = bit | 1 << (port % 32);
    let still_enabled = Expected::Value {
        mask: bit,
        value: bit,
    };
    vec![
        read(
            "the other partition's priority",
            priority(line),
            value(highest),
        ),
        write(
            "the other partition's priority",
            priority(line),
            0,
            NO_EFFECT,
        ),
        read(
            "the other partition's priority again",
            priority(line),
            value(highest),
        ),
        write("the serial port's priority", priority(port), 7, NO_EFFECT),
        write(
            "the pending bits",
            ground.plic(PENDING),
            foreign_bits,
            NO_EFFECT,
        ),
        write(
            "its own enable bits, of foreign lines",
            enabled(own),
            foreign_bits,
            NO_EFFECT,
        ),
        read("its own enable bits", enabled(own), value(0)),
        write(
            "machine mode's enable bits",
            enabled(machine),
            0,
            Expected::Filtered {
                address: enabled(machine),
            },
        ),
        read(
            "machine mode's enable bits",
            enabled(machine),
            still_enabled,
        ),
    ]
}

/// Thresholds and claims of other contexts are not there; those of its own hart are its own.
fn contexts(ground: &Ground) -> Vec<Probe> {
    let line = u64::from(ground.others_line());
    let port = u64::from(ground.board.uart.line);
    let mut probes = Vec::new();
    for (number, (whose, context)) in ground.contexts().into_iter().enumerate() {
        let threshold = ground.plic(Plic::context_offset(context));
        let claim = threshold + CLAIM;
        if number == OWN_SUPERVISOR {
            probes.extend([
                read("its own claim register", claim, value(0)),
                write(
                    "its own claim register: a forged completion",
                    claim,
                    line,
                    NO_EFFECT,
                ),
                write(
                    "its own claim register: a forged completion",
                    claim,
                    port,
                    NO_EFFECT,
                ),
            ]);
            continue;
        }
        let denied = |address| Expected::Filtered { address };
        let threshold_of = format!("the threshold of {whose}");
        let claim_of = format!("the claim register of {whose}");
        probes.extend([
            read(&threshold_of, threshold, value(0)),
            write(&threshold_of, threshold, 7, denied(threshold)),
            read(&claim_of, claim, value(0)),
            write(&claim_of, claim, line, denied(claim)),
        ]);
        if context == ground.controller().supervisor_context(ground.core(1)) {
            let word = usize::from(ground.others_line()) / 32;
            let enabled = ground.plic(Plic::enable_offset(context, word));
            let place = format!("the enable bits of {whose}, of the other partition's line");
            probes.push(write(&place, enabled, 1 << (line % 32), denied(enabled)));
        }
    }
    probes
}

/// Accesses of other sizes, and what is no load or store.
fn odd(ground: &Ground) -> Vec<Probe> {
    let [(_, machine), ..] = ground.contexts();
    let threshold = ground.plic(Plic::context_offset(machine));
    let end = ground.controller().window.base + ground.controller().window.size;
    let denied = |address| Expected::Filtered { address };
    let odd = |name: &str, what: u32, address, expected| {
        let word = instruction(what, address);
        probe(SECTION, name.to_owned(), word, expected)
    };
    vec![
        odd(
            "write 1 byte inside machine mode's threshold",
            STORE_BYTE.instruction,
            threshold + 1,
            denied(threshold + 1),
        ),
        odd(
            "write 8 bytes to machine mode's threshold",
            STORE_DOUBLE.instruction,
            threshold,
            denied(threshold),
        ),
        odd(
            "read 8 bytes from machine mode's threshold",
            LOAD_DOUBLE.instruction,
            threshold,
            value(0),
        ),
        odd(
            "amoadd.d to machine mode's threshold",
            ADD.instruction,
            threshold,
            fault(ADD.cause, threshold),
        ),
        odd(
            "write 4 bytes to the last register",
            STORE_WORD.instruction,
            end - 4,
            denied(end - 4),
        ),
        odd(
            "read 4 bytes behind the last register",
            LOAD_WORD.instruction,
            end,
            fault(LOAD_WORD.cause, end),
        ),
        probe(
            SECTION,
            "execute machine mode's threshold".to_owned(),
            go(threshold),
            fault(1, threshold),
        )
        .at(threshold),
    ]
}
