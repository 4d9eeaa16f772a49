//! EL2 of the normal world, where it is the monitor's: under the partitions that are kept apart by stage 2.
//!
//! Nothing runs at that EL2. What a partition does that is taken there comes to one instruction ([`TRAP`]), an `SMC` to
//! EL3, which no partition can make from there. What differs from partition to partition is in [`Registers`].

use crate::arch::context::Shape;
use crate::arch::platform::Features;
use crate::arch::register::{field, read, secure_configuration as scr, synchronize, write};
use crate::board::BOARD;
use core::arch::asm;
use partita_virtual_aarch64::stage_2::CONTROL;

/// `smc #1`: partitions call with zero, and what they do at EL1 is not at EL2.
const TRAP: u32 = 0xd400_0023;

/// Whether the syndrome of a call is that instruction's.
pub const fn is_trap(syndrome: u64) -> bool {
    syndrome & 0xffff == 1
}

/// Where the vectors are of synchronous exceptions of a lower level, AArch64 and AArch32 (DDI 0487, D1.3.1). Nothing comes
/// to the others: interrupts are not taken there.
const SYNCHRONOUS: [usize; 2] = [0x400, 0x600];

/// Writes the vectors into memory that the normal world reaches.
///
/// # Safety
/// Called by the boot core, before partitions run; `base` is a page of the monitor's, which it has mapped.
pub unsafe fn write_vectors(base: u64) {
    for offset in SYNCHRONOUS {
        let place = base.wrapping_add(offset as u64);
        // SAFETY: the caller's promise. EL2 fetches without caches, so what is written goes to memory.
        unsafe {
            asm!(
                "str {trap:w}, [{place}]",
                "dc civac, {place}",
                "dsb sy",
                trap = in(reg) TRAP,
                place = in(reg) place,
                options(nostack, preserves_flags)
            );
        }
    }
}

/// Bits of `HCR_EL2` (D24.2.53).
mod configuration {
    /// Stage 2; what invalidates a cache by set and way cleans it; a partition's own tables are not in device memory.
    pub const ALWAYS: u64 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 31;
    /// Interrupts are virtual.
    pub const VIRTUAL_INTERRUPTS: u64 = 1 << 3 | 1 << 4;
    /// What is implementation defined traps, and records of errors, and limited ordering.
    pub const TRAPS: u64 = 1 << 20 | 1 << 35 | 1 << 36;
    /// Keys do not trap here.
    pub const KEYS: u64 = 3 << 40;
    /// Context numbers do not trap here.
    pub const CONTEXT_NUMBERS: u64 = 1 << 53;
    /// Allocation tags can be reached.
    pub const TAGS: u64 = 1 << 56;
}

/// `CPTR_EL2`: nothing traps here, `CPTR_EL3` says it all. Bits 13, 9 and 7 to 0 read as one.
const COPROCESSORS: u64 = 0x22ff;
/// `MDCR_EL2`: counters of events trap, since they count what others do, and what controls the tracing of it.
const DEBUG: u64 = 1 << 5 | 1 << 6 | 1 << 19;
/// `HCRX_EL2` (D24.2.54): accelerator stores, memory copies, `TCR2_EL1`, `SCTLR2_EL1`, 128-bit tables, identification,
/// guarded stacks, the mode register of floating point and pointer authentication are EL1's. What a core does not have of it
/// reads as zero.
const EXTENDED_CONFIGURATION: u64 =
    7 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 17 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 24;
/// `SCTLR_EL2`: no translation.
const SYSTEM_CONTROL: u64 = 0x30c5_0830;
/// `CNTHCTL_EL2`: the counter does not trap, and the physical timer does or does not.
const COUNTER: u64 = 1;
const PHYSICAL_TIMER: u64 = 2;

/// Bits of `SCR_EL3` with which Linux at EL2 uses what is at EL2 only. The monitor leaves that at zero.
const OF_HYPERVISORS: u64 =
    scr::FINE_GRAINED_TRAPS | scr::FINE_GRAINED_TRAPS_2 | scr::COUNTER_OFFSET;

/// `SCR_EL3` of a Linux behind stage 2, given that of one at EL2.
pub const fn guest_configuration(of_hypervisor: u64) -> u64 {
    of_hypervisor & !OF_HYPERVISORS
}

/// Makes EL2 of the calling core the monitor's.
pub fn take(features: &Features) {
    let before = read!("scr_el3");
    write!("scr_el3", before | scr::NON_SECURE | scr::AARCH64);
    synchronize();
    write!("vbar_el2", BOARD.architecture.stage_2.base);
    write!("sctlr_el2", SYSTEM_CONTROL);
    write!("vtcr_el2", CONTROL);
    write!("cptr_el2", COPROCESSORS);
    // The number of counters (`PMCR_EL0.N`) is that of all there are.
    write!("mdcr_el2", read!("pmcr_el0") >> 11 & 31 | DEBUG);
    if field(read!("id_aa64mmfr1_el1"), 40) != 0 {
        // `HCRX_EL2`.
        write!("s3_4_c1_c2_2", EXTENDED_CONFIGURATION);
    }
    if features.scalable_vectors {
        // `ZCR_EL2`: vectors as long as there are.
        write!("s3_4_c1_c2_0", 0xf);
    }
    if features.scalable_matrices {
        // `SMCR_EL2`: as EL3 has it.
        write!("s3_4_c1_c2_6", read!("s3_6_c1_c2_6"));
    }
    write!("scr_el3", before);
    synchronize();
}

/// What EL2 holds while a virtual core is live.
#[derive(Clone, Copy)]
pub struct Registers {
    /// `HCR_EL2`.
    configuration: u64,
    /// `VTTBR_EL2`.
    root: u64,
    /// `VMPIDR_EL2`.
    affinity: u64,
    /// `CNTHCTL_EL2`.
    counter: u64,
}

impl Registers {
    /// Of nobody.
    pub const NONE: Self = Self {
        configuration: 0,
        root: 0,
        affinity: 0,
        counter: 0,
    };

    /// Of a virtual core of this number, translated by `root`, that may do what is in `SCR_EL3`.
    pub fn new(shape: Shape, root: u64, number: u64, secure_configuration: u64) -> Self {
        let may = |bit: u64, what: u64| {
            if secure_configuration & bit == 0 {
                0
            } else {
                what
            }
        };
        let (more, counter) = match shape {
            Shape::Program => (configuration::VIRTUAL_INTERRUPTS, COUNTER),
            _ => (0, COUNTER | PHYSICAL_TIMER),
        };
        Self {
            configuration: configuration::ALWAYS
                | configuration::TRAPS
                | configuration::KEYS
                | may(scr::CONTEXT_NUMBERS, configuration::CONTEXT_NUMBERS)
                | may(scr::TAGS, configuration::TAGS)
                | more,
            root,
            // Bit 31 reads as one.
            affinity: 1 << 31 | number,
            counter,
        }
    }

    /// Puts them onto the core.
    #[inline(always)]
    pub fn write(&self) {
        write!("vttbr_el2", self.root);
        write!("hcr_el2", self.configuration);
        write!("vmpidr_el2", self.affinity);
        write!("cnthctl_el2", self.counter);
    }
}

impl Registers {
    /// Forgets what this core, and all others, translated for the partition.
    pub fn forget_translations(&self) {
        let before = read!("scr_el3");
        write!("scr_el3", before | scr::NON_SECURE);
        let root = read!("vttbr_el2");
        write!("vttbr_el2", self.root);
        synchronize();
        // SAFETY: only translations of lower levels are forgotten: those with the partition's number.
        unsafe {
            asm!(
                "tlbi vmalls12e1is",
                "dsb ish",
                options(nostack, preserves_flags)
            );
        }
        write!("vttbr_el2", root);
        write!("scr_el3", before);
        synchronize();
    }
}
