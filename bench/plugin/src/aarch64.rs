//! 64-bit Arm: instructions, registers and causes (DDI 0487, C6.2, D1.3 and D24.2).

use crate::architecture::Trap;
use crate::instruction::Kind;
use crate::qemu::{Qemu, Register};
use crate::stays::{Cause, WAITED};

/// Where the vectors for exceptions from lower levels are in a table, and how far apart (D1.3.1).
const FROM_LOWER: u64 = 0x400;
const STRIDE: u64 = 0x80;
/// How many there are: synchronous, IRQ, FIQ and SError, from AArch64 and from AArch32.
const WAYS: u64 = 8;
/// The vectors for an IRQ that interrupts the level itself: on its tasks' stack, on its own.
const IRQS: [u64; 2] = [0x080, 0x280];

/// In [`Cause::number`]: no exception of an instruction; the rest is the way in.
const ASYNCHRONOUS: u64 = 1 << 63;
/// Classes in `ESR_EL3`.
const CLASS_SMC: [u64; 2] = [0x13, 0x17];
/// In [`Cause::number`]: it was taken to EL2, whose vectors lead to EL3 by an `SMC` with this number.
const AT_EL2: u64 = 1 << 62;
const LED_ON: u64 = 0x17 << 26 | 1;
/// The level in `PSTATE`.
const LEVEL: u64 = 3 << 2;

/// The registers that are read.
pub struct Registers {
    syndrome: Register,
    program_counter: Register,
    fault_address: Register,
    status: Register,
    /// Syndrome, program counter and fault address of EL2.
    at_el2: [Register; 3],
    general: Vec<Register>,
}

impl Registers {
    pub fn find(qemu: &Qemu) -> Option<Self> {
        let find = |name| qemu.register(name);
        let general = (0..31).map(|number| qemu.register(&format!("x{number}")));
        Some(Self {
            syndrome: find("ESR_EL3")?,
            program_counter: find("ELR_EL3")?,
            fault_address: find("FAR_EL3")?,
            status: find("cpsr")?,
            at_el2: [find("ESR_EL2")?, find("ELR_EL2")?, find("FAR_EL2")?],
            general: general.collect::<Option<_>>()?,
        })
    }

    pub fn trap(&self, way: usize, mut read: impl FnMut(Register) -> u64) -> Trap {
        let kind = way as u64 % 4;
        if kind == 0 && read(self.syndrome) & (0x3f << 26 | 0xffff) == LED_ON {
            let [syndrome, program_counter, value] = self.at_el2;
            return Trap {
                cause: Cause {
                    number: AT_EL2 | read(syndrome) >> 26 & 0x3f,
                    call: (0, 0),
                },
                program_counter: read(program_counter),
                value: read(value),
                denied: None,
            };
        }
        let number = match kind {
            0 => read(self.syndrome) >> 26 & 0x3f,
            _ => ASYNCHRONOUS | kind,
        };
        // The function's number is in 32 bits (DEN0028, 2.5).
        let function = match self.general.first() {
            Some(first) if CLASS_SMC.contains(&number) => read(*first) & 0xffff_ffff,
            _ => 0,
        };
        Trap {
            cause: Cause {
                number,
                call: (function, 0),
            },
            program_counter: read(self.program_counter),
            value: read(self.fault_address),
            denied: None,
        }
    }

    pub fn is_user(&self, mut read: impl FnMut(Register) -> u64) -> bool {
        read(self.status) & LEVEL == 0
    }

    pub fn general(&self, number: usize) -> Option<Register> {
        self.general.get(number).copied()
    }
}

/// Which vector for an exception from a lower level is at `address`, if the table is at `table`.
pub const fn way_in(table: u64, address: u64) -> Option<usize> {
    let offset = address.wrapping_sub(table.wrapping_add(FROM_LOWER));
    if offset < WAYS * STRIDE && offset.is_multiple_of(STRIDE) {
        Some((offset / STRIDE) as usize)
    } else {
        None
    }
}

/// Whether `address` is a vector for an IRQ that interrupts the level itself, if its table is at `table`.
pub const fn is_handler(table: u64, address: u64) -> bool {
    let offset = address.wrapping_sub(table);
    offset == IRQS[0] || offset == IRQS[1]
}

/// What the instruction with this encoding is. The last five bits of an access to a system register name the
/// general register.
pub const fn kind(encoding: u32) -> Kind {
    let general = (encoding & 31) as usize;
    match encoding {
        0xd69f_03e0 => return Kind::Return,
        0xd503_207f => return Kind::Wait,
        _ => {}
    }
    match encoding & !31 {
        // mrs, cntpct_el0
        0xd53b_e020 => Kind::TimeRead(general),
        // msr cntps_cval_el1, and msr cntp_cval_el0, which stands for it behind stage 2
        0xd51f_e240 | 0xd51b_e240 => Kind::TimerWrite(general),
        _ => Kind::Other,
    }
}

/// A cause in words.
pub fn name_of(cause: Cause) -> String {
    const IRQ: u64 = ASYNCHRONOUS | 1;
    const FIQ: u64 = ASYNCHRONOUS | 2;
    const SYSTEM_ERROR: u64 = ASYNCHRONOUS | 3;
    match cause.number {
        WAITED => "after waiting".to_owned(),
        IRQ => "IRQ".to_owned(),
        FIQ => "FIQ".to_owned(),
        SYSTEM_ERROR => "SError".to_owned(),
        0x00 => "undefined instruction".to_owned(),
        0x01 => "WFI".to_owned(),
        0x07 => "floating point".to_owned(),
        0x13 | 0x17 => format!("SMC {}", call_name(cause.call.0)),
        0x18 => "system register".to_owned(),
        0x20 => "denied fetch".to_owned(),
        0x24 => "denied access".to_owned(),
        number if number & AT_EL2 != 0 => match number & !AT_EL2 {
            0x18 => "at EL2: system register".to_owned(),
            0x20 => "at EL2: denied fetch".to_owned(),
            0x24 => "at EL2: denied access".to_owned(),
            0x16 => "at EL2: HVC".to_owned(),
            number => format!("at EL2: class {number:#x}"),
        },
        number => format!("class {number:#x}"),
    }
}

/// A call by the names of PSCI (DEN0022, 5.2) and of the calling convention (DEN0028, 7).
fn call_name(function: u64) -> String {
    /// Of calls with 64-bit arguments.
    const WIDE: u64 = 1 << 30;
    let name = match function & !WIDE {
        0x8000_0000 => "SMCCC_VERSION",
        0x8000_0001 => "SMCCC_ARCH_FEATURES",
        0x8400_0000 => "PSCI_VERSION",
        0x8400_0001 => "CPU_SUSPEND",
        0x8400_0002 => "CPU_OFF",
        0x8400_0003 => "CPU_ON",
        0x8400_0004 => "AFFINITY_INFO",
        0x8400_0006 => "MIGRATE_INFO_TYPE",
        0x8400_0008 => "SYSTEM_OFF",
        0x8400_0009 => "SYSTEM_RESET",
        0x8400_000a => "PSCI_FEATURES",
        0x8400_0050 => "TRNG_VERSION",
        // Partita's own calls: the service range of original equipment manufacturers.
        number @ 0x8300_0000..0x8300_0100 => return format!("Partita.{}", number & 0xff),
        _ => return format!("{function:#x}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{ASYNCHRONOUS, Cause, Kind, is_handler, kind, name_of, way_in};

    #[test]
    fn instructions_are_told_by_their_encoding() {
        assert_eq!(kind(0xd69f_03e0), Kind::Return, "eret");
        assert_eq!(kind(0xd503_207f), Kind::Wait, "wfi");
        assert_eq!(kind(0xd53b_e028), Kind::TimeRead(8), "mrs x8, cntpct_el0");
        assert_eq!(
            kind(0xd51f_e241),
            Kind::TimerWrite(1),
            "msr cntps_cval_el1, x1"
        );
        assert_eq!(kind(0xd503_201f), Kind::Other, "nop");
    }

    #[test]
    fn only_vectors_for_lower_levels_are_ways_in() {
        assert_eq!(way_in(0x800, 0xc00), Some(0), "synchronous");
        assert_eq!(way_in(0x800, 0xd00), Some(2), "FIQ");
        assert_eq!(way_in(0x800, 0xf80), Some(7), "SError from AArch32");
        assert_eq!(way_in(0x800, 0xc04), None);
        assert_eq!(way_in(0x800, 0x880), None, "from EL3 itself");
        assert_eq!(way_in(0x800, 0x1000), None, "behind the table");
    }

    #[test]
    fn only_vectors_for_interrupts_are_handlers() {
        assert!(is_handler(0x800, 0x880));
        assert!(is_handler(0x800, 0xa80));
        assert!(!is_handler(0x800, 0x800));
    }

    #[test]
    fn calls_are_named_in_both_widths() {
        let smc = |function| {
            name_of(Cause {
                number: 0x17,
                call: (function, 0),
            })
        };
        assert_eq!(smc(0x8400_0003), "SMC CPU_ON");
        assert_eq!(smc(0xc400_0003), "SMC CPU_ON");
        assert_eq!(smc(0xc300_0004), "SMC Partita.4");
        assert_eq!(smc(0x8200_0000), "SMC 0x82000000");
        let interrupt = Cause {
            number: ASYNCHRONOUS | 2,
            call: (0, 0),
        };
        assert_eq!(name_of(interrupt), "FIQ");
    }
}
