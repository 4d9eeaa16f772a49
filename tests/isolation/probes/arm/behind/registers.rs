//! Registers and instructions of the levels above, and what could reach others by registers of EL1.

use super::super::super::value;
use super::super::instructions::Register;
use super::super::registers::{GROUP_0, OUT_OF_REACH};
use super::super::stage_2::OF_EL2;
use super::super::{NO_EFFECT, Probe, execute, probe};
use crate::ground::{Ground, stage_2};
use crate::probe::{Expected, From};

const REGISTERS: &str = "Registers of EL3 and EL2, from behind stage 2";
const MAINTENANCE: &str = "Caches and translations, from behind stage 2";
const DEBUG: &str = "Counters and breakpoints of Linux behind stage 2";
const GROUPS: &str = "The interface of interrupts, from behind stage 2";

/// Instructions of higher levels.
const INSTRUCTIONS: [(&str, u32); 14] = [
    ("`tlbi alle3`", 0xd50e_871f),
    ("`tlbi alle2`", 0xd50c_871f),
    ("`tlbi alle2is`", 0xd50c_831f),
    ("`tlbi vae2, x0`", 0xd50c_8720),
    ("`tlbi alle1`", 0xd50c_879f),
    ("`tlbi alle1is`", 0xd50c_839f),
    ("`tlbi vmalls12e1`", 0xd50c_87df),
    ("`tlbi vmalls12e1is`", 0xd50c_83df),
    ("`tlbi ipas2e1, x0`", 0xd50c_8420),
    ("`tlbi ipas2e1is, x0`", 0xd50c_8020),
    ("`at s12e1r, x0`", 0xd50c_7880),
    ("`at s12e1w, x0`", 0xd50c_78a0),
    ("`at s1e2r, x0`", 0xd50c_7800),
    ("`at s1e3r, x0`", 0xd50e_7800),
];

/// Counters of events, and what controls them.
const COUNTERS: [Register; 10] = [
    Register("`PMCR_EL0`", [3, 3, 9, 12, 0]),
    Register("`PMCNTENSET_EL0`", [3, 3, 9, 12, 1]),
    Register("`PMOVSCLR_EL0`", [3, 3, 9, 12, 3]),
    Register("`PMSELR_EL0`", [3, 3, 9, 12, 5]),
    Register("`PMCCNTR_EL0`", [3, 3, 9, 13, 0]),
    Register("`PMUSERENR_EL0`", [3, 3, 9, 14, 0]),
    Register("`PMINTENSET_EL1`", [3, 0, 9, 14, 1]),
    Register("`PMEVCNTR0_EL0`", [3, 3, 14, 8, 0]),
    Register("`PMEVTYPER0_EL0`", [3, 3, 14, 12, 0]),
    Register("`PMCCFILTR_EL0`", [3, 3, 14, 15, 7]),
];

/// Maintenance by the address in `x0`: on a foreign address it has nothing to maintain, as this level does not reach it.
const BY_ADDRESS: [(&str, u32); 9] = [
    ("dc civac", 0xd50b_7e20),
    ("dc cvac", 0xd50b_7a20),
    ("dc cvau", 0xd50b_7b20),
    ("dc ivac", 0xd508_7620),
    ("ic ivau", 0xd50b_7520),
    ("at s1e1r", 0xd508_7800),
    ("at s1e1w", 0xd508_7820),
    ("at s1e0r", 0xd508_7840),
    ("prfm", 0xf980_0000),
];

/// Maintenance of its own translations and caches: what others have stays.
const OWN: [(&str, u32); 15] = [
    ("dc isw", 0xd508_7640),
    ("dc csw", 0xd508_7a40),
    ("dc cisw", 0xd508_7e40),
    ("ic iallu", 0xd508_751f),
    ("ic ialluis", 0xd508_711f),
    ("tlbi vmalle1", 0xd508_871f),
    ("tlbi vmalle1is", 0xd508_831f),
    ("tlbi vae1, x0", 0xd508_8720),
    ("tlbi vae1is, x0", 0xd508_8320),
    ("tlbi vaae1, x0", 0xd508_8760),
    ("tlbi vaae1is, x0", 0xd508_8360),
    ("tlbi aside1, x0", 0xd508_8740),
    ("tlbi aside1is, x0", 0xd508_8340),
    ("tlbi vale1, x0", 0xd508_87a0),
    ("tlbi vaale1is, x0", 0xd508_83e0),
];

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    let mut probes = [above(ground), group_0(ground), maintenance(ground)].concat();
    if ground.from == From::Linux {
        probes.extend(counters());
        probes.extend(breakpoints());
    }
    probes
}

/// What an access to a register is that is not there.
const fn unknown(ground: &Ground) -> &'static str {
    match ground.from {
        From::Linux => "unexpected-trap",
        From::Low | From::High => "illegal-instruction",
    }
}

fn above(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut row = |name: String, instruction, expected| {
        let word = execute("i", instruction, 0, 0);
        probes.push(probe(REGISTERS, name, word, expected));
    };
    for register in OUT_OF_REACH.into_iter().chain(OF_EL2) {
        let name = register.0;
        // What is not the architecture's traps to EL2 (`HCR_EL2.TIDCP`).
        let expected = |is_read| match register.1 {
            [3, _, 11 | 15, ..] => Expected::Trapped {
                syndrome: register.syndrome(is_read),
                kind: unknown(ground),
            },
            _ => Expected::Undefined,
        };
        row(format!("read {name}"), register.read(), expected(true));
        row(format!("write {name}"), register.write(), expected(false));
    }
    for (name, instruction) in INSTRUCTIONS {
        row(name.to_owned(), instruction, Expected::Undefined);
    }
    probes
}

/// Of Group 0: for Linux they trap, and a program has virtual ones.
fn group_0(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (register, reads, writes) in GROUP_0 {
        for is_read in [true, false] {
            if is_read && !reads || !is_read && !writes {
                continue;
            }
            let (what, instruction) = if is_read {
                ("read", register.read())
            } else {
                ("write", register.write())
            };
            let expected = match ground.from {
                From::Linux => Expected::Trapped {
                    syndrome: register.syndrome(is_read),
                    kind: "unexpected-trap",
                },
                From::Low | From::High => NO_EFFECT,
            };
            probes.push(probe(
                GROUPS,
                format!("{what} {}", register.0),
                execute("i", instruction, 1, 0),
                expected,
            ));
        }
    }
    let software = [
        Register("`ICC_SGI1R_EL1`", [3, 0, 12, 11, 5]),
        Register("`ICC_ASGI1R_EL1`", [3, 0, 12, 11, 6]),
        Register("`ICC_SGI0R_EL1`", [3, 0, 12, 11, 7]),
    ];
    for register in software {
        for (whom, value) in [
            ("itself, a program's interrupt", 8 << 24 | 1),
            ("itself, the monitor's interrupt", 15 << 24 | 1),
            ("the other core", 2),
            ("the other core, a program's interrupt", 8 << 24 | 2),
            ("both cores", 3),
            ("another cluster", 1 << 16 | 1),
            ("a far cluster", 1 << 48 | 1),
            ("cores from 16 on", 1 << 44 | 1),
            ("all other cores, a program's interrupt", 1 << 40 | 9 << 24),
        ] {
            probes.push(probe(
                GROUPS,
                format!("send to {whom} by {}", register.0),
                execute("i", register.write(), value, 0),
                Expected::Trapped {
                    syndrome: register.syndrome(false),
                    kind: match ground.from {
                        From::Linux => "interrupt-denied",
                        From::Low | From::High => "illegal-instruction",
                    },
                },
            ));
        }
    }
    probes
}

fn maintenance(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (place, address) in [
        ("the monitor's text", 0),
        ("the tables of stage 2", 0x4000_1000),
        ("the other partition's memory", ground.others),
        ("the neighbour's memory", stage_2::NEIGHBOUR_BASE),
    ] {
        for (name, instruction) in BY_ADDRESS {
            probes.push(probe(
                MAINTENANCE,
                format!("`{name}` of {place}"),
                execute("v", instruction, address, 0),
                NO_EFFECT,
            ));
        }
    }
    for (name, instruction) in OWN {
        let word = execute("i", instruction, 0, 0);
        probes.push(probe(MAINTENANCE, format!("`{name}`"), word, NO_EFFECT));
    }
    probes
}

/// Linux has no counters: they would count what others do.
fn counters() -> Vec<Probe> {
    let mut probes = Vec::new();
    for register in COUNTERS {
        for (what, instruction, expected) in [
            ("write", register.write(), NO_EFFECT),
            ("read", register.read(), value(0)),
        ] {
            probes.push(probe(
                DEBUG,
                format!("{what} {}", register.0),
                execute("i", instruction, u64::from(u32::MAX), 0),
                expected,
            ));
        }
    }
    probes
}

/// What Linux sets to be stopped by, which must not stop others.
fn breakpoints() -> Vec<Probe> {
    const LOCK: [u32; 5] = [2, 0, 1, 0, 4];
    const CONTROL: [u32; 5] = [2, 0, 0, 2, 2];
    const WATCH_ADDRESS: [u32; 5] = [2, 0, 0, 0, 6];
    const WATCH: [u32; 5] = [2, 0, 0, 0, 7];
    /// In `MDSCR_EL1` (DDI 0487, D24.3): breakpoints and watchpoints, at EL1 too; after each instruction.
    const ON: u64 = 1 << 15 | 1 << 13;
    const STEP: u64 = 1 << 13 | 1;
    /// `DBGWCR_EL1`: on; at EL1; loads and stores; all bytes of 2 GiB.
    const ALL: u64 = 0x1f << 24 | 0xff << 5 | 3 << 3 | 1 << 1 | 1;
    let silently = |register, value| execute("s", Register("", register).write(), value, 0);
    let held = |name: &str| {
        let name = format!("compute for 5 ms, {name}");
        probe(DEBUG, name, "m:0,1388".to_owned(), NO_EFFECT)
    };
    vec![
        held("with a watchpoint on all memory").after([
            silently(LOCK, 0),
            silently(WATCH_ADDRESS, 0x8000_0000),
            silently(WATCH, ALL),
            silently(CONTROL, ON),
        ]),
        held("with an exception after each instruction")
            .after([silently(WATCH, 0), silently(CONTROL, STEP)]),
        held("with neither").after([silently(CONTROL, 0)]),
    ]
}
