//! The table of probes, section by section.

mod aia;
mod alarms;
mod arm;
mod calls;
mod controller;
mod counters;
mod devices;
mod floods;
mod lost;
mod machine_mode;
mod memory;
mod offers;
mod races;
mod switches;
mod translation;
mod user;
mod vectors;

use crate::ground::Ground;
use crate::probe::{Expected, From, Machine, Probe, Variant};
use std::collections::BTreeSet;

/// Every probe of one of the three on a board.
///
/// # Panics
/// If two have the same name.
pub fn all(from: From, variant: Variant) -> Vec<Probe> {
    if variant.is_arm() {
        let ground = Ground::new(from, variant, Machine::Usual);
        return named_once(arm::probes(&ground));
    }
    let mut probes = Vec::new();
    for (machine, sections) in [
        (Machine::Usual, usual as fn(&Ground) -> Vec<Probe>),
        (Machine::Napot, translation::napot),
        (Machine::TwoHarts, races::probes),
        (Machine::Vector, vectors::probes),
        (Machine::OwnClock, alarms::probes),
    ] {
        let ground = Ground::new(from, variant, machine);
        if !ground.exists() {
            continue;
        }
        for mut probe in sections(&ground) {
            probe.machine = machine;
            probes.push(probe);
        }
    }
    for probe in &mut probes {
        // Illegal instructions are delegated to Linux, which finds out by them what the hart can do.
        if from == From::Linux && matches!(probe.expected, Expected::Illegal { .. }) {
            probe.expected = Expected::Own { cause: 2 };
        }
    }
    named_once(probes)
}

/// The probes, whose names are all different.
fn named_once(probes: Vec<Probe>) -> Vec<Probe> {
    let mut names = BTreeSet::new();
    for probe in &probes {
        let name = (probe.section, probe.name.clone());
        assert!(names.insert(name), "two probes `{}`", probe.name);
    }
    probes
}

fn usual(ground: &Ground) -> Vec<Probe> {
    [
        memory::foreign(ground),
        memory::edges(ground),
        devices::probes(ground),
        match ground.variant {
            Variant::Aia => aia::probes(ground),
            _ => controller::probes(ground),
        },
        machine_mode::registers(ground),
        machine_mode::instructions(ground),
        user::probes(ground),
        calls::probes(ground),
        counters::probes(ground),
        offers::probes(ground),
        translation::probes(ground),
        switches::probes(ground),
        floods::probes(ground),
        lost::probes(ground),
    ]
    .concat()
}

/// One probe; more can be said of it.
fn probe(section: &'static str, name: String, word: String, expected: Expected) -> Probe {
    Probe {
        machine: Machine::Usual,
        section,
        name,
        preparation: Vec::new(),
        word,
        counter: None,
        expected,
    }
}

impl Probe {
    /// Prepares it with these words.
    fn after(mut self, words: impl IntoIterator<Item = String>) -> Self {
        self.preparation.extend(words);
        self
    }

    /// It happens at this address.
    const fn at(mut self, counter: u64) -> Self {
        self.counter = Some(counter);
        self
    }
}

/// The word that executes an instruction with this in `a0`.
fn instruction(instruction: u32, argument: u64) -> String {
    format!("i:{instruction:x},{argument:x}")
}

/// The word that does so without being a probe.
fn silently(instruction: u32, argument: u64) -> String {
    format!("s:{instruction:x},{argument:x}")
}

/// The word that goes to an address.
fn go(address: u64) -> String {
    format!("x:{address:x}")
}

/// A denied access to an address that is what it seems.
const fn fault(cause: u32, address: u64) -> Expected {
    Expected::Fault {
        cause,
        value: address,
        address,
    }
}

/// No trap, no event, whatever the value.
const NO_EFFECT: Expected = Expected::Value { mask: 0, value: 0 };

/// The value counts too.
const fn value(value: u64) -> Expected {
    Expected::Value {
        mask: u64::MAX,
        value,
    }
}
