//! Calls, timers and floods: by `SMC` and by `HVC`, which are the same behind stage 2.

use super::super::calls::{self, CPU_ON, UNKNOWN, call};
use super::super::instructions::{LOAD_DOUBLE, Register, STORE_DOUBLE, STORE_WORD};
use super::super::stage_2::TRAPPED;
use super::super::{NO_EFFECT, Probe, execute, probe};
use super::is_whole;
use crate::ground::{BASE, Ground, SCRATCH, stage_2};
use crate::probe::{Expected, From};

const CALLS: &str = "Calls from behind stage 2";
const TIMERS: &str = "Timers, from behind stage 2";
const FLOODS: &str = "Floods from behind stage 2";
const DEBUG: &str = "Debug and counters, from a program behind stage 2";
const TIMES: u64 = 1000;
/// Periods of the other partition, in microseconds.
const HELD_US: u64 = 5000;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let places = stage_2::foreign_memory(ground);
    let mut probes = Vec::new();
    let by_both = [("", "c"), (", by `hvc`", "hvc")];
    let verbs = &by_both[..=usize::from(is_whole(ground))];
    for &(suffix, verb) in verbs {
        probes.extend(calls::asked(CALLS, suffix, verb, ground, &places));
    }
    for (what, verb) in [("smc #1", "smc1"), ("hvc #1", "hvc1")] {
        probes.push(probe(
            CALLS,
            format!("`{what}` with a function that is nobody's"),
            call(verb, UNKNOWN, &[]),
            Expected::Refused { error: -2 },
        ));
    }
    probes.extend(timers(ground));
    probes.extend(debug(ground));
    probes.extend(floods(ground));
    probes
}

/// Timers that are left on, while others have theirs, and interrupts that are kept away.
fn timers(ground: &Ground) -> Vec<Probe> {
    const COMPARE: [(&str, [u32; 5], [u32; 5]); 2] = [
        ("virtual", [3, 3, 14, 3, 2], [3, 3, 14, 3, 1]),
        ("physical", [3, 3, 14, 2, 2], [3, 3, 14, 2, 1]),
    ];
    let silent =
        |register: [u32; 5], value: u64| execute("s", Register("", register).write(), value, 0);
    let mut probes = Vec::new();
    for (name, compare, control) in COMPARE {
        for (state, value) in [("fires", 1), ("fires and is masked", 3)] {
            let hold = probe(
                TIMERS,
                format!("compute for 5 ms while its {name} timer {state}"),
                format!("m:0,{HELD_US:x}"),
                NO_EFFECT,
            );
            probes.push(hold.after([silent(compare, 0), silent(control, value)]));
        }
        let off = probe(
            TIMERS,
            format!("turn its {name} timer off"),
            execute("i", Register("", control).write(), 0, 0),
            NO_EFFECT,
        );
        probes.push(off.after([silent(compare, u64::MAX)]));
    }
    let ways = [
        ("exceptions masked", 1),
        ("the priority mask closed", 2),
        ("the group disabled at the core", 4),
        ("the group disabled in the distributor", 8),
        ("all of that at once", 15),
    ];
    for (how, ways) in ways {
        if ground.from != From::Linux && ways & 8 != 0 {
            continue;
        }
        probes.push(probe(
            TIMERS,
            format!("compute for 5 ms, with {how}"),
            format!("m:{ways:x},{HELD_US:x}"),
            NO_EFFECT,
        ));
    }
    for (name, value) in [
        (
            "find nothing in floating-point registers, leave ones",
            u64::MAX,
        ),
        ("find ones, leave a pattern", 0x5a5a_a5a5_0f0f_f0f0),
        ("find the pattern, leave zeros", 0),
    ] {
        probes.push(probe(
            TIMERS,
            format!("{name}, for 5 ms"),
            format!("float:{value:x},{HELD_US:x}"),
            Expected::Value {
                mask: u64::MAX,
                value: 0,
            },
        ));
    }
    probes
}

/// What a program may not use.
fn debug(ground: &Ground) -> Vec<Probe> {
    if ground.from == From::Linux {
        return Vec::new();
    }
    let mut probes = Vec::new();
    for register in TRAPPED {
        for (what, is_read) in [("read", true), ("write", false)] {
            let instruction = if is_read {
                register.read()
            } else {
                register.write()
            };
            probes.push(probe(
                DEBUG,
                format!("{what} {}", register.0),
                execute("i", instruction, 0, 0),
                Expected::Trapped {
                    syndrome: register.syndrome(is_read),
                    kind: "illegal-instruction",
                },
            ));
        }
    }
    probes
}

fn floods(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    let is_linux = ground.from == From::Linux;
    let (own, foreign) = (SCRATCH + 0x100, ground.others);
    probes.push(probe(
        FLOODS,
        "1000 calls chosen by chance: fast and yielding, 32 and 64 bits, of every owner".to_owned(),
        format!("random:{own:x},{foreign:x}"),
        Expected::Answers { count: TIMES },
    ));
    let mut flood = |what: &str, word: String, expected| {
        let name = format!("{TIMES} times {what}");
        probes.push(probe(FLOODS, name, word, expected));
    };
    let denied = |kind| Expected::Denials { count: TIMES, kind };
    let repeated =
        |instruction: u32, argument: u64| format!("n:{TIMES:x},{instruction:x},{argument:x}");
    for (whose, address) in [
        ("the other partition's", ground.others),
        ("the neighbour's", stage_2::NEIGHBOUR_BASE),
        ("the monitor's", 0),
    ] {
        for (what, access) in [("read", LOAD_DOUBLE), ("write", STORE_DOUBLE)] {
            flood(
                &format!("{what} {whose} memory"),
                repeated(access.instruction, address),
                denied("access-fault"),
            );
        }
    }
    let send = Register("", [3, 0, 12, 11, 5]);
    let kind = if is_linux {
        "interrupt-denied"
    } else {
        "illegal-instruction"
    };
    flood(
        "send an interrupt to the other core",
        repeated(send.write(), 2),
        denied(kind),
    );
    if is_linux {
        let enable = 0x800_0100 + u64::from(ground.others_line()) / 32 * 4;
        let bit = 1_u64 << (ground.others_line() % 32);
        flood(
            "enable the other's line",
            format!("{},{bit:x}", repeated(STORE_WORD.instruction, enable)),
            Expected::Dropped { count: TIMES },
        );
    }
    if is_linux {
        flood(
            "interrupt itself",
            format!("storm:{TIMES:x}"),
            Expected::Passes { count: TIMES },
        );
    }
    flood(
        "forget its translations on all cores",
        repeated(0xd508_831f, 0),
        Expected::Passes { count: TIMES },
    );
    let verb = format!("nc:{TIMES:x}");
    let calls = |function, arguments: &[u64]| {
        call(&verb, function, arguments).replacen(&format!("{verb}:"), &format!("{verb},"), 1)
    };
    flood("a call that is nobody's", calls(UNKNOWN, &[]), denied(""));
    flood(
        "start the other partition's core",
        calls(CPU_ON, &[1, BASE, 0]),
        denied("call-denied"),
    );
    probes
}
