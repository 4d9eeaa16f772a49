//! Everybody at EL1 of the normal world behind stage 2, against everybody.

mod controller;
mod devices;
mod forms;
mod memory;
mod registers;
mod requests;

use super::instructions::Access;
use super::{Probe, execute, probe};
use crate::ground::Ground;
use crate::probe::{Expected, From};
use forms::Form;

/// What is stored if it is not denied.
const SPOILT: u64 = 0x5ec0_2e5e_c02e_5ec0;
/// With translation, the prober finds the first 4 GiB once more from here on.
const ALIAS: u64 = 1 << 32;
/// Exception classes (DDI 0487, D24.2.40): an instruction or data abort of a lower level.
const FETCH: u32 = 0x20;
const DATA: u32 = 0x24;

/// How an address is reached: as it is, and by another virtual address.
const WAYS: [(&str, &str, u64); 2] = [("", "i", 0), (", at another address", "v", ALIAS)];

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    [
        memory::probes(ground),
        devices::probes(ground),
        controller::probes(ground),
        registers::probes(ground),
        requests::probes(ground),
    ]
    .concat()
}

/// Whether everything is tried from here. What can hardly differ from that is left out elsewhere.
fn is_whole(ground: &Ground) -> bool {
    ground.variant.processor().is_none() && ground.from != From::High
}

/// The same for an access of one of many forms, of which some only the newest processor has.
fn form_denied(
    ground: &Ground,
    section: &'static str,
    form: &Form,
    place: &str,
    address: u64,
) -> Probe {
    // A table of the prober's own keeps user mode out.
    let way = usize::from(!form.is_of_user());
    let mut probe = denied(section, way, form.access, place, address);
    if !form.exists(ground) {
        probe.expected = Expected::Undefined;
    }
    probe
}

/// An access that has to be denied.
fn denied(section: &'static str, way: usize, what: Access, place: &str, address: u64) -> Probe {
    let (suffix, verb, alias) = WAYS[way];
    let value = address + alias;
    probe(
        section,
        format!("{} of {place}{suffix}", what.name),
        execute(verb, what.instruction, value, SPOILT),
        Expected::Untranslated {
            class: DATA,
            value,
            address,
        },
    )
}
