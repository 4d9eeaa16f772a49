//! A program of the secure world behind stage 2: the monitor's memory, everybody else's, all devices, and the
//! registers of the levels above.

use super::calls::{UNKNOWN, call};
use super::instructions::{
    Access, FURTHER, LOAD_BYTE, LOAD_DOUBLE, LOAD_WORD, Register, STORE_BYTE, STORE_DOUBLE,
    STORE_WORD,
};
use super::registers::OUT_OF_REACH;
use super::{Probe, execute, probe};
use crate::ground::{Foreign, Ground, trustzone};
use crate::probe::Expected;

const MEMORY: &str = "Memory, from the secure world";
const DEVICES: &str = "Devices, from the secure world";
const REGISTERS: &str = "Registers of EL3 and EL2, from the secure world";
const CALLS: &str = "Calls and floods, from the secure world";
/// What is stored if it is not denied.
const SPOILT: u64 = 0x5ec0_2e5e_c02e_5ec0;
/// With translation, the prober finds the first 4 GiB once more from here on, as addresses of the normal world.
const ALIAS: u64 = 1 << 32;
/// Exception classes (DDI 0487, D24.2.40): an instruction or data abort of a lower level.
const FETCH: u32 = 0x20;
const DATA: u32 = 0x24;
const TIMES: u64 = 1000;

/// All of them.
pub fn probes(ground: &Ground) -> Vec<Probe> {
    [memory(ground), devices(ground), registers(), floods(ground)].concat()
}

/// How an address is reached: as it is, with translation, with translation as one of the normal world.
const WAYS: [(&str, &str, u64); 3] = [
    ("", "i", 0),
    (", translated", "v", 0),
    (", as the normal world's", "v", ALIAS),
];

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

/// All memory that is not the prober's.
fn places(ground: &Ground) -> Vec<Foreign> {
    let mut places = trustzone::secure_memory(ground);
    let system = ground.system("idle");
    let foreign = |name, base, end| Foreign { name, base, end };
    let symbol = |name: &str| system.monitor_symbol(name);
    places.push(foreign(
        "the monitor's stacks",
        symbol("__stacks"),
        symbol("__monitor_end"),
    ));
    places.push(foreign(
        "the tables of stage 2",
        symbol("__uninitialised"),
        symbol("__uninitialised_end"),
    ));
    let base = ground.board.ram_base;
    let size = system.plan().memory_bytes;
    places.push(foreign("the normal world's memory", base, base + size));
    places
}

fn memory(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    for place in places(ground) {
        let name = place.name;
        let (first, last) = (format!("{name}, first"), format!("{name}, last"));
        for way in 0..WAYS.len() {
            for (what, size) in [
                (LOAD_BYTE, 1),
                (LOAD_DOUBLE, 8),
                (STORE_BYTE, 1),
                (STORE_DOUBLE, 8),
            ] {
                probes.push(denied(MEMORY, way, what, &first, place.base));
                let address = (place.end - size) & !(size - 1);
                probes.push(denied(MEMORY, way, what, &last, address));
            }
        }
        let address = place.base;
        let fetch = probe(
            MEMORY,
            format!("fetch from {name}"),
            format!("x:{address:x}"),
            Expected::Untranslated {
                class: FETCH,
                value: address,
                address,
            },
        );
        probes.push(fetch.at(address));
    }
    for (place, address) in [
        ("what is before its own memory", ground.base - 8),
        ("what is behind its own memory", ground.end),
    ] {
        for what in [LOAD_DOUBLE, STORE_DOUBLE] {
            probes.push(denied(MEMORY, 0, what, place, address));
        }
    }
    // A program has no other memory than its own in the normal world either.
    for what in [LOAD_DOUBLE, STORE_DOUBLE] {
        let place = "its own memory";
        probes.push(denied(MEMORY, 2, what, place, ground.slots() + 0x8000));
    }
    for what in FURTHER {
        // It does not use floating point, and its own translation keeps user mode out.
        if !what.name.contains("16 bytes") {
            let is_of_user = matches!(what.name, "ldtr" | "sttr");
            probes.push(denied(
                MEMORY,
                usize::from(!is_of_user),
                what,
                "the other partition's memory",
                ground.others,
            ));
        }
    }
    probes
}

fn devices(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    let gic = ground
        .board
        .architecture
        .aarch64()
        .expect("a board of Arm")
        .gic
        .windows();
    let mut registers = vec![
        (
            "the secure serial port".to_owned(),
            ground.board.uart.window.base,
        ),
        (
            "the pins that end the machine".to_owned(),
            ground.board.finisher.window.base + 0x400,
        ),
        (
            "the interrupt controller's distributor".to_owned(),
            gic[0].base,
        ),
        ("the core's redistributor".to_owned(), gic[1].base),
        (
            "the core's redistributor, second part".to_owned(),
            gic[1].base + 0x1_0100,
        ),
        ("what translates messages".to_owned(), gic[2].base),
        ("the firmware configuration".to_owned(), 0x902_0000),
    ];
    for device in ground.board.devices {
        registers.push((format!("`{}`", device.name), device.window.base));
    }
    for (name, address) in registers {
        for way in 0..WAYS.len() {
            for what in [LOAD_WORD, STORE_WORD] {
                probes.push(denied(DEVICES, way, what, &name, address));
            }
        }
    }
    probes
}

/// Registers of EL2, which are Linux's and the monitor's.
pub const OF_EL2: [Register; 28] = [
    Register("`HCR_EL2`", [3, 4, 1, 1, 0]),
    Register("`HCRX_EL2`", [3, 4, 1, 2, 2]),
    Register("`SCTLR_EL2`", [3, 4, 1, 0, 0]),
    Register("`CPTR_EL2`", [3, 4, 1, 1, 2]),
    Register("`MDCR_EL2`", [3, 4, 1, 1, 1]),
    Register("`HSTR_EL2`", [3, 4, 1, 1, 3]),
    Register("`HFGRTR_EL2`", [3, 4, 1, 1, 4]),
    Register("`TTBR0_EL2`", [3, 4, 2, 0, 0]),
    Register("`TCR_EL2`", [3, 4, 2, 0, 2]),
    Register("`VTTBR_EL2`", [3, 4, 2, 1, 0]),
    Register("`VTCR_EL2`", [3, 4, 2, 1, 2]),
    Register("`VSTTBR_EL2`", [3, 4, 2, 6, 0]),
    Register("`VSTCR_EL2`", [3, 4, 2, 6, 2]),
    Register("`SDER32_EL2`", [3, 4, 1, 3, 1]),
    Register("`SPSR_EL2`", [3, 4, 4, 0, 0]),
    Register("`ELR_EL2`", [3, 4, 4, 0, 1]),
    Register("`ESR_EL2`", [3, 4, 5, 2, 0]),
    Register("`FAR_EL2`", [3, 4, 6, 0, 0]),
    Register("`HPFAR_EL2`", [3, 4, 6, 0, 4]),
    Register("`VBAR_EL2`", [3, 4, 12, 0, 0]),
    Register("`ICC_SRE_EL2`", [3, 4, 12, 9, 5]),
    Register("`ICH_HCR_EL2`", [3, 4, 12, 11, 0]),
    Register("`VPIDR_EL2`", [3, 4, 0, 0, 0]),
    Register("`VMPIDR_EL2`", [3, 4, 0, 0, 5]),
    Register("`CNTVOFF_EL2`", [3, 4, 14, 0, 3]),
    Register("`CNTHCTL_EL2`", [3, 4, 14, 1, 0]),
    Register("`CNTHPS_CTL_EL2`", [3, 4, 14, 5, 1]),
    Register("`CNTHVS_CTL_EL2`", [3, 4, 14, 4, 1]),
];

/// Instructions of higher levels.
const INSTRUCTIONS: [(&str, u32); 7] = [
    ("`tlbi alle3`", 0xd50e_871f),
    ("`tlbi alle1`", 0xd50c_879f),
    ("`tlbi vmalls12e1`", 0xd50c_87df),
    ("`tlbi ipas2e1, x0`", 0xd50c_8420),
    ("`at s12e1r, x0`", 0xd50c_7880),
    ("`at s1e3r, x0`", 0xd50e_7800),
    ("`hvc #0`", 0xd400_0002),
];

/// Of debugging and counting, which EL3 traps. The first one is what a stage-2 fault comes to EL3 by.
pub const TRAPPED: [Register; 4] = [
    Register("`MDSCR_EL1`", [2, 0, 0, 2, 2]),
    Register("`DBGBVR0_EL1`", [2, 0, 0, 0, 4]),
    Register("`PMCR_EL0`", [3, 3, 9, 12, 0]),
    Register("`OSDLR_EL1`", [2, 0, 1, 3, 4]),
];

fn registers() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut row = |name: String, instruction, expected| {
        let word = execute("i", instruction, 0, 0);
        probes.push(probe(REGISTERS, name, word, expected));
    };
    for register in OUT_OF_REACH.into_iter().chain(OF_EL2) {
        let name = register.0;
        row(format!("read {name}"), register.read(), Expected::Undefined);
        row(
            format!("write {name}"),
            register.write(),
            Expected::Undefined,
        );
    }
    for (name, instruction) in INSTRUCTIONS {
        row(name.to_owned(), instruction, Expected::Undefined);
    }
    for register in TRAPPED {
        let name = register.0;
        let trapped = |is_read| Expected::Trapped {
            syndrome: register.syndrome(is_read),
            kind: "illegal-instruction",
        };
        row(format!("read {name}"), register.read(), trapped(true));
        row(format!("write {name}"), register.write(), trapped(false));
    }
    probes
}

fn floods(ground: &Ground) -> Vec<Probe> {
    let mut probes = Vec::new();
    let own = ground.slots() + 0x1_0100;
    let foreign = ground.others;
    probes.push(probe(
        CALLS,
        "1000 calls chosen by chance: fast and yielding, 32 and 64 bits, of every owner".to_owned(),
        format!("random:{own:x},{foreign:x}"),
        Expected::Answers { count: TIMES },
    ));
    for (what, access) in [("read", LOAD_DOUBLE), ("write", STORE_DOUBLE)] {
        probes.push(probe(
            CALLS,
            format!("{TIMES} times {what} the other partition's memory"),
            format!("n:{TIMES:x},{:x},{foreign:x}", access.instruction),
            Expected::Denials {
                count: TIMES,
                kind: "access-fault",
            },
        ));
    }
    let verb = format!("nc:{TIMES:x}");
    let word = call(&verb, UNKNOWN, &[]).replacen(&format!("{verb}:"), &format!("{verb},"), 1);
    probes.push(probe(
        CALLS,
        format!("{TIMES} times a call that is nobody's"),
        word,
        Expected::Denials {
            count: TIMES,
            kind: "",
        },
    ));
    probes
}
