//! Boards as constants: what the host plans with and the monitor drives.
//!
//! A board is data. Both sides of the project read the same constant, so a plan and the monitor
//! that carries it out cannot disagree about an address. Each fact names its source.
#![no_std]
#![forbid(unsafe_code)]

mod aia;
mod microchip_icicle_kit;
mod qemu_virt_riscv64;
mod qemu_virt_riscv64_aia;
mod sifive_u;

pub use aia::Aia;
pub use microchip_icicle_kit::MICROCHIP_ICICLE_KIT;
pub use qemu_virt_riscv64::QEMU_VIRT_RISCV64;
pub use qemu_virt_riscv64_aia::QEMU_VIRT_RISCV64_AIA;
pub use sifive_u::SIFIVE_U;

/// Every board there is.
pub const ALL: &[&Board] = &[
    &QEMU_VIRT_RISCV64,
    &QEMU_VIRT_RISCV64_AIA,
    &SIFIVE_U,
    &MICROCHIP_ICICLE_KIT,
];

/// The board of this name.
pub fn by_name(name: &str) -> Option<&'static Board> {
    ALL.iter().copied().find(|board| board.name == name)
}

/// The board whose firmware the package of this name is: `partita-board-` and the board's name.
///
/// # Panics
/// If there is no such board; the firmware's build finds that out.
pub const fn of_package(package: &str) -> &'static Board {
    const PREFIX: usize = "partita-board-".len();
    let mut index = 0;
    while index < ALL.len() {
        if is_rest(package.as_bytes(), PREFIX, ALL[index].name.as_bytes()) {
            return ALL[index];
        }
        index += 1;
    }
    panic!("no board has the name of this package")
}

const fn is_rest(text: &[u8], from: usize, rest: &[u8]) -> bool {
    if text.len() != from + rest.len() {
        return false;
    }
    let mut index = 0;
    while index < rest.len() {
        if text[from + index] != rest[index] {
            return false;
        }
        index += 1;
    }
    true
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

/// A register write that is part of a device's reset, or of the machine's end.
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

/// A serial port.
#[derive(Clone, Copy, Debug)]
pub struct Uart {
    /// Its registers.
    pub window: Window,
    /// Its interrupt line.
    pub line: u16,
    /// What it is compatible with.
    pub model: UartModel,
}

/// What a serial port is compatible with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UartModel {
    /// The 16550, whose eight registers are a byte wide.
    Ns16550 {
        /// The distance between two registers: 1, or 4 where each is accessed as a word.
        stride: u8,
    },
    /// SiFive's UART (FU540-C000 manual v1p4, chapter 13).
    SiFive,
}

/// The device that ends the machine, or resets it where nothing can end it.
#[derive(Clone, Copy, Debug)]
pub struct Finisher {
    /// Its registers.
    pub window: Window,
    /// What ends the machine after a run that came to its end; all registers are words.
    pub pass: &'static [Write],
    /// What ends the machine after a failure.
    pub fail: &'static [Write],
    /// What resets the board.
    pub reset: &'static [Write],
    /// Whether QEMU, started with `-no-reboot`, ends then.
    pub ends_qemu: bool,
}

/// How QEMU emulates a board.
#[derive(Clone, Copy, Debug)]
pub struct Qemu {
    /// The program.
    pub program: &'static str,
    /// The `-M` argument.
    pub machine: &'static str,
    /// The `-cpu` argument, without the options that a manifest sets (`smepmp`, `sstc`); none where the
    /// machine has its own processors.
    pub cpu: Option<&'static str>,
    /// The amount of memory that the machine must have, whatever the plan reckons with.
    pub memory: Option<u64>,
    /// The place of the monitor's serial port among those of the machine.
    pub serial: usize,
    /// How the system image gets into the start of RAM.
    pub loading: QemuLoading,
}

/// How QEMU gets the system image into RAM, and the harts to its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QemuLoading {
    /// As the machine's firmware (`-bios`).
    Firmware,
    /// By the loader device, which also sets where each hart starts: the machine's own firmware would be
    /// in a memory of its own.
    Loader,
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
    /// The most cores it can have, those below [`Board::first_core`] included.
    pub max_cores: usize,
    /// The first core with a supervisor mode, which boots. Those below stay off, and no partition can
    /// have one.
    pub first_core: usize,
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
    pub finisher: Finisher,
    /// The programmable performance counters of each hart.
    pub performance: PerformanceCounters,
    /// The devices that partitions may own.
    pub devices: &'static [Device],
    /// How QEMU emulates it.
    pub qemu: Qemu,
    /// Whether its cores can have Smepmp.
    pub smepmp: bool,
    /// Whether its cores can have Sstc.
    pub sstc: bool,
    /// Whether its cores can have the V extension.
    pub vector: bool,
    /// The instruction set shown to partitions, as a device-tree `riscv,isa` base string.
    pub isa_base: &'static str,
    /// The extensions shown to partitions beyond [`Board::isa_base`], without those that depend on the
    /// manifest (`sstc`, and `f`, `d`, `v` by what a partition uses).
    pub isa_extensions: &'static [&'static str],
    /// The largest translation scheme, as a device-tree `mmu-type`.
    pub translation: &'static str,
}

impl Board {
    /// The board without what only the host tools read: it need not be in the firmware.
    pub const fn for_firmware(self) -> Self {
        Self {
            description: "",
            devices: &[],
            qemu: Qemu {
                program: "",
                machine: "",
                cpu: None,
                memory: None,
                serial: 0,
                loading: QemuLoading::Firmware,
            },
            isa_base: "",
            isa_extensions: &[],
            translation: "",
            ..self
        }
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<&'static Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// Where Linux finds its emulated watchdog: in the page in front of the core-local interruptor, where
    /// none of these boards has anything.
    pub const fn watchdog(&self) -> Window {
        Window {
            base: self.aclint.base.wrapping_sub(0x1000),
            size: 0x1000,
        }
    }

    /// Machine-time ticks as nanoseconds.
    pub const fn ticks_to_ns(&self, ticks: u64) -> u64 {
        ticks.wrapping_mul(self.ns_per_tick())
    }

    /// Nanoseconds as machine-time ticks, rounded down.
    pub const fn ns_to_ticks(&self, ns: u64) -> u64 {
        match ns.checked_div(self.ns_per_tick()) {
            Some(ticks) => ticks,
            None => 0,
        }
    }

    /// Nanoseconds in a tick of machine time: a whole number, by the board's constant.
    const fn ns_per_tick(&self) -> u64 {
        match 1_000_000_000_u64.checked_div(self.timebase_hz) {
            Some(ns) => ns,
            None => 1,
        }
    }
}
