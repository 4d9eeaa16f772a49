//! Boards as constants: what the host plans with and the monitor drives.
//!
//! A board is data. Both sides of the project read the same constant, so a plan and the monitor
//! that carries it out cannot disagree about an address. Each fact names its source.
#![no_std]
#![forbid(unsafe_code)]

mod aarch64;
mod aia;
mod microchip_icicle_kit;
mod qemu_virt_aarch64;
mod qemu_virt_riscv64;
mod qemu_virt_riscv64_aia;
mod riscv64;
mod sifive_u;
mod zcu102;

pub use aarch64::{Aarch64, Gic, GicInterface, HostBridge, Iommu, Master, Release, timer};
pub use aia::Aia;
pub use microchip_icicle_kit::MICROCHIP_ICICLE_KIT;
pub use qemu_virt_aarch64::{QEMU_VIRT_AARCH64, QEMU_VIRT_AARCH64_GICV2};
pub use qemu_virt_riscv64::QEMU_VIRT_RISCV64;
pub use qemu_virt_riscv64_aia::QEMU_VIRT_RISCV64_AIA;
pub use riscv64::{Controller, PerformanceCounters, Plic, Riscv64};
pub use sifive_u::SIFIVE_U;
pub use zcu102::ZCU102;

/// Every board there is.
pub const ALL: &[&Board] = &[
    &QEMU_VIRT_RISCV64,
    &QEMU_VIRT_RISCV64_AIA,
    &SIFIVE_U,
    &MICROCHIP_ICICLE_KIT,
    &QEMU_VIRT_AARCH64,
    &QEMU_VIRT_AARCH64_GICV2,
    &ZCU102,
];

/// The most that the monitor's text and read-only data may take, in bytes, on every board of RISC-V: what one
/// protection entry covers.
pub const MONITOR_TEXT_BYTES: u64 = 0x1_0000;

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

/// The memories that a board keeps from its normal world (Arm TrustZone).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecureMemory {
    /// Read-only memory that holds the system image. The monitor runs in it.
    pub flash: Window,
    /// The monitor's RAM. The crash records are its end.
    pub monitor: Window,
    /// The RAM of programs, which run in the secure world.
    pub programs: Window,
    /// QEMU's firmware configuration device, by which Linux's images come: kernels and file systems are large, and
    /// flash is small. Without one they are in the flash too.
    pub images_device: Option<Window>,
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
    /// Arm's PL011 (DDI 0183).
    Pl011,
    /// Cadence's UART as in Xilinx's chips (UG1085, chapter 21, and UG1087).
    Cadence,
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
    /// The processors that a manifest can choose, each with its `-cpu` argument; [`Qemu::cpu`] is the one without a
    /// choice.
    pub cpus: &'static [(&'static str, &'static str)],
    /// The amount of memory that the machine must have, whatever the plan reckons with.
    pub memory: Option<u64>,
    /// The place of the monitor's serial port among those of the machine.
    pub serial: usize,
    /// How the system image gets into the start of RAM.
    pub loading: QemuLoading,
    /// Whether the machine has a sound device, which would look for one of the host's.
    pub sound: bool,
}

/// How QEMU gets the system image into RAM, and the harts to its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QemuLoading {
    /// As the machine's firmware (`-bios`).
    Firmware,
    /// By the loader device, which also sets where each core starts that is not held in reset: the machine's own
    /// firmware would be in a memory of its own.
    Loader,
}

/// A board. `A` tells of its architecture: [`Architecture`] where any may come, or the one of a monitor.
#[derive(Clone, Copy, Debug)]
pub struct Board<A = Architecture> {
    /// Its name in a manifest.
    pub name: &'static str,
    /// What it is, in words.
    pub description: &'static str,
    /// Where RAM starts.
    pub ram_base: u64,
    /// Where the system image starts: at the start of RAM, or in [`SecureMemory::flash`].
    pub image_base: u64,
    /// What only the secure world reaches, on a board that has such memory. Else the monitor and all
    /// partitions are in RAM.
    pub secure: Option<SecureMemory>,
    /// The least and the most RAM it can have, in bytes.
    pub ram_sizes: (u64, u64),
    /// The most cores it can have, those below [`Board::first_core`] included.
    pub max_cores: usize,
    /// The first core with a supervisor mode, which boots. Those below stay off, and no partition can
    /// have one.
    pub first_core: usize,
    /// Frequency of the machine time in hertz.
    pub timebase_hz: u64,
    /// The serial port that all consoles share. It belongs to the monitor.
    pub uart: Uart,
    /// The device that ends the machine. It belongs to the monitor, and no partition is told of it.
    pub finisher: Finisher,
    /// The devices that partitions may own.
    pub devices: &'static [Device],
    /// How QEMU emulates it.
    pub qemu: Qemu,
    /// What boards of its architecture have.
    pub architecture: A,
}

/// What boards of one architecture have.
#[derive(Clone, Copy, Debug)]
pub enum Architecture {
    /// 64-bit RISC-V.
    Riscv64(Riscv64),
    /// 64-bit Arm.
    Aarch64(Aarch64),
}

impl Architecture {
    /// What a board of RISC-V has, if this is one.
    pub const fn riscv64(&self) -> Option<&Riscv64> {
        match self {
            Self::Riscv64(riscv) => Some(riscv),
            Self::Aarch64(_) => None,
        }
    }

    /// What a board of Arm has, if this is one.
    pub const fn aarch64(&self) -> Option<&Aarch64> {
        match self {
            Self::Riscv64(_) => None,
            Self::Aarch64(arm) => Some(arm),
        }
    }

    /// What programs for the board are built for: its name, and `-gicv2` behind it where the interrupt controller
    /// makes a difference to them.
    pub const fn platform(&self) -> &'static str {
        match self {
            Self::Riscv64(_) => "riscv64",
            Self::Aarch64(arm) => match arm.gic.interface {
                GicInterface::V2 { .. } => "aarch64-gicv2",
                GicInterface::V3 { .. } => "aarch64",
            },
        }
    }

    /// The most that the monitor's text and read-only data may take, in bytes. A firmware that needs more is not linked.
    pub const fn monitor_text_bytes(&self) -> u64 {
        match self {
            Self::Riscv64(_) => MONITOR_TEXT_BYTES,
            Self::Aarch64(_) => 0x1_4000,
        }
    }

    /// Its name in file names and in `{arch}`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Riscv64(_) => "riscv64",
            Self::Aarch64(_) => "aarch64",
        }
    }
}

impl Board {
    /// The board as one of 64-bit RISC-V, if it is.
    pub const fn riscv64(&self) -> Option<Board<Riscv64>> {
        match self.architecture {
            Architecture::Riscv64(architecture) => Some(self.with(architecture)),
            Architecture::Aarch64(_) => None,
        }
    }

    /// The board as one of 64-bit Arm, if it is.
    pub const fn aarch64(&self) -> Option<Board<Aarch64>> {
        match self.architecture {
            Architecture::Riscv64(_) => None,
            Architecture::Aarch64(architecture) => Some(self.with(architecture)),
        }
    }

    const fn with<A: Copy>(&self, architecture: A) -> Board<A> {
        Board {
            name: self.name,
            description: self.description,
            ram_base: self.ram_base,
            image_base: self.image_base,
            secure: self.secure,
            ram_sizes: self.ram_sizes,
            max_cores: self.max_cores,
            first_core: self.first_core,
            timebase_hz: self.timebase_hz,
            uart: self.uart,
            finisher: self.finisher,
            devices: self.devices,
            qemu: self.qemu,
            architecture,
        }
    }
}

impl Board<Riscv64> {
    /// The board without what only the host tools read: it need not be in the firmware.
    pub const fn for_firmware(self) -> Self {
        Self {
            architecture: self.architecture.for_firmware(),
            ..self.without_words()
        }
    }
}

impl Board<Aarch64> {
    /// The board without what only the host tools read: it need not be in the firmware.
    pub const fn for_firmware(self) -> Self {
        Self {
            architecture: Aarch64 {
                scalable_vectors: &[],
                secure_hypervisor: &[],
                host_bridge: None,
                iommu: match self.architecture.iommu {
                    Some(iommu) => Some(Iommu {
                        masters: &[],
                        qemu: "",
                        ..iommu
                    }),
                    None => None,
                },
                ..self.architecture
            },
            ..self.without_words()
        }
    }
}

impl<A: Copy> Board<A> {
    /// The board without what only the host tools read.
    const fn without_words(self) -> Self {
        Self {
            description: "",
            devices: &[],
            qemu: Qemu {
                program: "",
                machine: "",
                cpu: None,
                cpus: &[],
                memory: None,
                serial: 0,
                loading: QemuLoading::Firmware,
                sound: false,
            },
            ..self
        }
    }

    /// The serial port that Linux on this board has for itself, where the monitor cannot stand in for one.
    pub fn console_port(&self) -> Option<&'static Device> {
        match self.secure {
            Some(_) => self.device("uart0"),
            None => None,
        }
    }

    /// The device of this name.
    pub fn device(&self, name: &str) -> Option<&'static Device> {
        self.devices.iter().find(|device| device.name == name)
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
