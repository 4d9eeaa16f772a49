//! Calls by `smc` with arguments that no honest system has (SMCCC 1.4, DEN0028; PSCI 1.1, DEN0022).

use super::{LEVELS, Probe, probe};
use crate::ground::{BASE, Foreign, Ground, SCRATCH, trustzone};
use crate::probe::Expected;
use partita_abi::monitor_call as partita;

const SECTION: &str = "Calls by `SMC`";
const NOT_SUPPORTED: i64 = -1;
const INVALID_PARAMETERS: i64 = -2;
const INVALID_ADDRESS: i64 = -9;
/// Errors of Partita's own calls.
const OWN_INVALID_PARAMETER: i64 = -3;
const OWN_INVALID_ADDRESS: i64 = -5;

const CPU_SUSPEND: u64 = 0xc400_0001;
/// Starts a core.
pub const CPU_ON: u64 = 0xc400_0003;
const CPU_ON_32: u64 = 0x8400_0003;
const AFFINITY_INFO: u64 = 0xc400_0004;
const SYSTEM_SUSPEND: u64 = 0xc400_000e;
const SYSTEM_RESET2: u64 = 0xc400_0012;
const CALL_CORES: u64 = 12;
/// A function that is nobody's.
pub const UNKNOWN: u64 = 0xc300_00ff;

/// The word that makes a call.
pub fn call(verb: &str, function: u64, arguments: &[u64]) -> String {
    let mut word = format!("{verb}:{function:x}");
    for argument in arguments {
        word.push_str(&format!(",{argument:x}"));
    }
    word
}

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    let places = trustzone::secure_memory(ground);
    for (suffix, _, verb) in LEVELS {
        probes.extend(asked(SECTION, suffix, verb, ground, &places));
    }
    let own = SCRATCH + 0x100;
    let foreign = ground.others;
    probes.push(probe(
        SECTION,
        "1000 calls chosen by chance: fast and yielding, 32 and 64 bits, of every owner".to_owned(),
        format!("random:{own:x},{foreign:x}"),
        Expected::Answers { count: 1000 },
    ));
    probes
}

/// Single calls, with `places` as what is foreign.
pub fn asked(
    section: &'static str,
    suffix: &str,
    verb: &str,
    ground: &Ground,
    places: &[Foreign],
) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut row = |name: &str, function, arguments: &[u64], expected| {
        let name = format!("{name}{suffix}");
        let word = call(verb, function, arguments);
        probes.push(probe(section, name, word, expected));
    };
    cores(ground, places, &mut row);
    buffers(ground, places, &mut row);
    strangers(&mut row);
    probes
}

type Row<'a> = dyn FnMut(&str, u64, &[u64], Expected) + 'a;

/// Calls that name cores, and where they go on.
fn cores(ground: &Ground, places: &[Foreign], row: &mut Row<'_>) {
    for (whose, target) in [
        ("the other partition's core", 1),
        ("a core that is not there", 7),
        ("a core of another cluster", 0x100),
        ("a core by a wide affinity", 1 << 32),
        ("a core with reserved bits", 1 << 31),
        ("the core -1", u64::MAX),
    ] {
        let denied = Expected::Denied {
            error: INVALID_PARAMETERS,
            address: target,
        };
        row(
            &format!("start {whose}"),
            CPU_ON,
            &[target, BASE, 0],
            denied,
        );
        row(
            &format!("state of {whose}"),
            AFFINITY_INFO,
            &[target, 0],
            denied,
        );
    }
    row(
        "start the other partition's core by 32 bits",
        CPU_ON_32,
        &[1, BASE, 0],
        Expected::Denied {
            error: INVALID_PARAMETERS,
            address: 1,
        },
    );
    for level in [1, 3, u64::from(u32::MAX)] {
        let refused = Expected::Refused {
            error: INVALID_PARAMETERS,
        };
        row(
            &format!("state of level {level:#x}"),
            AFFINITY_INFO,
            &[0, level],
            refused,
        );
    }
    let mut entries: Vec<_> = places
        .iter()
        .map(|place| (place.name, place.base))
        .collect();
    entries.extend([
        ("an odd address", BASE + 1),
        ("half an instruction", BASE + 2),
        ("its own end", ground.end),
        ("its own last two bytes", ground.end - 2),
        ("the secure serial port", ground.board.uart.window.base),
        ("the end of all addresses", u64::MAX - 3),
        ("its own address with a tag", 1 << 56 | BASE),
    ]);
    for (place, address) in entries {
        let denied = Expected::Denied {
            error: INVALID_ADDRESS,
            address,
        };
        row(
            &format!("start its own core at {place}"),
            CPU_ON,
            &[0, address, 0],
            denied,
        );
        row(
            &format!("power down and go on at {place}"),
            CPU_SUSPEND,
            &[0x1_0000, address, 0],
            denied,
        );
        row(
            &format!("suspend the system and go on at {place}"),
            SYSTEM_SUSPEND,
            &[address, 0],
            denied,
        );
    }
    let refused = Expected::Refused {
        error: INVALID_PARAMETERS,
    };
    row(
        "a power state with reserved bits",
        CPU_SUSPEND,
        &[0x8000_0000, BASE, 0],
        refused,
    );
    row(
        "a reset of a vendor's",
        SYSTEM_RESET2,
        &[0x8000_0000, 0],
        refused,
    );
    row("a reset that is reserved", SYSTEM_RESET2, &[1, 0], refused);
}

/// Calls of Partita that name memory, lines or cores.
fn buffers(ground: &Ground, places: &[Foreign], row: &mut Row<'_>) {
    let own = |number: u64| partita::SMC_BASE | number;
    let mut buffers: Vec<_> = places
        .iter()
        .map(|place| (place.name, place.base, 8))
        .collect();
    buffers.extend([
        ("the byte behind its memory", ground.end, 1),
        ("its last byte and the one behind", ground.end - 1, 2),
        ("memory that wraps around", u64::MAX - 3, 8),
        ("all memory", 0, u64::MAX),
        ("its own memory and all behind", BASE, u64::MAX),
        (
            "its own memory and almost all behind",
            BASE,
            u64::MAX - BASE,
        ),
        ("the secure serial port", ground.board.uart.window.base, 1),
    ]);
    for (place, address, length) in buffers {
        let denied = Expected::Denied {
            error: OWN_INVALID_PARAMETER,
            address,
        };
        row(
            &format!("print {place}"),
            own(8),
            &[address, length],
            denied,
        );
        row(
            &format!("read the console into {place}"),
            own(9),
            &[address, length],
            denied,
        );
        let expected = if address.is_multiple_of(8) && address != BASE {
            Expected::Denied {
                error: OWN_INVALID_ADDRESS,
                address,
            }
        } else {
            continue;
        };
        row(
            &format!("a measurement into {place}"),
            own(partita::MEASUREMENT),
            &[0, address, 0x100],
            expected,
        );
    }
    let line = u64::from(ground.others_line());
    let denied = |address| Expected::Denied {
        error: OWN_INVALID_PARAMETER,
        address,
    };
    row(
        "end the other's line",
        own(partita::INTERRUPT_COMPLETE),
        &[line],
        denied(line),
    );
    row(
        "end a line that is not there",
        own(partita::INTERRUPT_COMPLETE),
        &[1000],
        denied(1000),
    );
    row(
        "call cores that are not its own",
        own(CALL_CORES),
        &[6],
        denied(1),
    );
    row("call core 63", own(CALL_CORES), &[1 << 63], denied(63));
    row(
        "claim an interrupt",
        own(partita::INTERRUPT_CLAIM),
        &[],
        Expected::Answered { value: 0 },
    );
}

/// Functions that are not offered, of every owner (SMCCC 1.4, 2.5).
fn strangers(row: &mut Row<'_>) {
    for (whose, owner) in [
        ("Arm's", 0),
        ("the processor's", 1),
        ("the chip's", 2),
        ("an OEM's", 3),
        ("the standard's", 4),
        ("a hypervisor's", 5),
        ("a vendor's hypervisor's", 6),
        ("a trusted application's", 0x30),
        ("a trusted OS's", 0x32),
        ("a trusted OS's last", 0x3f),
    ] {
        for (kind, bits) in [
            ("fast, 64 bits", 3),
            ("fast, 32 bits", 2),
            ("yielding, 64 bits", 1),
            ("yielding, 32 bits", 0),
        ] {
            let function = bits << 30 | owner << 24 | 0xf0f;
            let error = if function & !0xffff == partita::SMC_BASE {
                // The errors of Partita's own calls are those of the SBI.
                -2
            } else {
                NOT_SUPPORTED
            };
            let name = format!("{whose} function, {kind}");
            row(
                &name,
                function,
                &[SCRATCH, 1, 2],
                Expected::Refused { error },
            );
        }
    }
}
