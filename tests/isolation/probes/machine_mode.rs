//! Registers and instructions of machine mode, the debugger and extensions that no partition has
//! (privileged specification 1.12, chapter 2.2).

use super::{Probe, fault, instruction, probe, silently};
use crate::ground::Ground;
use crate::instructions::{LOAD_DOUBLE, cache_block, read_register, set_register, swap_register};
use crate::probe::{Expected, From};

const REGISTERS: &str = "Registers of machine mode";
const INSTRUCTIONS: &str = "Instructions of machine mode";

/// Registers by name; the table shows each of them.
const NAMED: [(&str, u32); 32] = [
    ("mstatus", 0x300),
    ("misa", 0x301),
    ("medeleg", 0x302),
    ("mideleg", 0x303),
    ("mie", 0x304),
    ("mtvec", 0x305),
    ("mcounteren", 0x306),
    ("menvcfg", 0x30a),
    ("mstateen0", 0x30c),
    ("mcountinhibit", 0x320),
    ("mhpmevent3", 0x323),
    ("mscratch", 0x340),
    ("mepc", 0x341),
    ("mcause", 0x342),
    ("mtval", 0x343),
    ("mip", 0x344),
    ("pmpcfg0", 0x3a0),
    ("pmpcfg2", 0x3a2),
    ("pmpaddr0", 0x3b0),
    ("pmpaddr2", 0x3b2),
    ("pmpaddr15", 0x3bf),
    ("mseccfg", 0x747),
    ("tselect", 0x7a0),
    ("tdata1", 0x7a1),
    ("dcsr", 0x7b0),
    ("mcycle", 0xb00),
    ("minstret", 0xb02),
    ("mhpmcounter3", 0xb03),
    ("mvendorid", 0xf11),
    ("marchid", 0xf12),
    ("mhartid", 0xf14),
    ("mconfigptr", 0xf15),
];

/// Every register number of machine mode and of the hypervisor; what is custom and what is nobody's.
const RANGES: [(&str, u32, u32); 14] = [
    ("machine mode, 0x300 to 0x33f", 0x300, 0x33f),
    ("machine mode, 0x340 to 0x39f", 0x340, 0x39f),
    ("protection entries", 0x3a0, 0x3ef),
    ("machine mode, 0x3f0 to 0x3ff", 0x3f0, 0x3ff),
    ("machine mode, 0x700 to 0x79f", 0x700, 0x79f),
    ("triggers and the debugger", 0x7a0, 0x7bf),
    ("custom, 0x7c0 to 0x7ff", 0x7c0, 0x7ff),
    ("machine mode's counters", 0xb00, 0xb9f),
    ("machine mode, 0xba0 to 0xbff", 0xba0, 0xbff),
    ("machine mode, read only", 0xf00, 0xfff),
    ("the hypervisor's, 0x200 to 0x2ff", 0x200, 0x2ff),
    ("the hypervisor's, 0x600 to 0x6ff", 0x600, 0x6ff),
    ("custom of supervisor mode, 0x5c0 to 0x5ff", 0x5c0, 0x5ff),
    ("custom, 0x9c0 to 0x9ff", 0x9c0, 0x9ff),
];

/// Reads, writes, sets and clears.
const ACCESSES: u64 = 4;
/// Bits of `mstatus` that `sstatus` does not have (3.1.6, 4.1.1): MIE, MPIE, MPP, MPRV, TVM, TW, TSR,
/// SXL, SBE, MBE.
const MACHINE_STATUS: u64 =
    1 << 3 | 1 << 7 | 3 << 11 | 1 << 17 | 1 << 20 | 1 << 21 | 1 << 22 | 3 << 34 | 3 << 36;
/// Bits of machine mode in `mie` and `mip` (3.1.9).
const MACHINE_INTERRUPTS: u64 = 1 << 3 | 1 << 7 | 1 << 11;
const SSTATUS: u32 = 0x100;
const SIE: u32 = 0x104;
const SIP: u32 = 0x144;
/// What the prober itself enables: the timer.
const OWN_INTERRUPTS: u64 = 1 << 5;

/// Reads of registers by name, then everything with all of them.
pub fn registers(ground: &Ground) -> Vec<Probe> {
    let mut probes: Vec<_> = NAMED
        .iter()
        .map(|(name, register)| {
            let instruction = read_register(*register);
            let word = super::instruction(instruction, 0);
            let expected = Expected::Illegal { instruction };
            probe(REGISTERS, format!("read `{name}`"), word, expected)
        })
        .collect();
    for (name, register) in [("mstatus", 0x300), ("medeleg", 0x302), ("pmpcfg0", 0x3a0)] {
        let instruction = swap_register(register);
        let word = super::instruction(instruction, u64::MAX);
        let expected = Expected::Illegal { instruction };
        probes.push(probe(REGISTERS, format!("write `{name}`"), word, expected));
    }
    for (name, first, last) in RANGES {
        let count = ACCESSES * u64::from(last - first + 1);
        let kind = match ground.from {
            From::Linux => "",
            From::Low | From::High => "illegal-instruction",
        };
        probes.push(probe(
            REGISTERS,
            format!("read, write, set and clear each register of {name}"),
            format!("r:{first:x},{last:x}"),
            Expected::Denials { count, kind },
        ));
    }
    probes.extend(shadows(ground));
    probes
}

/// Supervisor registers that are parts of machine mode's: the other bits stay out of reach.
fn shadows(ground: &Ground) -> Vec<Probe> {
    let none_of = |mask| Expected::Value { mask, value: 0 };
    let text = ground.board.ram_base;
    vec![
        probe(
            REGISTERS,
            "set machine mode's bits, MPRV among them, in `sstatus`".to_owned(),
            instruction(read_register(SSTATUS), 0),
            none_of(MACHINE_STATUS),
        )
        .after([silently(set_register(SSTATUS), MACHINE_STATUS)]),
        probe(
            REGISTERS,
            "then read 8 bytes of the monitor's text".to_owned(),
            instruction(LOAD_DOUBLE.instruction, text),
            fault(LOAD_DOUBLE.cause, text),
        )
        .after([silently(set_register(SSTATUS), MACHINE_STATUS)]),
        probe(
            REGISTERS,
            "enable machine mode's interrupts by `sie`".to_owned(),
            instruction(swap_register(SIE), OWN_INTERRUPTS),
            none_of(MACHINE_INTERRUPTS),
        )
        .after([silently(set_register(SIE), MACHINE_INTERRUPTS)]),
        probe(
            REGISTERS,
            "make machine mode's interrupts pending by `sip`".to_owned(),
            instruction(read_register(SIP), 0),
            none_of(MACHINE_INTERRUPTS),
        )
        .after([silently(set_register(SIP), MACHINE_INTERRUPTS)]),
    ]
}

/// Instructions that are illegal in supervisor mode (3.3), and those of extensions that are off.
pub fn instructions(ground: &Ground) -> Vec<Probe> {
    let own = crate::ground::SCRATCH;
    let other = ground.end;
    [
        ("`mret`", 0x3020_0073, 0),
        ("`mnret`", 0x7020_0073, 0),
        ("`dret`", 0x7b20_0073, 0),
        ("`uret`", 0x0020_0073, 0),
        ("`hfence.vvma`", 0x2200_0073, 0),
        ("`hfence.gvma`", 0x6200_0073, 0),
        (
            "`hlv.d` from the other partition's memory",
            0x6c05_4573,
            other,
        ),
        (
            "`hsv.d` to the other partition's memory",
            0x6e05_4073,
            other,
        ),
        ("all bits set", 0xffff_ffff, 0),
        ("all bits clear", 0x0000_0000, 0),
        ("`cbo.inval` on its own memory", cache_block(0), own),
        (
            "`cbo.inval` on the other partition's memory",
            cache_block(0),
            other,
        ),
        (
            "`cbo.clean` on the other partition's memory",
            cache_block(1),
            other,
        ),
        (
            "`cbo.flush` on the other partition's memory",
            cache_block(2),
            other,
        ),
        (
            "`cbo.zero` on the other partition's memory",
            cache_block(4),
            other,
        ),
    ]
    .into_iter()
    .map(|(name, instruction, argument)| {
        let word = super::instruction(instruction, argument);
        let expected = Expected::Illegal { instruction };
        probe(INSTRUCTIONS, name.to_owned(), word, expected)
    })
    .collect()
}
