//! Devices: those of others, and those that the monitor stands in for.

use super::super::super::value;
use super::super::instructions::{LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, STORE_BYTE};
use super::super::instructions::{STORE_DOUBLE, STORE_WORD};
use super::super::{NO_EFFECT, Probe, execute, probe};
use super::{denied, form_denied, forms};
use crate::ground::Ground;
use crate::probe::From;

const DEVICES: &str = "Devices behind stage 2";
const EMULATED: &str = "The emulated serial port";

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let mut probes = foreign(ground);
    if ground.from == From::Linux {
        probes.extend(emulated(ground));
    }
    probes
}

/// Devices that are not the prober's.
fn foreign(ground: &Ground) -> Vec<Probe> {
    let is_linux = ground.from == From::Linux;
    let board = &ground.board;
    let gic = board.architecture.aarch64().expect("a board of Arm").gic;
    let gic = gic.windows();
    let port = board.uart.window.base;
    let mut registers = vec![
        (
            "what is behind the monitor's serial port".to_owned(),
            port + 0x100,
        ),
        (
            "the pins that end the machine".to_owned(),
            board.finisher.window.base + 0x400,
        ),
        ("what translates messages".to_owned(), gic[2].base),
        ("the firmware configuration".to_owned(), 0x902_0000),
        ("the address of a request to it".to_owned(), 0x902_0010),
        ("the SMMU".to_owned(), 0x905_0000),
    ];
    for device in board.devices {
        if !is_linux || device.name != ground.own_device() {
            registers.push((format!("`{}`", device.name), device.window.base));
        }
    }
    if is_linux {
        registers.push((
            "the other core's redistributor".to_owned(),
            gic[1].base + 0x2_0000,
        ));
        registers.push(("its second part".to_owned(), gic[1].base + 0x3_0100));
    } else {
        registers.push(("the monitor's serial port".to_owned(), port));
    }
    let mut probes = Vec::new();
    for (name, address) in registers {
        for way in 0..2 {
            for what in [LOAD_WORD, STORE_WORD] {
                probes.push(denied(DEVICES, way, what, &name, address));
            }
        }
        for what in [LOAD_BYTE, LOAD_DOUBLE, STORE_BYTE, STORE_DOUBLE] {
            probes.push(denied(DEVICES, 0, what, &name, address));
        }
    }
    let device = board.device(ground.others_device());
    let device = device.expect("the board has it").window.base;
    let name = format!("`{}`", ground.others_device());
    for form in forms::all() {
        probes.push(form_denied(ground, DEVICES, &form, &name, device + 0x40));
    }
    probes
}

/// The port that the monitor stands in for: it is there, and nothing else is, however it is accessed.
fn emulated(ground: &Ground) -> Vec<Probe> {
    let port = ground.board.uart.window.base;
    let scratch = port + 7;
    let mut probes = Vec::new();
    let mut row = |name: String, word, expected| {
        probes.push(probe(EMULATED, name, word, expected));
    };
    row(
        "write 1 byte to its scratch register".to_owned(),
        execute("i", STORE_BYTE.instruction, scratch, 0xa5),
        NO_EFFECT,
    );
    row(
        "read 1 byte of its scratch register".to_owned(),
        execute("i", LOAD_BYTE.instruction, scratch, 0),
        value(0xa5),
    );
    for form in forms::all() {
        // Not the register that is sent.
        let mut probe = form_denied(ground, EMULATED, &form, "the emulated port", port + 0x10);
        if form.exists(ground) && form.emulated.is_some() {
            probe.expected = NO_EFFECT;
        }
        row(probe.name, probe.word, probe.expected);
    }
    for (place, address) in [
        ("the end of its page", port + 0xff8),
        ("what is right behind it", port + 0x100),
    ] {
        for what in [LOAD_DOUBLE, STORE_DOUBLE] {
            let denied = denied(EMULATED, 1, what, place, address);
            row(denied.name, denied.word, denied.expected);
        }
    }
    probes
}
