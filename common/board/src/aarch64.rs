//! What boards with 64-bit Arm cores have.

use crate::Window;

/// A generic interrupt controller. Lines are numbered as it numbers them: shared peripheral interrupts
/// start at 32.
#[derive(Clone, Copy, Debug)]
pub struct Gic {
    /// Its distributor.
    pub distributor: Window,
    /// The highest line number.
    pub lines: u16,
    /// How cores talk to it.
    pub interface: GicInterface,
}

/// How cores talk to a generic interrupt controller.
#[derive(Clone, Copy, Debug)]
pub enum GicInterface {
    /// By a memory-mapped interface that each core sees at the same address (GICv2, IHI 0048).
    V2 {
        /// The interface of the core that accesses it.
        core: Window,
        /// The hypervisor's interface to the virtual one.
        hypervisor: Window,
        /// The virtual interface.
        virtual_core: Window,
    },
    /// By system registers, and by a redistributor for each core (GICv3, IHI 0069).
    V3 {
        /// The redistributors of all cores, side by side.
        redistributors: Window,
        /// The unit that turns messages of devices into interrupts, if there is one.
        translation: Option<Window>,
    },
}

/// A system memory management unit (Arm SMMUv3, IHI 0070).
#[derive(Clone, Copy, Debug)]
pub struct Iommu {
    /// Its registers.
    pub window: Window,
    /// The edge-triggered line by which it tells that there are events.
    pub event_line: u16,
    /// How many streams devices have: their numbers are below this.
    pub streams: u32,
    /// The devices that it stands before.
    pub masters: &'static [Master],
    /// What QEMU's `-M` argument needs in addition, so that it is there.
    pub qemu: &'static str,
}

/// A host bridge of PCI Express with its configuration in memory (ECAM, PCI Express 3.0, 7.2.2).
#[derive(Clone, Copy, Debug)]
pub struct HostBridge {
    /// The configuration of all functions, 1 MiB for each bus.
    pub configuration: Window,
    /// Registers of devices, at the same addresses on the bus.
    pub memory: Window,
    /// Ports of devices, from 0 on on the bus.
    pub ports: Window,
    /// The interrupt lines: pin A of device 0, and so on.
    pub lines: [u16; 4],
}

/// A device whose memory accesses pass an [`Iommu`].
#[derive(Clone, Copy, Debug)]
pub struct Master {
    /// Its name among the board's devices.
    pub device: &'static str,
    /// Its first stream.
    pub first: u32,
    /// How many streams it has.
    pub count: u32,
}

impl Iommu {
    /// What it knows of the device of this name, if it stands before that.
    pub fn master(&self, device: &str) -> Option<&Master> {
        self.masters.iter().find(|master| master.device == device)
    }
}

impl Gic {
    /// Size of a core's redistributor: two frames of 64 KiB (IHI 0069, 12.10).
    pub const REDISTRIBUTOR_BYTES: u64 = 0x2_0000;
    /// The first shared peripheral interrupt.
    pub const FIRST_SHARED: u16 = 32;
    /// The first private peripheral interrupt.
    pub const FIRST_PRIVATE: u16 = 16;

    /// All its registers: of each kind, the window.
    pub const fn windows(&self) -> [Window; 4] {
        const NONE: Window = Window { base: 0, size: 0 };
        match self.interface {
            GicInterface::V2 {
                core,
                hypervisor,
                virtual_core,
            } => [self.distributor, core, hypervisor, virtual_core],
            GicInterface::V3 {
                redistributors,
                translation: Some(translation),
            } => [self.distributor, redistributors, translation, NONE],
            GicInterface::V3 {
                redistributors,
                translation: None,
            } => [self.distributor, redistributors, NONE, NONE],
        }
    }
}

/// The private lines of each core's timers (Arm Base System Architecture, "PPI assignments").
pub mod timer {
    /// The secure physical timer: the monitor's.
    pub const SECURE: u16 = 29;
    /// The physical timer.
    pub const PHYSICAL: u16 = 30;
    /// The virtual timer.
    pub const VIRTUAL: u16 = 27;
    /// The hypervisor's timer.
    pub const HYPERVISOR: u16 = 26;
    /// The hypervisor's virtual timer.
    pub const HYPERVISOR_VIRTUAL: u16 = 28;
    /// The virtual interface of the interrupt controller asks for maintenance.
    pub const MAINTENANCE: u16 = 25;
    /// The performance counters overflow.
    pub const PERFORMANCE: u16 = 23;
}

/// What lets the cores behind the boot core begin, on a board that holds them in reset.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// The registers of where each core begins: of each core 64 bits, the low word first.
    pub starts: Window,
    /// The register that holds cores in reset.
    pub reset: Window,
    /// Its bits that hold all cores but the first.
    pub held: u32,
}

/// What a board with 64-bit Arm cores has.
#[derive(Clone, Copy, Debug)]
pub struct Aarch64 {
    /// The interrupt controller.
    pub gic: Gic,
    /// What lets the other cores begin; none where all begin at once.
    pub release: Option<Release>,
    /// The clock of the serial ports in hertz.
    pub uart_clock_hz: u32,
    /// RAM of the normal world that is the monitor's in a system with partitions behind stage 2: their tables and the
    /// vectors of EL2, which that world has to reach.
    pub stage_2: Window,
    /// Of the processors that a manifest can choose, those that have scalable vectors (FEAT_SVE).
    pub scalable_vectors: &'static [&'static str],
    /// How the window of its device `pcie` is divided, if it has one.
    pub host_bridge: Option<HostBridge>,
    /// What can keep the memory accesses of devices apart, if there is something.
    pub iommu: Option<Iommu>,
    /// Of the processors that a manifest can choose, those that have EL2 in the secure world (FEAT_SEL2).
    pub secure_hypervisor: &'static [&'static str],
}
