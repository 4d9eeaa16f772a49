//! Ways to lock oneself out: the fault that follows cannot be handled by the prober, and must cost nobody
//! else anything.

use super::translation::SV39;
use super::{Probe, instruction, probe, silently};
use crate::ground::Ground;
use crate::instructions::{LOAD_DOUBLE, STORE_DOUBLE, swap_register};
use crate::probe::Expected;
use partita_abi::image::TABLE_OFFSET;

const SECTION: &str = "Locked out by oneself";
const STVEC: u32 = 0x105;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let ram = ground.board.ram_base;
    let mut probes = Vec::new();
    for (place, root) in [
        ("in the monitor's text", ram),
        ("in the system table", ram + TABLE_OFFSET),
        ("in the other partition's memory", ground.end),
        ("in a device", ground.board.finisher.window.base),
    ] {
        let word = format!(
            "t:{:x},{:x},{root:x}",
            SV39 | root >> 12,
            LOAD_DOUBLE.instruction
        );
        let name = format!("`satp` with a root {place}");
        probes.push(probe(SECTION, name, word, Expected::Lost { handler: None }));
    }
    for (place, handler) in [
        ("the monitor's text", ram),
        ("the other partition's memory", ground.end),
        ("the serial port", ground.board.uart.window.base),
    ] {
        let name = format!("`stvec` in {place}, then a denied write");
        let word = instruction(STORE_DOUBLE.instruction, ram);
        let expected = Expected::Lost {
            handler: Some(handler),
        };
        let set = silently(swap_register(STVEC), handler);
        probes.push(probe(SECTION, name, word, expected).after([set]));
    }
    probes
}
