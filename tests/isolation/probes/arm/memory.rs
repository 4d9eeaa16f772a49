//! Secure memory and devices, by the core and by a device that reads and writes memory.

use super::instructions::{
    Access, FURTHER, LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, STORE_BYTE, STORE_DOUBLE, STORE_WORD,
};
use super::{LEVELS, Probe, execute, probe};
use crate::ground::{Ground, SCRATCH, trustzone};
use crate::probe::Expected;

const SECTION: &str = "Secure memory";
/// What is stored if it is not denied.
const SPOILT: u64 = 0x5ec0_2e5e_c02e_5ec0;

/// One access that has to be denied.
fn denied(verb: &str, suffix: &str, what: Access, place: &str, address: u64) -> Probe {
    let Access { name, instruction } = what;
    probe(
        SECTION,
        format!("{name} of {place}{suffix}"),
        execute(verb, instruction, address, SPOILT),
        Expected::Abort { address },
    )
}

/// Every part of secure memory, at both ends.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for place in trustzone::secure_memory(ground) {
        let name = place.name;
        for (suffix, verb, _) in LEVELS {
            for (what, size) in [
                (LOAD_BYTE, 1),
                (LOAD_DOUBLE, 8),
                (STORE_BYTE, 1),
                (STORE_DOUBLE, 8),
            ] {
                let first = format!("{name}, first");
                probes.push(denied(verb, suffix, what, &first, place.base));
                let last = format!("{name}, last");
                let address = (place.end - size) & !(size - 1);
                probes.push(denied(verb, suffix, what, &last, address));
            }
            let word = format!("{}:{:x}", if verb == "i" { "x" } else { "ex" }, place.base);
            let address = place.base;
            let expected = Expected::Abort { address };
            probes.push(probe(
                SECTION,
                format!("fetch from {name}{suffix}"),
                word,
                expected,
            ));
        }
        for (what, address) in [
            ("unaligned, at the start", place.base + 1),
            ("unaligned, across the first page's end", place.base + 0xffd),
        ] {
            for access in [LOAD_DOUBLE, STORE_DOUBLE] {
                let place = format!("{name}, {what}");
                probes.push(denied("v", "", access, &place, address));
            }
        }
    }
    let secure = ground.board.secure.expect("the board has secure memory");
    for (what, address) in [
        (
            "what is before secure memory and its start",
            secure.monitor.base - 4,
        ),
        (
            "the end of secure memory and what is behind",
            secure.programs.base + secure.programs.size - 4,
        ),
        (
            "the end of the flash and what is behind",
            secure.flash.base + secure.flash.size - 4,
        ),
    ] {
        for access in [LOAD_DOUBLE, STORE_DOUBLE] {
            probes.push(denied("v", "", access, what, address));
        }
    }
    for access in FURTHER {
        probes.push(denied(
            "v",
            "",
            access,
            "the other partition's memory",
            ground.others,
        ));
    }
    probes
}

/// Devices of the secure world.
pub fn devices(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    let port = ground.board.uart.window.base;
    let pins = ground.board.finisher.window.base;
    for (name, address) in [
        ("the secure serial port's data", port),
        ("the secure serial port's flags", port + 0x18),
        ("the secure serial port's control", port + 0x30),
        ("the secure serial port's interrupt mask", port + 0x38),
        (
            "the direction of the pins that end the machine",
            pins + 0x400,
        ),
        ("the pins that end the machine", pins + 0xc),
    ] {
        for (suffix, verb, _) in LEVELS {
            for access in [LOAD_WORD, STORE_WORD] {
                probes.push(denied(verb, suffix, access, name, address));
            }
        }
    }
    probes
}

/// The same by a device of the normal world. It says 1 where it could not; the first row shows that it can.
pub fn by_device(ground: &Ground) -> Vec<Probe> {
    const SECTION: &str = "Secure memory by a device";
    let copy = |place: &str, address: u64, says| {
        probe(
            SECTION,
            format!("have a device write 4 bytes to {place}"),
            format!("dma:{address:x}"),
            Expected::Value {
                mask: u64::MAX,
                value: says,
            },
        )
    };
    let mut probes = vec![copy("its own memory", SCRATCH, 0)];
    for place in trustzone::secure_memory(ground) {
        let name = place.name;
        probes.push(copy(&format!("{name}, first"), place.base, 1));
        probes.push(copy(&format!("{name}, last"), place.end - 4, 1));
    }
    let port = ground.board.uart.window.base;
    probes.push(copy("the secure serial port", port, 1));
    probes
}
