//! Calls about performance counters that name counters, events or memory that the caller does not have (SBI 2.0,
//! chapter 11, and `event_get_info` of 3.0).

use super::calls::{INVALID_PARAMETER, NOT_SUPPORTED, SECTION, places, refused, silent_call, told};
use super::{Probe, probe};
use crate::ground::Ground;
use crate::instructions::read_register;
use crate::probe::Expected;

const COUNTERS: u64 = 0x50_4d55;
const ALREADY_STOPPED: i64 = -8;
const NO_SHARED_MEMORY: i64 = -9;
/// Functions.
const DESCRIBE: u64 = 1;
const CONFIGURE: u64 = 2;
const START: u64 = 3;
const STOP: u64 = 4;
const READ: u64 = 5;
const READ_HIGH: u64 = 6;
const SHARE: u64 = 7;
const EVENTS: u64 = 8;
/// The first counter of hardware events.
const HARDWARE: u64 = 3;
/// The first counter of firmware events, which there are on every board.
const FIRMWARE: u64 = 32;
/// One above the last.
const END: u64 = 40;
/// All of them, from the first on.
const ALL_FIRMWARE: u64 = (1 << (END - FIRMWARE)) - 1;
/// Firmware event "timer set" (11.5).
const TIMER_SET: u64 = 0xf_0005;
/// In a start: the values come from the shared memory; in a stop: they go there.
const FROM_SHARED: u64 = 1 << 1;

/// Masks that name counters which are not the caller's: the base, the mask.
const MASKS: [(&str, u64, u64); 9] = [
    ("every counter below 64", 0, u64::MAX),
    ("machine mode's cycles", 0, 1),
    ("the counter of time", 1, 1),
    ("the last counter and the one behind", END - 1, 0b11),
    ("a mask that is shifted out", 63, 0b11),
    ("counter 63", 63, 1),
    ("a base of 64", 64, 1),
    ("a base of 2^32", 1 << 32, 1),
    ("the last base", u64::MAX, u64::MAX),
];

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    [numbers(), sets(), events(ground), memory(ground), state()].concat()
}

/// Single counters.
fn numbers() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (what, function, numbers) in [
        (
            "describe",
            DESCRIBE,
            [0, 1, 2, 31, END, 63, 64, 1 << 32 | FIRMWARE, u64::MAX],
        ),
        (
            "read",
            READ,
            [0, 2, 3, 31, END, 63, 64, 1 << 32 | FIRMWARE, u64::MAX],
        ),
        (
            "read the upper half of",
            READ_HIGH,
            [0, 2, 3, 31, END, 63, 64, 1 << 32 | FIRMWARE, u64::MAX],
        ),
    ] {
        for number in numbers {
            let name = format!("{what} counter {number:#x}");
            let function = (COUNTERS, function);
            probes.push(refused(name, function, &[number], INVALID_PARAMETER));
        }
    }
    probes
}

/// Sets of counters, and flags.
fn sets() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (what, function) in [("configure", CONFIGURE), ("start", START), ("stop", STOP)] {
        let function = (COUNTERS, function);
        for (whom, base, mask) in MASKS {
            let name = format!("{what} counters: {whom}");
            let arguments = [base, mask, 0, TIMER_SET];
            probes.push(refused(name, function, &arguments, INVALID_PARAMETER));
        }
        for flags in [1 << 8, 1 << 63] {
            let name = format!("{what} a counter with the reserved flags {flags:#x}");
            let arguments = [FIRMWARE, 1, flags, TIMER_SET];
            probes.push(refused(name, function, &arguments, INVALID_PARAMETER));
        }
    }
    let (start, stop) = ((COUNTERS, START), (COUNTERS, STOP));
    let one = |flags| [FIRMWARE, 1, flags, 0];
    let reset = || [silent_call(stop, &[FIRMWARE, ALL_FIRMWARE, 1])];
    let name = "start a counter without an event".to_owned();
    probes.push(refused(name, start, &one(0), INVALID_PARAMETER).after(reset()));
    let name = "stop a counter that does not run".to_owned();
    probes.push(refused(name, stop, &one(0), ALREADY_STOPPED).after(reset()));
    let name = "start from values in memory that was never shared".to_owned();
    probes.push(refused(name, start, &one(FROM_SHARED), NO_SHARED_MEMORY));
    let name = "stop into memory that was never shared".to_owned();
    probes.push(refused(name, stop, &one(FROM_SHARED), NO_SHARED_MEMORY));
    probes
}

/// Events that there are not, among them those by which a selector would come from the caller.
fn events(ground: &Ground) -> Vec<Probe> {
    // Those of hardware too, as far as the board has them.
    let hardware = match ground.riscv64().performance.counters {
        0 => 0,
        _ => 0xff << HARDWARE,
    };
    let all = hardware | ALL_FIRMWARE << FIRMWARE;
    let configure = (COUNTERS, CONFIGURE);
    let mut probes = Vec::new();
    for (name, event, data) in [
        ("no event", 0, 0),
        ("the last hardware event", 0xffff, 0),
        ("a reserved cache event", 0x1_ffff, 0),
        ("a raw event of all bits", 0x2_0000, u64::MAX),
        ("a raw event that counts machine mode", 0x2_0000, 1),
        ("a reserved kind of event", 0x7_0001, 0),
        ("the last firmware event", 0xf_ffff, 0),
        ("a firmware event of a platform", 0xf_ffff, u64::MAX),
        ("an event of more than 20 bits", 1 << 20 | 1, 0),
        ("an event of all bits", u64::MAX, u64::MAX),
    ] {
        let name = format!("configure {name}");
        let arguments = [0, all, 0, event, data];
        probes.push(refused(name, configure, &arguments, NOT_SUPPORTED));
    }
    probes
}

/// There is no memory that is shared with the monitor for counters.
fn memory(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (place, address) in places(ground) {
        for (name, function, arguments) in [
            (
                format!("put snapshots of counters at {place}"),
                SHARE,
                [address, 0, 0, 0],
            ),
            (
                format!("have events described at {place}"),
                EVENTS,
                [address, 0, 1, 0],
            ),
        ] {
            let function = (COUNTERS, function);
            probes.push(refused(name, function, &arguments, NOT_SUPPORTED));
        }
    }
    for function in [9, 1 << 32, u64::MAX] {
        let name = format!("counter function {function:#x}, which does not exist");
        let arguments = [FIRMWARE, 1, 0, TIMER_SET];
        probes.push(refused(
            name,
            (COUNTERS, function),
            &arguments,
            NOT_SUPPORTED,
        ));
    }
    probes
}

/// What is left after all that: nothing counts, and nothing is shown.
fn state() -> Vec<Probe> {
    let reset = |base, mask| silent_call((COUNTERS, STOP), &[base, mask, 1]);
    let configure = [FIRMWARE, 1, 1 << 1, TIMER_SET];
    let mut probes = vec![
        told(
            "read a counter of timers that was configured and never started".to_owned(),
            (COUNTERS, READ),
            &[FIRMWARE],
            0,
        )
        .after([
            reset(FIRMWARE, ALL_FIRMWARE),
            silent_call((COUNTERS, CONFIGURE), &configure),
        ]),
    ];
    for (name, register) in [("hpmcounter3", 0xc03), ("hpmcounter31", 0xc1f)] {
        let instruction = read_register(register);
        let word = super::instruction(instruction, 0);
        let expected = Expected::Illegal { instruction };
        let name = format!("read `{name}`, which is not configured");
        probes.push(probe(SECTION, name, word, expected).after([reset(HARDWARE, 0xff)]));
    }
    probes
}
