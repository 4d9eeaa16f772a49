//! Monitor calls with arguments that no honest system has (SBI 2.0; chapter numbers are its own).

use super::{Probe, probe};
use crate::ground::{BASE, Ground, SCRATCH};
use crate::probe::Expected;
use partita_abi::image::TABLE_OFFSET;

/// The section of all calls.
pub const SECTION: &str = "Monitor calls";
/// Errors (chapter 3).
pub const INVALID_PARAMETER: i64 = -3;
/// An address that must not be named.
pub const INVALID_ADDRESS: i64 = -5;
/// What is not offered.
pub const NOT_SUPPORTED: i64 = -2;
const ALREADY_AVAILABLE: i64 = -6;

/// An extension and a function of it.
pub type Function = (u64, u64);
/// Extensions.
pub const BASE_EXTENSION: u64 = 0x10;
/// The timer's.
pub const TIME: u64 = 0x5449_4d45;
/// Sends an interrupt to harts.
pub const SEND_INTERRUPT: Function = (0x73_5049, 0);
const FENCES: u64 = 0x5246_4e43;
/// States of harts.
pub const HARTS: u64 = 0x48_534d;
const START: Function = (HARTS, 0);
const STATUS: Function = (HARTS, 2);
const SUSPEND: Function = (HARTS, 3);
/// Resets the caller.
pub const RESET: Function = (0x5352_5354, 0);
const CONSOLE: u64 = 0x4442_434e;
const SLEEP: u64 = 0x5355_5350;
const NOT_RETENTIVE: u64 = 0x8000_0000;

/// The word that makes a call.
pub fn call((extension, function): Function, arguments: &[u64]) -> String {
    let mut word = format!("c:{extension:x},{function:x}");
    for argument in arguments {
        word.push_str(&format!(",{argument:x}"));
    }
    word
}

/// The word that makes it without being a probe.
pub fn silent_call(function: Function, arguments: &[u64]) -> String {
    call(function, arguments).replacen("c:", "sc:", 1)
}

/// A call that names what is not the caller's.
pub fn denied(
    name: String,
    function: Function,
    arguments: &[u64],
    error: i64,
    address: u64,
) -> Probe {
    let expected = Expected::Denied { error, address };
    probe(SECTION, name, call(function, arguments), expected)
}

/// A call that is refused for another reason.
pub fn refused(name: String, function: Function, arguments: &[u64], error: i64) -> Probe {
    let expected = Expected::Refused { error };
    probe(SECTION, name, call(function, arguments), expected)
}

/// A call that is answered with this value.
pub fn told(name: String, function: Function, arguments: &[u64], value: u64) -> Probe {
    let expected = Expected::Answered { value };
    probe(SECTION, name, call(function, arguments), expected)
}

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    [
        hart_masks(ground),
        hart_states(ground),
        consoles(ground),
        sleep(ground),
        vec![probe(
            SECTION,
            "1000 calls chosen by chance".to_owned(),
            format!("random:{:x},{:x}", ground.harts, ground.end),
            Expected::Answers { count: 1000 },
        )],
    ]
    .concat()
}

/// Chapters 3.1, 7 and 8.
fn hart_masks(ground: &Ground) -> Vec<Probe> {
    let harts = ground.harts;
    let mut probes = Vec::new();
    for (name, function) in [
        ("an interrupt", SEND_INTERRUPT),
        ("an instruction fence", (FENCES, 0)),
        ("a translation fence", (FENCES, 1)),
        ("a translation fence of one address space", (FENCES, 2)),
    ] {
        for (whom, mask, base, first) in [
            ("the other partition's hart", 1 << harts, 0, harts),
            ("the other partition's hart, by the base", 1, harts, harts),
            ("its own and the other's hart", 0b11, 0, harts),
            ("64 harts", u64::MAX, 0, harts),
            ("hart 63", 1 << 63, 0, 63),
            ("a base of 64", 1, 64, 64),
            (
                "a base that is one below \"all\"",
                1,
                u64::MAX - 1,
                u64::MAX - 1,
            ),
        ] {
            let name = format!("{name} for {whom}");
            probes.push(denied(
                name,
                function,
                &[mask, base],
                INVALID_PARAMETER,
                first,
            ));
        }
    }
    let start = u64::MAX - 0xfff;
    let wraps = [1, 0, start, 0x2000];
    let name = "a translation fence whose range wraps".to_owned();
    probes.push(denied(name, (FENCES, 1), &wraps, INVALID_ADDRESS, start));
    for function in 3..8 {
        let name = format!("fence function {function}, which needs a hypervisor");
        probes.push(refused(name, (FENCES, function), &[1, 0], NOT_SUPPORTED));
    }
    probes
}

/// Chapter 9.
fn hart_states(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (place, address) in places(ground) {
        let name = format!("start a hart at {place}");
        let arguments = [0, address, 0];
        probes.push(denied(name, START, &arguments, INVALID_ADDRESS, address));
        let name = format!("suspend and resume at {place}");
        let arguments = [NOT_RETENTIVE, address, 0];
        probes.push(denied(name, SUSPEND, &arguments, INVALID_ADDRESS, address));
    }
    for hart in [ground.harts, 63, 64, 1 << 32, u64::MAX] {
        let name = format!("start hart {hart:#x}");
        probes.push(denied(
            name,
            START,
            &[hart, BASE, 0],
            INVALID_PARAMETER,
            hart,
        ));
        let name = format!("ask for the state of hart {hart:#x}");
        probes.push(denied(name, STATUS, &[hart], INVALID_PARAMETER, hart));
    }
    let name = "start its own hart again".to_owned();
    probes.push(refused(name, START, &[0, BASE, 0], ALREADY_AVAILABLE));
    for kind in [1, 0x0fff_ffff, 0x1000_0000, 0x7fff_ffff, 0x8000_0001] {
        let name = format!("suspend of the reserved kind {kind:#x}");
        probes.push(refused(name, SUSPEND, &[kind, BASE, 0], INVALID_PARAMETER));
    }
    for (kind, reason) in [(3, 0), (0x0fff_ffff, 0), (0, 2), (1, 0xdfff_ffff)] {
        let name = format!("reset of the reserved kind {kind:#x}, reason {reason:#x}");
        probes.push(refused(name, RESET, &[kind, reason], INVALID_PARAMETER));
    }
    probes
}

/// Addresses that a call must not name.
pub fn places(ground: &Ground) -> [(&'static str, u64); 9] {
    let board = ground.board;
    [
        ("the monitor's text", board.ram_base),
        ("the system table", board.ram_base + TABLE_OFFSET),
        ("the other partition's memory", ground.end),
        (
            "the end of the other partition's memory",
            ground.other_end - 2,
        ),
        ("an odd address", SCRATCH + 1),
        ("the last byte of its own memory", ground.end - 1),
        ("address 0", 0),
        ("the serial port", board.uart.window.base),
        ("the last address", u64::MAX),
    ]
}

/// Chapter 12.
fn consoles(ground: &Ground) -> Vec<Probe> {
    let end = ground.end;
    let board = ground.board;
    let mut probes = Vec::new();
    for (what, function) in [("print", (CONSOLE, 0)), ("read a line into", (CONSOLE, 1))] {
        for (place, length, address, high) in [
            ("the monitor's text", 16, board.ram_base, 0),
            ("the system table", 16, board.ram_base + TABLE_OFFSET, 0),
            ("the other partition's memory", 16, end, 0),
            ("the serial port", 1, board.uart.window.base, 0),
            ("8 bytes in front of its end and 8 behind", 16, end - 8, 0),
            ("its memory and the byte behind", end - BASE + 1, BASE, 0),
            ("2 bytes of which one wraps to address 0", 2, u64::MAX, 0),
            (
                "a length that wraps to its own beginning",
                u64::MAX,
                SCRATCH,
                0,
            ),
            (
                "a length that wraps to 0",
                u64::MAX - SCRATCH + 1,
                SCRATCH,
                0,
            ),
            ("an address of more than 64 bits", 16, SCRATCH, 1),
        ] {
            let name = format!("{what} {place}");
            let arguments = [length, address, high];
            probes.push(denied(
                name,
                function,
                &arguments,
                INVALID_PARAMETER,
                address,
            ));
        }
    }
    let name = "a console function that does not exist".to_owned();
    probes.push(refused(name, (CONSOLE, 3), &[0], NOT_SUPPORTED));
    probes
}

/// Chapter 13.
fn sleep(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (place, address) in places(ground) {
        let name = format!("put the system to sleep and resume at {place}");
        let arguments = [0, address, 0];
        probes.push(denied(
            name,
            (SLEEP, 0),
            &arguments,
            INVALID_ADDRESS,
            address,
        ));
    }
    for kind in [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let name = format!("sleep of the reserved kind {kind:#x}");
        let arguments = [kind, BASE, 0];
        probes.push(refused(name, (SLEEP, 0), &arguments, INVALID_PARAMETER));
    }
    let name = "a sleep function that does not exist".to_owned();
    probes.push(refused(name, (SLEEP, 1), &[0, BASE, 0], NOT_SUPPORTED));
    probes
}
