//! The table of probes on Arm: the normal world, at EL2 and at EL1, against the secure one, and a program of the
//! secure world behind stage 2 against everybody.

mod behind;
mod calls;
mod controller;
mod disturbance;
mod instructions;
mod memory;
mod registers;
mod stage_2;

use super::{NO_EFFECT, Probe, probe};
use crate::ground::Ground;
use crate::probe::From;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    if ground.variant.is_behind_stage_2() {
        return behind::probes(ground);
    }
    if ground.from != From::Linux {
        return stage_2::probes(ground);
    }
    [
        memory::probes(ground),
        memory::devices(ground),
        memory::by_device(ground),
        registers::probes(),
        controller::probes(ground),
        controller::software_interrupts(),
        calls::probes(ground),
        disturbance::probes(ground),
    ]
    .concat()
}

/// Both levels of the normal world: what is behind the name of a probe, and the verb of an instruction and that of
/// a call.
const LEVELS: [(&str, &str, &str); 2] = [("", "i", "c"), (", from EL1", "e", "ec")];

/// The word that executes an instruction with these in `x0` and `x2`.
fn execute(verb: &str, instruction: u32, argument: u64, stored: u64) -> String {
    format!("{verb}:{instruction:x},{argument:x},{stored:x}")
}
