//! Calls that are not offered, and Partita's own.

use super::Probe;
use super::calls::{
    BASE_EXTENSION, HARTS, INVALID_ADDRESS, INVALID_PARAMETER, NOT_SUPPORTED, RESET,
    SEND_INTERRUPT, TIME, denied, places, refused, told,
};
use crate::ground::{Ground, SCRATCH};
use partita_abi::measurement::Measurement;
use partita_abi::monitor_call as partita;

/// Extensions of SBI 3.0 and of hypervisors that are not there; the first function of each takes an address,
/// or hands one out.
const ABSENT: [(&str, u64); 8] = [
    ("firmware features (FWFT)", 0x4657_4654),
    ("supervisor software events (SSE)", 0x53_5345),
    ("debug triggers (DBTR)", 0x4442_5452),
    ("message proxy (MPXY)", 0x4d50_5859),
    ("processor performance (CPPC)", 0x4350_5043),
    ("nested acceleration (NACL)", 0x4e41_434c),
    ("steal time (STA)", 0x53_5441),
    ("a vendor's", 0x0900_0000),
];
/// One above the last function that any of them has.
const FUNCTIONS: u64 = 10;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    [
        absent(ground),
        strangers(ground),
        lines(ground),
        measurements(ground),
        health(),
    ]
    .concat()
}

/// Whole extensions.
fn absent(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (name, extension) in ABSENT {
        let probe = (BASE_EXTENSION, 3);
        let asked = format!("ask for the extension {name}");
        probes.push(told(asked, probe, &[extension], 0));
        for function in 0..FUNCTIONS {
            let name = format!("{name}, function {function}, with the other partition's memory");
            // Addresses and sizes, in whatever order it wants them.
            let arguments = [ground.end, 0, 64, ground.end, 0, 64];
            probes.push(refused(
                name,
                (extension, function),
                &arguments,
                NOT_SUPPORTED,
            ));
        }
    }
    probes
}

/// Numbers that nobody has, and the legacy calls, of which some take the address of a mask of harts.
fn strangers(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for extension in [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        0x0a00_0000,
        1 << 32 | BASE_EXTENSION,
        u64::MAX,
    ] {
        let name = format!("extension {extension:#x}");
        let arguments = [ground.end];
        probes.push(refused(name, (extension, 0), &arguments, NOT_SUPPORTED));
    }
    for (name, function) in [
        ("timer", (TIME, 1)),
        ("interrupt", (SEND_INTERRUPT.0, 1)),
        ("base", (BASE_EXTENSION, 7)),
        ("base, above 32 bits", (BASE_EXTENSION, 1 << 32)),
        ("hart", (HARTS, 4)),
        ("reset", (RESET.0, 1)),
        ("Partita", (partita::EXTENSION, 0xff)),
        ("Partita, above 32 bits", (partita::EXTENSION, 1 << 32)),
    ] {
        let name = format!("a {name} function that does not exist");
        probes.push(refused(name, function, &[0], NOT_SUPPORTED));
    }
    probes
}

/// Claims and forged completions by call.
fn lines(ground: &Ground) -> Vec<Probe> {
    let claim = (partita::EXTENSION, partita::INTERRUPT_CLAIM);
    let complete = (partita::EXTENSION, partita::INTERRUPT_COMPLETE);
    let others = u64::from(ground.others_line());
    let port = ground.board.uart.line;
    let mut probes = vec![told(
        "claim the other partition's line".to_owned(),
        claim,
        &[others],
        0,
    )];
    for (whose, line) in [
        ("the other partition's line", others),
        ("the serial port's line", u64::from(port)),
        ("a line that does not exist", 1023),
        ("the line that stands for notifications", 0xffff),
        ("the last line", 0xffff_ffff),
    ] {
        let name = format!("complete {whose}");
        probes.push(denied(name, complete, &[line], INVALID_PARAMETER, line));
    }
    for line in [0, 1 << 32, 1 << 32 | others, u64::MAX] {
        let name = format!("complete line {line:#x}");
        probes.push(refused(name, complete, &[line], INVALID_PARAMETER));
    }
    probes
}

/// Boot measurements: where they are written, and which.
fn measurements(ground: &Ground) -> Vec<Probe> {
    let measurement = (partita::EXTENSION, partita::MEASUREMENT);
    let room = size_of::<Measurement>() as u64;
    let mut foreign = vec![
        ("its last 8 bytes and what is behind", ground.end - 8),
        ("the last address that is aligned", u64::MAX - 7),
    ];
    // The others are not aligned.
    let aligned = |(_, address): &(&str, u64)| address.is_multiple_of(8);
    foreign.extend(places(ground).into_iter().filter(aligned));
    let mut probes = Vec::new();
    for (place, address) in foreign {
        let name = format!("write a boot measurement to {place}");
        let arguments = [0, address, room];
        probes.push(denied(
            name,
            measurement,
            &arguments,
            INVALID_ADDRESS,
            address,
        ));
    }
    for (name, index, address, size) in [
        ("of index 64", 64, SCRATCH, room),
        ("of index 2^32", 1 << 32, SCRATCH, room),
        ("of the last index", u64::MAX, SCRATCH, room),
        ("into one byte too few", 0, SCRATCH, room - 1),
        ("into no bytes", 0, SCRATCH, 0),
        ("to an odd address", 0, SCRATCH + 1, room),
        ("to an address between two words", 0, SCRATCH + 4, room),
    ] {
        let name = format!("write a boot measurement {name}");
        let arguments = [index, address, size];
        probes.push(refused(name, measurement, &arguments, INVALID_PARAMETER));
    }
    probes
}

/// A watchdog that the manifest does not give, notifications of others, and a boast.
fn health() -> Vec<Probe> {
    let function = |function| (partita::EXTENSION, function);
    let mut probes = Vec::new();
    for timeout in [0, 1, u64::MAX] {
        let name = format!("start a watchdog that it does not have, for {timeout:#x} ns");
        let start = function(partita::WATCHDOG_START);
        probes.push(refused(name, start, &[timeout], NOT_SUPPORTED));
    }
    for (name, function, arguments) in [
        (
            "reset a watchdog that it does not have",
            function(partita::WATCHDOG_PET),
            [1, 0, 0],
        ),
        (
            "take a notification of the other partition",
            function(partita::NOTIFICATION_TAKE),
            [1, 0, 0],
        ),
        (
            "report 2^64 - 1 deadlines met",
            function(partita::REPORT_DEADLINES),
            [u64::MAX, 0, u64::MAX],
        ),
        (
            "report as many again",
            function(partita::REPORT_DEADLINES),
            [u64::MAX, 0, u64::MAX],
        ),
    ] {
        probes.push(told(name.to_owned(), function, &arguments, 0));
    }
    probes
}
