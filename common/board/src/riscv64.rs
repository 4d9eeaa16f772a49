//! What boards with 64-bit RISC-V harts have.

use crate::{Aia, Window};

/// A RISC-V platform-level interrupt controller (RISC-V PLIC specification 1.0.0).
#[derive(Clone, Copy, Debug)]
pub struct Plic {
    /// All its registers.
    pub window: Window,
    /// The highest line number; lines count from 1.
    pub lines: u16,
    /// The highest priority; 0 is "never interrupts".
    pub max_priority: u32,
    /// How many harts have a machine mode only. They come first, with one context each; every other hart
    /// has one for its machine mode and then one for its supervisor mode.
    pub machine_only_harts: usize,
}

impl Plic {
    /// The context of a hart's machine mode.
    pub const fn machine_context(&self, hart: usize) -> usize {
        if hart < self.machine_only_harts {
            hart
        } else {
            hart.wrapping_mul(2).wrapping_sub(self.machine_only_harts)
        }
    }

    /// The context of a hart's supervisor mode, if it has one.
    pub const fn supervisor_context(&self, hart: usize) -> usize {
        self.machine_context(hart).wrapping_add(1)
    }

    /// The hart that a context belongs to.
    pub const fn hart_of(&self, context: usize) -> usize {
        if context < self.machine_only_harts {
            context
        } else {
            context.wrapping_add(self.machine_only_harts) / 2
        }
    }

    /// The number of contexts of the harts below `harts`.
    pub const fn contexts(&self, harts: usize) -> usize {
        self.machine_context(harts)
    }

    /// Offset of a line's priority register.
    pub const fn priority_offset(line: u16) -> u64 {
        4 * line as u64
    }

    /// Offset of the word of a context's enable bits that holds line `32 * word`.
    pub const fn enable_offset(context: usize, word: usize) -> u64 {
        let word = (context as u64)
            .wrapping_mul(0x20)
            .wrapping_add(word as u64);
        word.wrapping_mul(4).wrapping_add(0x2000)
    }

    /// Offset of a context's page: its threshold register, then its claim/complete register.
    pub const fn context_offset(context: usize) -> u64 {
        (context as u64)
            .wrapping_mul(0x1000)
            .wrapping_add(0x20_0000)
    }

    /// Size of the part that holds priorities, pending and enable bits, in bytes.
    pub const SHARED_BYTES: u64 = 0x20_0000;
    /// Size of a context's page in bytes.
    pub const CONTEXT_BYTES: u64 = 0x1000;
}

/// A board's interrupt controller.
#[derive(Clone, Copy, Debug)]
pub enum Controller {
    /// A platform-level interrupt controller.
    Plic(Plic),
    /// An APLIC that sends messages to an IMSIC.
    Aia(Aia),
}

impl Controller {
    /// The highest line number; lines count from 1.
    pub const fn lines(&self) -> u16 {
        match self {
            Self::Plic(plic) => plic.lines,
            Self::Aia(aia) => aia.lines,
        }
    }

    /// The registers of which partitions may reach some directly, and no device may touch any.
    pub const fn window(&self) -> Window {
        match self {
            Self::Plic(plic) => plic.window,
            Self::Aia(aia) => aia.supervisor_files,
        }
    }

    /// The registers that are the monitor's alone; empty windows where there are fewer.
    pub const fn private(&self) -> [Window; 3] {
        match self {
            Self::Plic(_) => [Window { base: 0, size: 0 }; 3],
            Self::Aia(aia) => [aia.machine_domain, aia.supervisor_domain, aia.machine_files],
        }
    }
}

/// The programmable performance counters of a board's harts (Privileged Architecture, 3.1.10).
#[derive(Clone, Copy, Debug)]
pub struct PerformanceCounters {
    /// Which `mhpmcounter`s there are, one bit each.
    pub counters: u32,
    /// Their width in bits.
    pub bits: u8,
    /// Whether they can leave out privilege modes and interrupt when they overflow (Sscofpmf).
    pub overflow: bool,
    /// What they can count: events as the SBI numbers them (SBI 2.0, 11.1 and 11.2), each with its selector
    /// in `mhpmevent`.
    pub events: &'static [(u32, u64)],
}

impl PerformanceCounters {
    /// A board whose harts have none that are of use.
    pub const NONE: Self = Self {
        counters: 0,
        bits: 64,
        overflow: false,
        events: &[],
    };
}

/// What a board with 64-bit RISC-V harts has.
#[derive(Clone, Copy, Debug)]
pub struct Riscv64 {
    /// PMP entries of each hart.
    pub protection_entries: usize,
    /// PMP entries of each hart that the monitor keeps for itself, the first ones.
    pub monitor_protection_entries: usize,
    /// The core-local interruptor: `msip`, `mtimecmp`, `mtime`.
    pub aclint: Window,
    /// The interrupt controller.
    pub controller: Controller,
    /// The programmable performance counters of each hart.
    pub performance: PerformanceCounters,
    /// Whether its cores can have what the privileged specification 1.12 and its extensions added, as `menvcfg`
    /// and `mstateen0`; else they keep to 1.10. Smepmp, Sstc and V need it.
    pub privileged_1_12: bool,
    /// Whether its cores can have Smepmp.
    pub smepmp: bool,
    /// Whether its cores can have Sstc.
    pub sstc: bool,
    /// Whether its cores can have the V extension.
    pub vector: bool,
    /// The instruction set shown to partitions, as a device-tree `riscv,isa` base string.
    pub isa_base: &'static str,
    /// The extensions shown to partitions beyond [`Riscv64::isa_base`], without those that depend on the
    /// manifest (`sstc`, and `f`, `d`, `v` by what a partition uses).
    pub isa_extensions: &'static [&'static str],
    /// The largest translation scheme, as a device-tree `mmu-type`.
    pub translation: &'static str,
}

impl Riscv64 {
    /// Without what only the host tools read.
    pub(crate) const fn for_firmware(self) -> Self {
        Self {
            isa_base: "",
            isa_extensions: &[],
            translation: "",
            ..self
        }
    }

    /// Where Linux finds its emulated watchdog: in the page in front of the core-local interruptor, where
    /// none of these boards has anything.
    pub const fn watchdog(&self) -> Window {
        Window {
            base: self.aclint.base.wrapping_sub(0x1000),
            size: 0x1000,
        }
    }
}
