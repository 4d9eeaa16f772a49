//! What the harts of a board can do, what the monitor drives of it, and what is known of a partition there.

use crate::arch::context::{ENVIRONMENT_STIMECMP, ENVIRONMENT_UPDATE_TABLES};
use crate::arch::controller;
use crate::arch::csr;
use crate::board::{BOARD, Board};
use crate::cores::Core;
use crate::machine::PartitionView;
use partita_abi::table::{self, RegionKind, SystemTable};
use partita_board::{Window, of_package};
use partita_monitor_core::check::Reserved;
use partita_monitor_core::text::Text;
use partita_virtual_riscv64::sbi;

/// What is of this architecture alone in a board.
pub use partita_board::Riscv64 as Details;

/// What the cores of this board can do, found out at boot.
#[derive(Clone, Copy, Default)]
pub struct Features {
    stimecmp: bool,
    /// The bit of `menvcfg` that makes hardware update page tables, if it exists.
    pub update_tables: u64,
    environment: bool,
    /// There is a `time` register; else reading it traps, and the monitor answers.
    pub time: bool,
    /// Smepmp: the monitor's text is read-only.
    pub read_only_text: bool,
}

impl Features {
    /// Finds out what the core can do; leaves it without any environment.
    pub fn find(read_only_text: bool) -> Self {
        let mut features = Self {
            read_only_text,
            time: csr::probe!("time").is_some(),
            ..Self::default()
        };
        if BOARD.architecture.privileged_1_12 && csr::probe!("menvcfg").is_some() {
            features.environment = true;
            csr::write!("menvcfg", ENVIRONMENT_STIMECMP | ENVIRONMENT_UPDATE_TABLES);
            let environment = csr::read!("menvcfg");
            features.stimecmp = environment & ENVIRONMENT_STIMECMP != 0;
            features.update_tables = environment & ENVIRONMENT_UPDATE_TABLES;
            if features.stimecmp() {
                csr::write!("0x14d", u64::MAX);
            }
            csr::write!("menvcfg", 0);
        }
        features
    }

    /// Sstc: supervisor mode has `stimecmp`.
    #[inline(always)]
    pub fn stimecmp(&self) -> bool {
        BOARD.architecture.sstc && self.stimecmp
    }

    /// There are `menvcfg` and `senvcfg` (privileged specification 1.12).
    #[inline(always)]
    pub fn environment(&self) -> bool {
        BOARD.architecture.privileged_1_12 && self.environment
    }

    /// Whether partitions have timers that the monitor has no part in.
    #[inline(always)]
    pub fn own_timers(&self) -> bool {
        self.stimecmp()
    }

    /// Adds what they are to the monitor's first line.
    pub fn describe(&self, line: &mut Text<200>) {
        line.text(", text ").text(if self.read_only_text {
            "read-only"
        } else {
            "writable"
        });
        line.text(if self.stimecmp() {
            ", stimecmp"
        } else {
            ", timer by calls"
        });
    }
}

/// The board whose firmware the package of this name is.
pub const fn board_of_package(package: &str) -> Board {
    match of_package(package).riscv64() {
        Some(board) => board.for_firmware(),
        None => panic!("this firmware is for boards of RISC-V"),
    }
}

/// Where Linux finds its emulated watchdog.
pub fn watchdog() -> u64 {
    BOARD.architecture.watchdog().base
}

/// The highest interrupt line.
pub fn lines() -> u16 {
    BOARD.architecture.controller.lines()
}

/// What no partition may reach.
pub fn reserved() -> [Reserved; 6] {
    let private = BOARD.architecture.controller.private();
    let port = Window {
        base: BOARD.uart.window.base & !0xfff,
        size: 0x1000,
    };
    let windows = [
        port,
        BOARD.architecture.aclint,
        BOARD.finisher.window,
        private[0],
        private[1],
        private[2],
    ];
    windows.map(reserve)
}

/// How many streams of devices the board keeps apart: no IOMMU is driven here.
pub const fn streams() -> u32 {
    0
}

/// There is no stage 2.
pub const fn stage_2_memory() -> Option<Reserved> {
    None
}

/// Whether boards can have an IOMMU that is driven.
pub const BOUNDS_DEVICES: bool = false;

/// Whether by this line an IOMMU tells of what it denied.
pub const fn is_of_iommu(_: u32) -> bool {
    false
}

/// Keeps devices to the memory of their partitions: no table that was believed asks for that.
pub const fn bound_devices(_: &SystemTable<'_>) {}

/// Denies everything to the devices of a partition.
pub const fn hold_devices(_: &Core, _: usize) {}

/// Lets the devices of a partition reach its memory.
pub const fn release_devices(_: &Core, _: usize) {}

/// Tells of what was denied.
pub const fn tell_device_events(_: &mut Core) {}

/// The registers of the interrupt controller of which a partition may reach some.
pub fn reachable_controller() -> Reserved {
    reserve(BOARD.architecture.controller.window())
}

const fn reserve(window: Window) -> Reserved {
    Reserved {
        base: window.base,
        size: window.size,
    }
}

/// Whether each virtual core's protection entries let it reach what its partition owns, and nothing else; if
/// not, the index of one.
pub fn check_protection(table: &SystemTable<'_>) -> Result<(), usize> {
    partita_virtual_riscv64::pmp::check(table, &BOARD.architecture)
}

/// What the mechanism knows of a partition.
pub struct View {
    /// What it owns of the interrupt controller; for partitions whose lines are direct.
    pub filter: Option<controller::Filter>,
}

impl View {
    /// Of nobody.
    pub const EMPTY: Self = Self { filter: None };

    /// Whether the partition reaches some of the interrupt controller itself.
    pub const fn has_lines(&self) -> bool {
        self.filter.is_some()
    }
}

impl PartitionView {
    /// Completes the view of a partition whose places are known; `direct` has the lines that reach it without
    /// the monitor, one bit each.
    pub fn complete(
        &mut self,
        table: &SystemTable<'_>,
        entry: &table::Partition,
        direct: [u32; 32],
    ) {
        let mut regions = table.regions_of(entry).iter();
        if regions.any(|region| region.kind == RegionKind::InterruptController as u8) {
            let places = self.places.get(..self.virtual_cores).unwrap_or_default();
            self.arch.filter = Some(controller::filter(places, direct));
        }
    }

    /// The partition as the SBI knows it.
    #[inline]
    pub fn caller(&self) -> sbi::Caller<'_> {
        // All zero means "not told" (privileged specification 3.1.2 to 3.1.4).
        let identity = sbi::Identity {
            vendor: 0,
            architecture: 0,
            implementation: 0,
        };
        sbi::Caller::new(self.virtual_cores as u32, self.memory(), identity)
    }
}
