//! Boards as constants: what the host plans with and the monitor drives.
//!
//! A board is data. Both sides of the project read the same constant, so a plan and the monitor
//! that carries it out cannot disagree about an address. Each fact names its source.
#![no_std]
#![forbid(unsafe_code)]

mod qemu_virt_riscv64;

pub use qemu_virt_riscv64::QEMU_VIRT_RISCV64;

/// Every board there is.
pub const ALL: &[&Board] = &[&QEMU_VIRT_RISCV64];

/// The board of this name.
pub fn by_name(name: &str) -> Option<&'static Board> {
    ALL.iter().copied().find(|board| board.name == name)
}

/// A range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First address.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
}

/// A device that a manifest can give to a partition.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// Its name in a manifest.
    pub name: &'static str,
    /// What it is, in words.
    pub description: &'static str,
    /// Its registers.
    pub window: Window,
    /// Its interrupt lines, as the interrupt controller numbers them.
    pub lines: &'static [u16],
    /// Its device-tree `compatible` string.
    pub compatible: &'static str,
    /// Whether it can read and write memory by itself. Without an IOMMU nothing bounds that.
    pub dma: bool,
    /// What makes it harmless: done in order before its partition starts again.
    pub reset: &'static [Write],
}

/// A register write that is part of a device's reset.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    /// Offset of the register in the device's window.
    pub offset: u64,
    /// What is written.
    pub value: u32,
    /// Bytes of the register: 1 or 4.
    pub width: u8,
}

/// A RISC-V platform-level interrupt controller (RISC-V PLIC specification 1.0.0).
#[derive(Clone, Copy, Debug)]
pub struct Plic {
    /// All its registers.
    pub window: Window,
    /// The highest line number; lines count from 1.
    pub lines: u16,
    /// The highest priority; 0 is "never interrupts".
    pub max_priority: u32,
}

impl Plic {
    /// The context of a hart's machine mode.
    pub const fn machine_context(hart: usize) -> usize {
        2 * hart
    }

    /// The context of a hart's supervisor mode.
    pub const fn supervisor_context(hart: usize) -> usize {
        2 * hart + 1
    }

    /// Offset of a line's priority register.
    pub const fn priority_offset(line: u16) -> u64 {
        4 * line as u64
    }

    /// Offset of the word of a context's enable bits that holds line `32 * word`.
    pub const fn enable_offset(context: usize, word: usize) -> u64 {
        0x2000 + 0x80 * context as u64 + 4 * word as u64
    }

    /// Offset of a context's page: its threshold register, then its claim/complete register.
    pub const fn context_offset(context: usize) -> u64 {
        0x20_0000 + 0x1000 * context as u64
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
}

impl Controller {
    /// The highest line number; lines count from 1.
    pub const fn lines(&self) -> u16 {
        match self {
            Self::Plic(plic) => plic.lines,
        }
    }

    /// The registers of which partitions may reach some directly, and no device may touch any.
    pub const fn window(&self) -> Window {
        match self {
            Self::Plic(plic) => plic.window,
        }
    }
}

/// A serial port compatible with the 16550.
#[derive(Clone, Copy, Debug)]
pub struct Uart {
    /// Its registers, one byte each.
    pub window: Window,
    /// Its interrupt line.
    pub line: u16,
}

/// A RISC-V board.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    /// Its name in a manifest.
    pub name: &'static str,
    /// What it is, in words.
    pub description: &'static str,
    /// Where RAM starts; the system image is loaded there.
    pub ram_base: u64,
    /// The least and the most RAM it can have, in bytes.
    pub ram_sizes: (u64, u64),
    /// The most cores it can have.
    pub max_cores: usize,
    /// PMP entries of each hart.
    pub protection_entries: usize,
    /// PMP entries of each hart that the monitor keeps for itself, the first ones.
    pub monitor_protection_entries: usize,
    /// Frequency of the machine time in hertz.
    pub timebase_hz: u64,
    /// The core-local interruptor: `msip`, `mtimecmp`, `mtime`.
    pub aclint: Window,
    /// The interrupt controller.
    pub controller: Controller,
    /// The serial port that all consoles share. It belongs to the monitor.
    pub uart: Uart,
    /// The device that ends the machine. It belongs to the monitor, and no partition is told of it.
    pub finisher: Window,
    /// The devices that partitions may own.
    pub devices: &'static [Device],
    /// QEMU's `-M` argument for this board.
    pub qemu_machine: &'static str,
    /// QEMU's `-cpu` argument, without the options that a manifest sets (`smepmp`, `sstc`).
    pub qemu_cpu: &'static str,
    /// The QEMU program.
    pub qemu_program: &'static str,
    /// The instruction set shown to partitions, as a device-tree `riscv,isa` base string.
    pub isa_base: &'static str,
    /// The extensions shown to partitions beyond [`Board::isa_base`], without those that depend on the
    /// manifest (`sstc`, and `f`, `d` for partitions without floating point).
    pub isa_extensions: &'static [&'static str],
}

impl Board {
    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<&'static Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// Machine-time ticks as nanoseconds.
    pub const fn ticks_to_ns(&self, ticks: u64) -> u64 {
        ticks.wrapping_mul(1_000_000_000 / self.timebase_hz)
    }

    /// Nanoseconds as machine-time ticks, rounded down.
    pub const fn ns_to_ticks(&self, ns: u64) -> u64 {
        ns / (1_000_000_000 / self.timebase_hz)
    }
}
