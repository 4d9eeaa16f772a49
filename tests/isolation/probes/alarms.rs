//! A device of the prober's own that interrupts as fast as it can, or for ever.

use super::{NO_EFFECT, Probe, instruction, probe};
use crate::ground::Ground;
use crate::instructions::{STORE_WORD, read_register};
use crate::probe::{Expected, From, Variant};
use partita_abi::monitor_call as partita;
use partita_board::{Controller, Plic};

const SECTION: &str = "Interrupts of an own device";
const TIMES: u64 = 600;
/// How long it holds its hart meanwhile, in microseconds.
const HELD_US: u64 = 3500;
const SIP: u32 = 0x144;
/// A device's interrupt in `sip`.
const EXTERNAL: u64 = 1 << 9;
/// Registers of the clock (goldfish): the alarm's halves, and whether it interrupts.
const ALARM_LOW: u64 = 0x08;
const ALARM_HIGH: u64 = 0x0c;
const INTERRUPTS: u64 = 0x10;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let clock = ground.board.device("rtc").expect("the board has it");
    let base = clock.window.base;
    let line = ground.others_line();
    let write = |address: u64, value: u64| {
        let store = STORE_WORD.instruction;
        format!("s:{store:x},{address:x},{value:x}")
    };
    let direct = ground.from == From::Linux;
    let enable = || match (direct, ground.riscv64().controller) {
        (false, _) => Vec::new(),
        (true, Controller::Aia(_)) => vec![format!("file:{line:x}")],
        (true, Controller::Plic(plic)) => {
            let context = plic.supervisor_context(ground.core(0));
            vec![
                write(ground.plic(Plic::priority_offset(line)), 1),
                write(ground.plic(Plic::enable_offset(context, 0)), 1 << line),
                write(ground.plic(Plic::context_offset(context)), 0),
            ]
        }
    };
    // How its interrupts are taken.
    let way = match (direct, ground.variant) {
        (false, _) => 0,
        (true, Variant::Aia) => 2,
        (true, _) => 1,
    };
    // An alarm that has passed is due at once.
    let alarm = [
        write(base + INTERRUPTS, 1),
        write(base + ALARM_HIGH, 0),
        write(base + ALARM_LOW, 1),
    ];
    let held = |name: &str| {
        let word = format!("h:{:x},0,{HELD_US:x}", read_register(SIP));
        probe(SECTION, name.to_owned(), word, NO_EFFECT)
    };
    let pending = |name: &str, value: u64| {
        let expected = Expected::Value {
            mask: EXTERNAL,
            value,
        };
        let word = instruction(read_register(SIP), 0);
        probe(SECTION, name.to_owned(), word, expected)
    };
    let mut probes = vec![
        probe(
            SECTION,
            format!("{TIMES} alarms, each due when it is set"),
            format!("a:{TIMES:x},{way:x}"),
            Expected::Passes { count: TIMES },
        )
        .after(enable()),
        held("an interrupt that is pending while the other runs and has its own enabled")
            .after(enable())
            .after(alarm),
        pending("it is pending for its owner all the time", EXTERNAL),
    ];
    if !direct {
        let claim = (partita::EXTENSION, partita::INTERRUPT_CLAIM);
        probes.extend([
            probe(
                SECTION,
                "claim the interrupt".to_owned(),
                super::calls::call(claim, &[]),
                Expected::Refused { error: 0 },
            ),
            held("an interrupt that is claimed and never completed, and its device insists"),
            pending("it is not pending before it is completed", 0),
        ]);
    }
    probes
}
