//! The normal world keeps its core to itself as well as it can, and does the same thing again and again.

use super::calls::{CPU_ON, UNKNOWN, call};
use super::instructions::{LOAD_DOUBLE, Register, STORE_DOUBLE};
use super::{Probe, probe};
use crate::ground::{BASE, Ground};
use crate::probe::Expected;
use partita_abi::monitor_call as partita;

const TIMES: u64 = 1000;
/// Periods of the other partition that interrupts are kept away for, in microseconds.
const HELD_US: u64 = 5000;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (how, ways) in [
        ("exceptions masked", 1),
        ("the priority mask closed", 2),
        ("the group disabled at the core", 4),
        ("the group disabled in the distributor", 8),
        ("all of that at once", 15),
    ] {
        probes.push(probe(
            "Masks",
            format!("compute for 5 ms, with {how}"),
            format!("m:{ways:x},{HELD_US:x}"),
            Expected::Value { mask: 0, value: 0 },
        ));
    }
    for (name, value) in [
        ("find nothing, leave ones", u64::MAX),
        ("find ones, leave a pattern", 0x5a5a_a5a5_0f0f_f0f0),
        ("find the pattern, leave zeros", 0),
    ] {
        probes.push(probe(
            "Floating-point registers",
            format!("{name}, for 5 ms"),
            format!("float:{value:x},{HELD_US:x}"),
            Expected::Value {
                mask: u64::MAX,
                value: 0,
            },
        ));
    }
    let mut flood = |what: &str, word: String, expected| {
        probes.push(probe(
            "Floods of the normal world",
            format!("{TIMES} times {what}"),
            word,
            expected,
        ));
    };
    let denied = |kind| Expected::Denials { count: TIMES, kind };
    let passes = Expected::Passes { count: TIMES };
    for (what, access) in [("read", LOAD_DOUBLE), ("write", STORE_DOUBLE)] {
        let word = format!("n:{TIMES:x},{:x},{:x}", access.instruction, ground.others);
        flood(
            &format!("{what} the other partition's memory"),
            word,
            denied(""),
        );
    }
    let group = Register("", [3, 0, 12, 12, 6]);
    let word = format!("n:{TIMES:x},{:x},0", group.read());
    flood("read `ICC_IGRPEN0_EL1`", word, denied("unexpected-trap"));
    let send = Register("", [3, 0, 12, 11, 6]);
    let word = format!("n:{TIMES:x},{:x},{:x}", send.write(), 8_u64 << 24 | 3);
    flood("send interrupt 8 to the secure world", word, passes);
    flood("interrupt itself", format!("storm:{TIMES:x}"), passes);
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
    let take = partita::SMC_BASE | partita::NOTIFICATION_TAKE;
    flood("ask for a notification", calls(take, &[]), passes);
    probes
}
