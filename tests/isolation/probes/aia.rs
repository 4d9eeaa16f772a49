//! Registers of the other interrupt controller: APLIC domains and interrupt files of the IMSIC (RISC-V
//! Advanced Interrupt Architecture 1.0, chapters 3 and 4).

use super::{NO_EFFECT, Probe, fault, instruction, probe, value};
use crate::ground::Ground;
use crate::instructions::{LOAD_WORD, STORE_WORD, read_register, swap_register};
use crate::probe::{Expected, From};
use partita_board::{Aia, Window};

const SECTION: &str = "APLIC and IMSIC";
const PENDING: usize = 0x1c00;
const ENABLED: usize = 0x1e00;
const PENDING_NUMBER_LITTLE: usize = 0x2000;
const PENDING_NUMBER_BIG: usize = 0x2004;
const MESSAGE: usize = 0x3000;
/// The line of Linux's own device, and where its messages may not go.
const OWN_LINE: u16 = 1;
const TO_OTHER_HART: u64 = 1 << 18 | 5;
const TO_GUEST: u64 = 1 << 12 | 5;
const TO_ANY_IDENTITY: u64 = 0x7ff;
/// Supervisor mode's way to its own interrupt file (chapters 2 and 3).
const WINDOW_REGISTERS: [(&str, u32); 4] = [
    ("siselect", 0x150),
    ("sireg", 0x151),
    ("stopei", 0x15c),
    ("stopi", 0xdb0),
];

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let aia = ground.aia();
    let mut probes = closed(ground, "machine level's", aia.machine_domain);
    probes.extend(files(ground));
    if ground.from == From::Linux {
        probes.extend(filtered(ground));
        return probes;
    }
    probes.extend(closed(ground, "supervisor level's", aia.supervisor_domain));
    for (name, register) in WINDOW_REGISTERS {
        for (verb, instruction) in [
            ("read", read_register(register)),
            ("write", swap_register(register)),
        ] {
            let word = super::instruction(instruction, 0);
            let expected = Expected::Illegal { instruction };
            probes.push(probe(SECTION, format!("{verb} `{name}`"), word, expected));
        }
    }
    probes
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

/// A domain that the prober has no access to.
fn closed(ground: &Ground, whose: &str, domain: Window) -> Vec<Probe> {
    let line = ground.others_line();
    [
        ("configuration", Aia::DOMAIN_CONFIGURATION),
        (
            "configuration of the other's line",
            Aia::source_offset(line),
        ),
        ("target of the other's line", Aia::target_offset(line)),
        ("pending bits", PENDING),
        (
            "register that makes a line pending",
            Aia::SET_PENDING_NUMBER,
        ),
        (
            "register that clears a pending line",
            Aia::CLEAR_PENDING_NUMBER,
        ),
        ("enable bits", ENABLED),
        ("register that enables a line", Aia::SET_ENABLE_NUMBER),
        ("register that disables a line", Aia::CLEAR_ENABLE_NUMBER),
        ("address of machine level's messages", Aia::MACHINE_ADDRESS),
        (
            "address of supervisor level's messages",
            Aia::SUPERVISOR_ADDRESS,
        ),
        ("register that sends a message", MESSAGE),
    ]
    .into_iter()
    .flat_map(|(name, offset)| {
        let place = format!("{whose} {name}");
        let address = domain.base + offset as u64;
        [
            read(&place, address, fault(LOAD_WORD.cause, address)),
            write(
                &place,
                address,
                u64::from(line),
                fault(STORE_WORD.cause, address),
            ),
        ]
    })
    .collect()
}

/// Interrupt files: Linux has the one of its own hart.
fn files(ground: &Ground) -> Vec<Probe> {
    let aia = ground.aia();
    let machine = |hart: u64| aia.machine_files.base + Aia::FILE_BYTES * hart;
    let mut files = vec![
        ("machine level's file of the own hart", machine(0)),
        ("machine level's file of the other hart", machine(1)),
        (
            "supervisor level's file of the other hart",
            aia.supervisor_file(1),
        ),
    ];
    if ground.from != From::Linux {
        files.push((
            "supervisor level's file of the own hart",
            aia.supervisor_file(0),
        ));
    }
    files
        .into_iter()
        .flat_map(|(place, address)| {
            [
                read(place, address, fault(LOAD_WORD.cause, address)),
                write(place, address, 5, fault(STORE_WORD.cause, address)),
            ]
        })
        .collect()
}

/// Linux's own domain has the lines of others too, so each access is filtered.
fn filtered(ground: &Ground) -> Vec<Probe> {
    let line = ground.others_line();
    let register = |offset: usize| ground.aia().supervisor_domain.base + offset as u64;
    let own_target = register(Aia::target_offset(OWN_LINE));
    let mut probes = vec![
        write(
            "the domain's configuration",
            register(Aia::DOMAIN_CONFIGURATION),
            0,
            NO_EFFECT,
        ),
        write(
            "the configuration of the other's line",
            register(Aia::source_offset(line)),
            1,
            NO_EFFECT,
        ),
        read(
            "the configuration of the other's line",
            register(Aia::source_offset(line)),
            value(0),
        ),
        write(
            "the target of the other's line",
            register(Aia::target_offset(line)),
            5,
            NO_EFFECT,
        ),
        read(
            "the target of the other's line",
            register(Aia::target_offset(line)),
            value(0),
        ),
        write(
            "the pending bits, of the other's line",
            register(PENDING),
            1 << line,
            NO_EFFECT,
        ),
        write(
            "the enable bits, of the other's line",
            register(ENABLED),
            1 << line,
            NO_EFFECT,
        ),
        read("the pending bits", register(PENDING), value(0)),
        read("the enable bits", register(ENABLED), value(0)),
        read(
            "the address of machine level's messages",
            register(Aia::MACHINE_ADDRESS),
            value(0),
        ),
    ];
    let number = u64::from(line);
    for (place, address, value) in [
        (
            "the register that makes a line pending",
            register(Aia::SET_PENDING_NUMBER),
            number,
        ),
        (
            "the register that makes a line pending, little-endian",
            register(PENDING_NUMBER_LITTLE),
            number,
        ),
        (
            "the register that makes a line pending, big-endian",
            register(PENDING_NUMBER_BIG),
            number << 24,
        ),
        (
            "the register that clears a pending line",
            register(Aia::CLEAR_PENDING_NUMBER),
            number,
        ),
        (
            "the register that enables a line",
            register(Aia::SET_ENABLE_NUMBER),
            number,
        ),
        (
            "the register that disables a line",
            register(Aia::CLEAR_ENABLE_NUMBER),
            number,
        ),
        (
            "the address of machine level's messages",
            register(Aia::MACHINE_ADDRESS),
            0,
        ),
        (
            "the address of supervisor level's messages",
            register(Aia::SUPERVISOR_ADDRESS),
            0,
        ),
        ("the register that sends a message", register(MESSAGE), 5),
        (
            "the target of its own line: another hart",
            own_target,
            TO_OTHER_HART,
        ),
        ("the target of its own line: a guest", own_target, TO_GUEST),
        (
            "the target of its own line: an identity that no file has",
            own_target,
            TO_ANY_IDENTITY,
        ),
    ] {
        probes.push(write(place, address, value, Expected::Filtered { address }));
    }
    probes
}
