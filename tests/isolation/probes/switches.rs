//! What one partition leaves behind must not be there for the next: while the prober holds its hart with
//! something odd in a register, the other partition has several of its periods.

use super::{NO_EFFECT, Probe, instruction, probe, value};
use crate::ground::Ground;
use crate::instructions::{read_register, set_register, swap_register};
use crate::probe::{Expected, Variant};

const SECTION: &str = "What outlives a switch";
/// How long the prober holds its hart, in microseconds.
const HELD_US: u64 = 3500;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let hold = |name: &str, instruction: u32, argument: u64| {
        let word = format!("h:{instruction:x},{argument:x},{HELD_US:x}");
        probe(SECTION, name.to_owned(), word, NO_EFFECT)
    };
    let is_there = |yes, instruction| match yes {
        true => NO_EFFECT,
        false => Expected::Illegal { instruction },
    };
    let (timer, environment) = (swap_register(0x14d), swap_register(0x10a));
    let has_timer = is_there(ground.variant.has_own_timers(), timer);
    let has_environment = is_there(ground.variant != Variant::Unleashed, environment);
    let find = |name: &str, register: u32, expected| {
        let word = instruction(read_register(register), 0);
        probe(SECTION, name.to_owned(), word, expected)
    };
    let float = |name: &str, left: u64| {
        let word = format!("float:{left:x},{HELD_US:x}");
        probe(SECTION, name.to_owned(), word, value(0))
    };
    vec![
        find("`sscratch` holds nothing of the other's", 0x140, value(0)),
        float(
            "no floating-point register holds anything of the other's",
            0x2222_2222,
        ),
        float(
            "each holds what was left there, after switches",
            0x3333_3333,
        ),
        Probe {
            expected: has_timer,
            ..hold("a `stimecmp` that has passed", timer, 0)
        },
        hold(
            "a software interrupt that is pending",
            set_register(0x144),
            1 << 1,
        ),
        hold(
            "all interrupts enabled in `sie`",
            swap_register(0x104),
            u64::MAX,
        ),
        hold("`sscratch` of all ones", swap_register(0x140), u64::MAX),
        find(
            "`sscratch` holds what was left there",
            0x140,
            value(u64::MAX),
        ),
        hold(
            "`sepc` of somewhere else",
            swap_register(0x141),
            0x8000_0000,
        ),
        hold("`stvec` of the other's memory", read_register(0x105), 0),
        hold("`scounteren` of all ones", swap_register(0x106), u64::MAX),
        Probe {
            expected: has_environment,
            ..hold("`senvcfg` of all ones", environment, u64::MAX)
        },
        hold(
            "supervisor memory open to user mode (`sstatus.SUM`, `MXR`)",
            set_register(0x100),
            3 << 18,
        ),
    ]
}
