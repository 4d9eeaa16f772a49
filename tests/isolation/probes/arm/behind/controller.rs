//! The interrupt controller behind stage 2 (GICv3, IHI 0069; chapter numbers are its own): a program does not reach it,
//! and what Linux does to it is filtered.

use super::super::instructions::{
    Access, LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, Register, STORE_BYTE, STORE_DOUBLE, STORE_WORD,
};
use super::super::{NO_EFFECT, Probe, execute, probe};
use super::{denied, form_denied, forms};
use crate::ground::Ground;
use crate::probe::{Expected, From};

const LINES: &str = "Lines of others, from behind stage 2";
const FORM: &str = "Accesses to the interrupt controller, from behind stage 2";

/// The redistributor of the first core, and its part for private interrupts (12.10).
const REDISTRIBUTOR: u64 = 0x80a_0000;
const PRIVATE: u64 = REDISTRIBUTOR + 0x1_0000;
const DISTRIBUTOR: u64 = 0x800_0000;
/// Private lines that are nobody's: those of EL2, and the monitor's timer.
const OF_LEVELS_ABOVE: u64 = 1 << 25 | 1 << 26 | 1 << 28 | 1 << 29;
/// Software interrupts of programs and of the monitor.
const SENT: u64 = 0xff00;

/// What comes of a write of somebody else's bit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    /// Honest drivers write that to all lines.
    Ignored,
    /// No honest driver does.
    Denied,
}
use Write::{Denied, Ignored};

/// Registers with one bit for each line: name, offset, and what comes of a write.
const BITS: [(&str, u64, Write); 8] = [
    ("group", 0x80, Ignored),
    ("enable", 0x100, Denied),
    ("disable", 0x180, Ignored),
    ("make pending", 0x200, Denied),
    ("clear pending", 0x280, Ignored),
    ("make active", 0x300, Denied),
    ("clear active", 0x380, Ignored),
    ("group modifier", 0xd00, Ignored),
];

const WORDS: [Access; 2] = [LOAD_WORD, STORE_WORD];
const BYTES: [Access; 2] = [LOAD_BYTE, STORE_BYTE];
const DOUBLES: [Access; 2] = [LOAD_DOUBLE, STORE_DOUBLE];

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    if ground.from == From::Linux {
        [
            shared(ground),
            private(),
            messages(),
            form(ground),
            interface(ground),
            own(ground),
        ]
        .concat()
    } else {
        out_of_reach()
    }
}

/// A program does not reach any of it.
fn out_of_reach() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (name, address) in [
        ("the distributor's control", DISTRIBUTOR),
        ("enabled lines", DISTRIBUTOR + 0x104),
        ("pending lines", DISTRIBUTOR + 0x204),
        ("active lines", DISTRIBUTOR + 0x304),
        ("a line's priority", DISTRIBUTOR + 0x420),
        ("a line's route", DISTRIBUTOR + 0x6100),
        ("software interrupts of version 2", DISTRIBUTOR + 0xf00),
        ("the redistributor's control", REDISTRIBUTOR),
        ("the redistributor's sleep", REDISTRIBUTOR + 0x14),
        ("the table of messages", REDISTRIBUTOR + 0x70),
        ("enabled private lines", PRIVATE + 0x100),
        ("priority of the monitor's timer", PRIVATE + 0x41c),
        ("the other core's redistributor", REDISTRIBUTOR + 0x2_0000),
        ("the other core's private lines", PRIVATE + 0x2_0100),
    ] {
        for what in [LOAD_WORD, STORE_WORD, LOAD_DOUBLE, STORE_DOUBLE] {
            let address = address & !(if what.name.contains('8') { 7 } else { 3 });
            probes.push(denied(LINES, 0, what, name, address));
        }
    }
    probes
}

/// A field that reads as zero, and what comes of a write.
fn closed(name: &str, address: u64, mask: u64, accesses: [Access; 2], write: Write) -> [Probe; 2] {
    let [load, store] = accesses;
    let read = probe(
        LINES,
        format!("read {name}"),
        execute("i", load.instruction, address, 0),
        Expected::Value { mask, value: 0 },
    );
    let expected = match write {
        Ignored => NO_EFFECT,
        Denied => Expected::Filtered { address },
    };
    let write = probe(
        LINES,
        format!("write {name}"),
        execute("i", store.instruction, address, mask),
        expected,
    );
    [read, write]
}

/// Registers of shared lines.
fn shared(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (owner, line) in [
        ("the other's line", u64::from(ground.others_line())),
        ("the monitor's line", u64::from(ground.board.uart.line)),
        ("a line that is nobody's", 200),
        ("a line that is not there", 1000),
    ] {
        let mut register = |what: &str, offset: u64, mask, accesses, write| {
            let name = format!("{what}, of {owner}");
            probes.extend(closed(&name, DISTRIBUTOR + offset, mask, accesses, write));
        };
        for (what, offset, write) in BITS {
            register(what, offset + line / 32 * 4, 1 << (line % 32), WORDS, write);
        }
        register("priority", 0x400 + line, 0xff, BYTES, Ignored);
        let trigger = 3 << (line % 16 * 2);
        register("trigger", 0xc00 + line / 16 * 4, trigger, WORDS, Ignored);
        let access = 3 << (line % 16 * 2);
        register(
            "access by this world",
            0xe00 + line / 16 * 4,
            access,
            WORDS,
            Ignored,
        );
        register("route", 0x6000 + 8 * line, u64::MAX, DOUBLES, Ignored);
        // Writing its number makes a line pending, or not (12.9.36).
        for (what, offset) in [
            ("raise by a secure message", 0x50),
            ("raise by a message", 0x40),
            ("end by a secure message", 0x58),
            ("end by a message", 0x48),
        ] {
            let address = DISTRIBUTOR + offset;
            probes.push(probe(
                LINES,
                format!("{what} {owner}"),
                execute("i", STORE_WORD.instruction, address, line),
                Expected::Filtered { address },
            ));
        }
    }
    let own = ground.board.device(ground.own_device());
    let own = u64::from(own.expect("the board has it").lines[0]);
    let route = DISTRIBUTOR + 0x6000 + 8 * own;
    for (whither, value, expected) in [
        ("the other core", 1, Expected::Filtered { address: route }),
        (
            "a core that is not there",
            7,
            Expected::Filtered { address: route },
        ),
        (
            "another cluster",
            0x100,
            Expected::Filtered { address: route },
        ),
        (
            "a far cluster",
            1 << 32,
            Expected::Filtered { address: route },
        ),
        ("any core", 1 << 31, NO_EFFECT),
    ] {
        probes.push(probe(
            LINES,
            format!("route its own line to {whither}"),
            execute("i", STORE_DOUBLE.instruction, route, value),
            expected,
        ));
    }
    for (what, value) in [
        ("0", 0),
        ("all ones", u64::from(u32::MAX)),
        ("what a kernel does", 0x12),
    ] {
        probes.push(probe(
            LINES,
            format!("write {what} to the distributor's control"),
            execute("i", STORE_WORD.instruction, DISTRIBUTOR, value),
            NO_EFFECT,
        ));
    }
    probes
}

/// Registers of private lines of its own core.
fn private() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (owner, mask) in [("levels above", OF_LEVELS_ABOVE), ("programs", SENT)] {
        for (what, offset, write) in BITS {
            // A kernel enables all software interrupts at once.
            let write = if what == "enable" && mask == SENT {
                Ignored
            } else {
                write
            };
            let name = format!("{what}, private to {owner}");
            probes.extend(closed(&name, PRIVATE + offset, mask, WORDS, write));
        }
    }
    for interrupt in [8, 9, 10, 14, 15, 25, 26, 28, 29] {
        let name = format!("priority of private line {interrupt}");
        probes.extend(closed(
            &name,
            PRIVATE + 0x400 + interrupt,
            0xff,
            BYTES,
            Ignored,
        ));
    }
    let timer = 3 << ((29 - 16) * 2);
    let name = "trigger of the monitor's timer";
    probes.extend(closed(name, PRIVATE + 0xc04, timer, WORDS, Ignored));
    let name = "sleep of the redistributor";
    probes.extend(closed(name, REDISTRIBUTOR + 0x14, 6, WORDS, Ignored));
    probes
}

/// Registers of messages, for which the redistributor would read and write memory (12.11).
fn messages() -> Vec<Probe> {
    let mut probes = Vec::new();
    for (what, offset) in [
        ("raise a message", 0x40),
        ("end a message", 0x48),
        ("the table of messages", 0x70),
        ("the table of pending messages", 0x78),
        ("read a message's entry again", 0xa0),
        ("read all entries again", 0xb0),
    ] {
        probes.extend(closed(
            what,
            REDISTRIBUTOR + offset,
            u64::MAX,
            DOUBLES,
            Denied,
        ));
    }
    let name = "the control that turns messages on";
    probes.extend(closed(name, REDISTRIBUTOR, 1, WORDS, Denied));
    probes
}

/// Accesses of every form to the enable register of lines that are nobody's.
fn form(ground: &Ground) -> Vec<Probe> {
    let address = DISTRIBUTOR + 0x100 + 200 / 32 * 4;
    let address = address & !15;
    let mut probes = Vec::new();
    for form in forms::all() {
        let mut probe = form_denied(ground, FORM, &form, "enabled lines", address);
        // The register has four bytes.
        match form.emulated {
            Some(4) => probe.expected = NO_EFFECT,
            Some(_) if form.exists(ground) => probe.expected = Expected::Filtered { address },
            _ => {}
        }
        if form.exists(ground) && form.emulated.is_some() && !form.is_of_user() {
            let instruction = form.access.instruction;
            probe.word = execute("v", instruction, address, 0);
        }
        probes.push(probe);
    }
    let mut row = |name: String, verb, instruction, value, expected| {
        let word = execute(verb, instruction, value, 0);
        probes.push(probe(FORM, name, word, expected));
    };
    for what in [LOAD_WORD, STORE_WORD] {
        for offset in [1, 2, 3] {
            let address = address + offset;
            let name = format!("{} of enabled lines, {offset} too far", what.name);
            row(
                name,
                "v",
                what.instruction,
                address,
                Expected::Filtered { address },
            );
        }
        let address = DISTRIBUTOR + 0xfffe;
        let name = format!("{} across the distributor's end", what.name);
        row(
            name,
            "v",
            what.instruction,
            address,
            Expected::Filtered { address },
        );
    }
    probes
}

/// Registers of the core's interface that reach the hardware: they are for its own lines.
fn interface(ground: &Ground) -> Vec<Probe> {
    const DEACTIVATE: Register = Register("`ICC_DIR_EL1`", [3, 0, 12, 11, 1]);
    const END: Register = Register("`ICC_EOIR1_EL1`", [3, 0, 12, 12, 1]);
    let mut probes = Vec::new();
    for (owner, line) in [
        ("the other's line", u64::from(ground.others_line())),
        ("the monitor's timer", 29),
        ("the monitor's software interrupt", 15),
        ("a program's software interrupt", 8),
        ("a line that is not there", 1000),
    ] {
        probes.push(probe(
            LINES,
            format!("deactivate {owner}"),
            execute("i", DEACTIVATE.write(), line, 0),
            Expected::Trapped {
                syndrome: DEACTIVATE.syndrome(false),
                kind: "interrupt-denied",
            },
        ));
        probes.push(probe(
            LINES,
            format!("end {owner}"),
            execute("i", END.write(), line, 0),
            NO_EFFECT,
        ));
    }
    for (name, register, value) in [
        ("mask everything", [3, 0, 4, 6, 0], 0),
        ("disable its group", [3, 0, 12, 12, 7], 0),
        ("end and deactivate apart", [3, 0, 12, 12, 4], 2),
        ("preempt by every bit", [3, 0, 12, 12, 3], 7),
        (
            "make all its priorities active",
            [3, 0, 12, 9, 0],
            u64::from(u32::MAX),
        ),
    ] {
        let register = Register("", register);
        probes.push(probe(
            LINES,
            format!("{name}, and leave it so"),
            execute("i", register.write(), value, 0),
            NO_EFFECT,
        ));
    }
    probes
}

/// What it does with its own lines, which stays where it is.
fn own(ground: &Ground) -> Vec<Probe> {
    const HELD_US: u64 = 5000;
    /// Software interrupts, and the timers.
    const OWN: u64 = 0xff | 1 << 27 | 1 << 30;
    let write = |address: u64, value: u64| format!("w4:{address:x},{value:x}");
    let group = Register("", [3, 0, 12, 12, 7]);
    let mask = Register("", [3, 0, 4, 6, 0]);
    let silently = |register: Register, value| execute("s", register.write(), value, 0);
    let open = [
        write(DISTRIBUTOR, 0x12),
        silently(mask, 0xff),
        silently(group, 1),
    ];
    let held = |name: &str| {
        let hold = format!("m:0,{HELD_US:x}");
        probe(LINES, format!("compute for 5 ms, {name}"), hold, NO_EFFECT)
    };
    let line = ground.board.device(ground.own_device());
    let line = u64::from(line.expect("the board has it").lines[0]);
    let (word, bit) = (line / 32 * 4, 1 << (line % 32));
    vec![
        held("with all its private lines pending, at the highest priority").after(
            open.clone()
                .into_iter()
                .chain((0..8).map(|word| write(PRIVATE + 0x400 + 4 * word, 0)))
                .chain([write(PRIVATE + 0x100, OWN), write(PRIVATE + 0x200, OWN)]),
        ),
        held("with them disabled")
            .after([write(PRIVATE + 0x280, OWN), write(PRIVATE + 0x180, OWN)]),
        held("with its device's line pending, at the highest priority").after(
            open.into_iter().chain([
                write(DISTRIBUTOR + 0x400 + line / 4 * 4, 0),
                write(DISTRIBUTOR + 0x100 + word, bit),
                write(DISTRIBUTOR + 0x200 + word, bit),
            ]),
        ),
        held("with it disabled").after([
            write(DISTRIBUTOR + 0x280 + word, bit),
            write(DISTRIBUTOR + 0x180 + word, bit),
        ]),
        probe(
            LINES,
            "compute for 5 ms, with an interrupt of the highest priority taken and not ended"
                .to_owned(),
            format!("with-interrupt:{HELD_US:x}"),
            Expected::Value {
                mask: u64::MAX,
                value: 3,
            },
        ),
    ]
}
