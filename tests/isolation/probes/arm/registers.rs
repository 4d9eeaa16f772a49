//! Registers and instructions of EL3, and those of the secure world.

use super::instructions::Register;
use super::{LEVELS, Probe, execute, probe};
use crate::probe::Expected;

const SECTION: &str = "Registers of EL3 and of the secure world";

/// Undefined below EL3, or outside of the secure world (DDI 0487, D24.2; IHI 0069, 12.2).
pub const OUT_OF_REACH: [Register; 28] = [
    Register("`SCTLR_EL3`", [3, 6, 1, 0, 0]),
    Register("`ACTLR_EL3`", [3, 6, 1, 0, 1]),
    Register("`SCR_EL3`", [3, 6, 1, 1, 0]),
    Register("`SDER32_EL3`", [3, 6, 1, 1, 1]),
    Register("`CPTR_EL3`", [3, 6, 1, 1, 2]),
    Register("`MDCR_EL3`", [3, 6, 1, 3, 1]),
    Register("`TTBR0_EL3`", [3, 6, 2, 0, 0]),
    Register("`TCR_EL3`", [3, 6, 2, 0, 2]),
    Register("`SPSR_EL3`", [3, 6, 4, 0, 0]),
    Register("`ELR_EL3`", [3, 6, 4, 0, 1]),
    Register("`SP_EL2`", [3, 6, 4, 1, 0]),
    Register("`AFSR0_EL3`", [3, 6, 5, 1, 0]),
    Register("`AFSR1_EL3`", [3, 6, 5, 1, 1]),
    Register("`ESR_EL3`", [3, 6, 5, 2, 0]),
    Register("`FAR_EL3`", [3, 6, 6, 0, 0]),
    Register("`MAIR_EL3`", [3, 6, 10, 2, 0]),
    Register("`AMAIR_EL3`", [3, 6, 10, 3, 0]),
    Register("`VBAR_EL3`", [3, 6, 12, 0, 0]),
    Register("`RVBAR_EL3`", [3, 6, 12, 0, 1]),
    Register("`RMR_EL3`", [3, 6, 12, 0, 2]),
    Register("`ICC_CTLR_EL3`", [3, 6, 12, 12, 4]),
    Register("`ICC_SRE_EL3`", [3, 6, 12, 12, 5]),
    Register("`ICC_IGRPEN1_EL3`", [3, 6, 12, 12, 7]),
    Register("`TPIDR_EL3`", [3, 6, 13, 0, 2]),
    Register("`CNTPS_TVAL_EL1`", [3, 7, 14, 2, 0]),
    Register("`CNTPS_CTL_EL1`", [3, 7, 14, 2, 1]),
    Register("`CNTPS_CVAL_EL1`", [3, 7, 14, 2, 2]),
    Register("a register that is nothing's", [3, 6, 11, 15, 7]),
];

/// Instructions that are undefined below EL3.
const INSTRUCTIONS: [(&str, u32); 4] = [
    ("`tlbi alle3`", 0xd50e_871f),
    ("`at s1e3r`", 0xd50e_7800),
    ("`dcps3`", 0xd4a0_0003),
    ("set `CNTFRQ_EL0`", 0xd51b_e000),
];

/// Of interrupts of Group 0, which are taken to EL3: an access is trapped (IHI 0069, 12.1.5), as far as there is one.
pub const GROUP_0: [(Register, bool, bool); 6] = [
    (Register("`ICC_IAR0_EL1`", [3, 0, 12, 8, 0]), true, false),
    (Register("`ICC_EOIR0_EL1`", [3, 0, 12, 8, 1]), false, true),
    (Register("`ICC_HPPIR0_EL1`", [3, 0, 12, 8, 2]), true, false),
    (Register("`ICC_BPR0_EL1`", [3, 0, 12, 8, 3]), true, true),
    (Register("`ICC_AP0R0_EL1`", [3, 0, 12, 8, 4]), true, true),
    (Register("`ICC_IGRPEN0_EL1`", [3, 0, 12, 12, 6]), true, true),
];

/// All of them.
pub fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut row = |name: String, word, expected| {
        probes.push(probe(SECTION, name, word, expected));
    };
    for (suffix, verb, _) in LEVELS {
        for register in OUT_OF_REACH {
            let name = register.0;
            let read = execute(verb, register.read(), 0, 0);
            row(format!("read {name}{suffix}"), read, Expected::Undefined);
            let write = execute(verb, register.write(), 0, 0);
            row(format!("write {name}{suffix}"), write, Expected::Undefined);
        }
        for (name, instruction) in INSTRUCTIONS {
            let word = execute(verb, instruction, 0, 0);
            row(format!("{name}{suffix}"), word, Expected::Undefined);
        }
        for (register, reads, writes) in GROUP_0 {
            let name = register.0;
            if reads {
                let syndrome = register.syndrome(true);
                let word = execute(verb, register.read(), 0, 0);
                let expected = Expected::Trapped {
                    syndrome,
                    kind: "unexpected-trap",
                };
                row(format!("read {name}{suffix}"), word, expected);
            }
            if writes {
                let syndrome = register.syndrome(false);
                let word = execute(verb, register.write(), 1, 0);
                let expected = Expected::Trapped {
                    syndrome,
                    kind: "unexpected-trap",
                };
                row(format!("write {name}{suffix}"), word, expected);
            }
        }
    }
    probes
}
