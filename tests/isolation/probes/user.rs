//! The same from user mode: it has no more than supervisor mode.

use super::{Probe, fault, probe, value};
use crate::ground::Ground;
use crate::instructions::{LOAD_DOUBLE, STORE_DOUBLE, read_register, swap_register};
use crate::probe::Expected;

const SECTION: &str = "User mode";
const NOTHING: u32 = 0x0000_0013;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let user = |name: &str, instruction: u32, argument: u64, expected| {
        let word = format!("u:{instruction:x},{argument:x}");
        probe(SECTION, name.to_owned(), word, expected)
    };
    let mut probes = vec![user(
        "an instruction that does nothing",
        NOTHING,
        0,
        value(0),
    )];
    for (place, address) in [
        ("the monitor's text", ground.board.ram_base),
        ("the other partition's memory", ground.end),
        ("the machine timer", ground.riscv64().aclint.base + 0x4000),
    ] {
        for what in [LOAD_DOUBLE, STORE_DOUBLE] {
            let name = format!("{} of {place}", what.name);
            probes.push(user(
                &name,
                what.instruction,
                address,
                fault(what.cause, address),
            ));
        }
    }
    for (name, instruction) in [
        ("read `mstatus`", read_register(0x300)),
        ("write `medeleg`", swap_register(0x302)),
        ("read `mhartid`", read_register(0xf14)),
        ("write `satp`", swap_register(0x180)),
        ("`mret`", 0x3020_0073),
        ("`sret`", 0x1020_0073),
        ("`wfi`", 0x1050_0073),
        ("`sfence.vma`", 0x1200_0073),
    ] {
        probes.push(user(
            name,
            instruction,
            0,
            Expected::Illegal { instruction },
        ));
    }
    probes
}
