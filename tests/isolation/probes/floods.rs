//! The same again and again, as fast as it can be done.

use super::calls::call;
use super::{Probe, probe};
use crate::ground::{Ground, SCRATCH};
use crate::instructions::{ADD, LOAD_DOUBLE, STORE_WORD, read_register};
use crate::probe::{Expected, From};
use partita_abi::monitor_call as partita;

const SECTION: &str = "Floods";
const TIMES: u64 = 1000;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let text = ground.board.ram_base;
    let illegal = match ground.from {
        From::Linux => "",
        From::Low | From::High => "illegal-instruction",
    };
    let again = |name: &str, instruction: u32, address: u64, kind| {
        let word = format!("n:{TIMES:x},{instruction:x},{address:x}");
        let expected = Expected::Denials { count: TIMES, kind };
        probe(SECTION, format!("{TIMES} times {name}"), word, expected)
    };
    let calls = |name: &str, function, arguments: &[u64], expected| {
        let word = call(function, arguments).replacen("c:", &format!("nc:{TIMES:x},"), 1);
        probe(SECTION, format!("{TIMES} times {name}"), word, expected)
    };
    let passes = Expected::Passes { count: TIMES };
    let denied = Expected::Denials {
        count: TIMES,
        kind: "call-denied",
    };
    let refused = Expected::Denials {
        count: TIMES,
        kind: "",
    };
    let line = u64::from(ground.others_line());
    let complete = (partita::EXTENSION, partita::INTERRUPT_COMPLETE);
    let (interrupt, fence, start) = ((0x73_5049, 0), (0x5246_4e43, 1), (0x48_534d, 0));
    let (timer, console) = ((0x5449_4d45, 0), (0x4442_434e, 0));
    let mut probes = vec![
        again(
            "read the monitor's text",
            LOAD_DOUBLE.instruction,
            text,
            "access-fault",
        ),
        again(
            "amoadd.d to the other partition's memory",
            ADD.instruction,
            ground.end,
            "access-fault",
        ),
        again("read `mstatus`", read_register(0x300), 0, illegal),
        calls("an interrupt to itself", interrupt, &[1, 0], passes),
        calls(
            "an interrupt to the other partition's hart",
            interrupt,
            &[2, 0],
            denied,
        ),
        calls(
            "a fence of all its harts",
            fence,
            &[0, u64::MAX, 0, 0],
            passes,
        ),
        calls("a timer that has passed", timer, &[0], passes),
        calls(
            "start its hart in the monitor",
            start,
            &[0, text, 0],
            denied,
        ),
        calls("print the monitor's text", console, &[256, text, 0], denied),
        calls(
            "print 256 bytes of nothing",
            console,
            &[256, SCRATCH + 0x8000, 0],
            passes,
        ),
        calls(
            "complete the other partition's line",
            complete,
            &[line],
            denied,
        ),
        calls(
            "an extension that does not exist",
            (0x0a00_0000, 0),
            &[0],
            refused,
        ),
    ];
    if ground.from == From::Linux {
        let (what, register) = ground.filtered_register();
        let word = format!("n:{TIMES:x},{:x},{register:x}", STORE_WORD.instruction);
        let expected = Expected::Dropped { count: TIMES };
        let name = format!("{TIMES} times write {what}");
        probes.push(probe(SECTION, name, word, expected));
    }
    probes
}
