//! What is driven of a board with Arm cores, and what is known of a partition there.

use crate::arch::breakpoints;
use crate::arch::context::{Shape, Switched};
use crate::arch::register::{field, read, secure_configuration as scr, synchronize, write};
use crate::arch::secure_hypervisor;
use crate::arch::stage_2;
use crate::board::{BOARD, Board};
use crate::machine::{NO_DEVICE, PartitionView};
use crate::report;
use core::arch::asm;
use partita_abi::MAX_CORES;
use partita_abi::table::{self, SystemTable};
use partita_board::{Window, of_package, timer};
use partita_monitor_core::check::Reserved;
use partita_monitor_core::text::Text;
use partita_virtual_aarch64::caller::Caller;
use partita_virtual_aarch64::gic::Owned;
use partita_virtual_aarch64::smc::Mitigations;

/// What is of this architecture alone in a board.
pub use partita_board::Aarch64 as Details;

/// What the cores of this board can do, found out at boot.
#[derive(Clone, Copy)]
pub struct Features {
    /// What partitions in the secure world may do.
    pub secure: Switched,
    /// What partitions in the normal world may do.
    pub normal: Switched,
    /// What callers are told of workarounds.
    pub mitigations: Mitigations,
    /// There are scalable vectors.
    pub scalable_vectors: bool,
    /// There are scalable matrices.
    pub scalable_matrices: bool,
}

/// Bits of `CPTR_EL3` (DDI 0487, D24.2.33).
pub mod coprocessors {
    /// Scalable vectors do not trap.
    pub const SCALABLE_VECTORS: u64 = 1 << 8;
    /// Floating point and vectors trap.
    pub const TRAP_FLOATING_POINT: u64 = 1 << 10;
    /// Scalable matrices do not trap.
    pub const SCALABLE_MATRICES: u64 = 1 << 12;
    /// Trace registers trap.
    pub const TRAP_TRACE: u64 = 1 << 20;
    /// Activity monitors trap.
    pub const TRAP_ACTIVITY_MONITORS: u64 = 1 << 30;
}

/// Bits of `MDCR_EL3` (D24.3.17).
mod debug {
    pub const TRAP_COUNTERS: u64 = 1 << 6;
    pub const COUNTERS_2: u64 = 1 << 7;
    pub const TRAP_DEBUG: u64 = 1 << 9;
    pub const TRAP_LOCK: u64 = 1 << 10;
    pub const PROFILING_NORMAL: u64 = 3 << 12;
    pub const NO_SECURE_DEBUG_32: u64 = 2 << 14;
    pub const NO_SECURE_DEBUG: u64 = 1 << 16;
    pub const TRAP_TRACE_FILTER: u64 = 1 << 19;
    pub const SECURE_CYCLES_NOT_COUNTED: u64 = 1 << 23;
    pub const TRACE_BUFFER_NORMAL: u64 = 3 << 24;
    pub const THREAD_COUNTERS: u64 = 1 << 28;
    pub const BRANCH_RECORDS_NORMAL: u64 = 1 << 32;
    pub const EL3_CYCLES_NOT_COUNTED: u64 = 1 << 34;
    pub const PROFILING_FILTER: u64 = 1 << 36;
    pub const MORE_BREAKPOINTS: u64 = 1 << 43;
}

impl Features {
    /// Finds out what the calling core can do (D24.2, identification registers).
    pub fn find() -> Self {
        let normal = normal_coprocessors();
        let normal = Switched {
            configuration: normal_configuration(),
            coprocessors: normal,
            // What starts streaming mode traps too: it clears the registers.
            without_floats: normal & !coprocessors::SCALABLE_MATRICES
                | coprocessors::TRAP_FLOATING_POINT,
            debug: normal_debug(),
        };
        // What no switch saves is out of reach: scalable vectors and matrices, trace, activity monitors.
        let trapped = coprocessors::TRAP_TRACE | coprocessors::TRAP_ACTIVITY_MONITORS;
        let secure = Switched {
            configuration: scr::ALWAYS
                | scr::FIQ
                | scr::EXTERNAL_ABORTS
                | scr::SECURE_FETCH
                | scr::AARCH64,
            coprocessors: trapped,
            without_floats: trapped | coprocessors::TRAP_FLOATING_POINT,
            // And counters and debug registers are. Buffers of profiles and traces stay the normal world's: they are
            // written as its translation says, whoever runs.
            debug: normal.debug & (debug::PROFILING_NORMAL | debug::TRACE_BUFFER_NORMAL)
                | debug::TRAP_COUNTERS
                | debug::TRAP_DEBUG
                | debug::TRAP_LOCK
                | debug::TRAP_TRACE_FILTER
                | debug::NO_SECURE_DEBUG
                | debug::NO_SECURE_DEBUG_32
                | debug::SECURE_CYCLES_NOT_COUNTED
                | debug::EL3_CYCLES_NOT_COUNTED,
        };
        Self {
            secure,
            normal,
            mitigations: mitigations(),
            scalable_vectors: normal.coprocessors & coprocessors::SCALABLE_VECTORS != 0,
            scalable_matrices: normal.coprocessors & coprocessors::SCALABLE_MATRICES != 0,
        }
    }

    /// Whether partitions have timers that the monitor has no part in.
    #[inline(always)]
    #[expect(clippy::unused_self, reason = "other architectures find it out")]
    pub const fn own_timers(&self) -> bool {
        false
    }

    /// Adds what they are to the monitor's first line.
    pub fn describe(&self, line: &mut Text<200>) {
        if BOARD.secure.is_some() {
            line.text(", TrustZone");
        }
        line.text(", text read-only");
        if self.scalable_vectors {
            line.text(", SVE");
        }
        if self.scalable_matrices {
            line.text(", SME");
        }
    }
}

/// `SCR_EL3` of the normal world: whatever its identification registers show does not trap.
fn normal_configuration() -> u64 {
    let processor_0 = read!("id_aa64pfr0_el1");
    let processor_1 = read!("id_aa64pfr1_el1");
    let processor_2 = read!("s3_0_c0_c4_2");
    let instructions_1 = read!("id_aa64isar1_el1");
    let instructions_2 = read!("id_aa64isar2_el1");
    let memory_0 = read!("id_aa64mmfr0_el1");
    let memory_1 = read!("id_aa64mmfr1_el1");
    let memory_3 = read!("s3_0_c0_c7_3");
    let mut bits = scr::NON_SECURE
        | scr::FIQ
        | scr::EXTERNAL_ABORTS
        | scr::ALWAYS
        | scr::HYPERVISOR_CALLS
        | scr::SECURE_FETCH
        | scr::AARCH64;
    let has_keys = field(instructions_1, 4) | field(instructions_1, 8) | field(instructions_2, 12);
    let mut add = |exists: bool, bit: u64| bits |= if exists { bit } else { 0 };
    add(has_keys != 0, scr::KEYS | scr::AUTHENTICATION);
    let speculation = field(processor_0, 56);
    let speculation_fraction = field(processor_1, 32);
    add(
        speculation >= 2 || speculation == 1 && speculation_fraction >= 2,
        scr::CONTEXT_NUMBERS,
    );
    add(field(processor_1, 8) >= 2, scr::TAGS);
    add(field(memory_0, 56) >= 1, scr::FINE_GRAINED_TRAPS);
    add(field(memory_0, 56) >= 2, scr::FINE_GRAINED_TRAPS_2);
    add(field(memory_0, 60) >= 2, scr::COUNTER_OFFSET);
    add(field(processor_0, 44) >= 2, scr::ACTIVITY_OFFSETS);
    add(field(instructions_1, 60) >= 2, scr::STORE_64);
    add(field(instructions_1, 60) >= 3, scr::ACCELERATOR_DATA);
    add(field(memory_1, 40) >= 1, scr::EXTENDED_HYPERVISOR);
    add(field(processor_1, 44) >= 1, scr::GUARDED_STACKS);
    add(field(processor_1, 24) >= 1, scr::THREAD_POINTER_2);
    add(field(processor_1, 48) >= 1, scr::READ_CHECK_WRITE);
    add(field(memory_3, 0) >= 1, scr::TRANSLATION_2);
    add(field(memory_3, 4) >= 1, scr::CONTROL_2);
    add(
        field(memory_3, 8) | field(memory_3, 12) | field(memory_3, 16) | field(memory_3, 20) != 0,
        scr::PERMISSION_INDIRECTION,
    );
    add(field(memory_3, 24) >= 1, scr::ATTRIBUTES_2);
    add(field(memory_3, 32) >= 1, scr::REGISTERS_128);
    add(field(processor_2, 32) >= 1, scr::FLOAT_MODE);
    bits
}

/// `CPTR_EL3` of the normal world.
fn normal_coprocessors() -> u64 {
    let mut bits = 0;
    if field(read!("id_aa64pfr0_el1"), 32) != 0 {
        bits |= coprocessors::SCALABLE_VECTORS;
    }
    if field(read!("id_aa64pfr1_el1"), 24) != 0 {
        bits |= coprocessors::SCALABLE_MATRICES;
    }
    bits
}

/// `MDCR_EL3` of the normal world: its own debug registers and counters, and nothing about the secure one.
fn normal_debug() -> u64 {
    let features = read!("id_aa64dfr0_el1");
    let mut bits = debug::NO_SECURE_DEBUG | debug::NO_SECURE_DEBUG_32;
    let counters = field(features, 8);
    if counters != 0xf && counters >= 6 {
        bits |= debug::SECURE_CYCLES_NOT_COUNTED;
    }
    if counters != 0xf && counters >= 7 {
        bits |= debug::EL3_CYCLES_NOT_COUNTED;
    }
    if counters != 0xf && counters >= 9 {
        bits |= debug::COUNTERS_2;
    }
    if field(features, 0) >= 0xb {
        bits |= debug::MORE_BREAKPOINTS;
    }
    if field(features, 32) != 0 {
        bits |= debug::PROFILING_NORMAL;
    }
    if field(features, 32) >= 3 {
        bits |= debug::PROFILING_FILTER;
    }
    if field(features, 44) != 0 {
        bits |= debug::TRACE_BUFFER_NORMAL;
    }
    if field(features, 48) == 1 {
        bits |= debug::THREAD_COUNTERS;
    }
    if field(features, 52) != 0 {
        bits |= debug::BRANCH_RECORDS_NORMAL;
    }
    bits
}

/// What callers may be told about workarounds and entropy.
fn mitigations() -> Mitigations {
    // Cortex-A57 and A72, as `MIDR_EL1` tells them.
    const MISLED: [u64; 2] = [0x4100_d070, 0x4100_d080];
    let is_misled = MISLED.contains(&(read!("midr_el1") & 0xff00_fff0));
    Mitigations {
        // `CSV2`: later revisions do not predict branches across contexts.
        branch_predictor: is_misled && field(read!("id_aa64pfr0_el1"), 56) == 0,
        loads_in_order: is_misled,
        entropy: field(read!("id_aa64isar0_el1"), 60) != 0,
    }
}

/// Keeps loads of this core from bypassing stores, where that can be misled and has a switch: `CPUACTLR_EL1`, bit 55, of
/// Cortex-A57 and A72.
pub fn order_loads(mitigations: Mitigations) {
    if mitigations.loads_in_order {
        write!("s3_1_c15_c2_0", read!("s3_1_c15_c2_0") | 1 << 55);
        synchronize();
    }
}

/// Entropy from the core's own source (`RNDRRS`, D24.2.134), which the caller has made sure of. None if there is none now.
pub fn random() -> Option<u64> {
    let value: u64;
    let is_missing: u64;
    // SAFETY: reading the register has no effect but on the flags, of which Z says that there was nothing.
    unsafe {
        asm!(
            "mrs {value}, s3_3_c2_c4_1",
            "cset {missing}, eq",
            value = out(reg) value,
            missing = out(reg) is_missing,
            options(nomem, nostack)
        );
    }
    (is_missing == 0).then_some(value)
}

/// The board whose firmware the package of this name is.
pub const fn board_of_package(package: &str) -> Board {
    match of_package(package).aarch64() {
        Some(board) => board.for_firmware(),
        None => panic!("this firmware is for boards of Arm"),
    }
}

/// Where Linux finds an emulated watchdog: nowhere, as its accesses do not trap.
pub const fn watchdog() -> u64 {
    NO_DEVICE
}

/// The highest interrupt line.
pub fn lines() -> u16 {
    BOARD.architecture.gic.lines
}

/// What no partition may reach.
pub fn reserved() -> [Reserved; 10] {
    const NONE: Window = Window { base: 0, size: 0 };
    let (flash, monitor, images) = match BOARD.secure {
        Some(secure) => (
            secure.flash,
            secure.monitor,
            secure.images_device.unwrap_or(NONE),
        ),
        // All else of the monitor's is at the start of RAM, below the store.
        None => match BOARD.architecture.release {
            Some(release) => (release.starts, release.reset, NONE),
            None => (NONE, NONE, NONE),
        },
    };
    let port = Window {
        base: BOARD.uart.window.base & !0xfff,
        size: 0x1000,
    };
    let gic = BOARD.architecture.gic.windows();
    let windows = [
        port,
        BOARD.finisher.window,
        flash,
        monitor,
        images,
        gic[0],
        gic[1],
        gic[2],
        gic[3],
        BOARD.architecture.iommu.map_or(NONE, |iommu| iommu.window),
    ];
    windows.map(reserve)
}

/// How many streams of devices the board keeps apart.
pub fn streams() -> u32 {
    BOARD.architecture.iommu.map_or(0, |iommu| iommu.streams)
}

/// RAM that is the monitor's if partitions are behind stage 2.
pub fn stage_2_memory() -> Option<Reserved> {
    Some(reserve(BOARD.architecture.stage_2))
}

/// Whether boards can have an IOMMU that is driven.
pub const BOUNDS_DEVICES: bool = true;

/// Whether by this line an IOMMU tells of what it denied.
pub fn is_of_iommu(line: u32) -> bool {
    let iommu = BOARD.architecture.iommu;
    iommu.is_some_and(|iommu| u32::from(iommu.event_line) == line)
}

pub use crate::arch::smmu::{
    bound as bound_devices, hold as hold_devices, release as release_devices,
    tell as tell_device_events,
};

/// The registers of the interrupt controller of which a partition may reach some: it separates the worlds itself.
pub fn reachable_controller() -> Reserved {
    reserve(Window { base: 0, size: 0 })
}

const fn reserve(window: Window) -> Reserved {
    Reserved {
        base: window.base,
        size: window.size,
    }
}

/// Whether partitions are kept apart as was planned: by what the core has, and so that whoever shares a core has only what
/// is switched there.
pub fn check_protection(table: &SystemTable<'_>) -> Result<(), usize> {
    if table.header.secure_stage_2 != 0 && !secure_hypervisor::exists() {
        report::fatal("the system needs cores with EL2 in the secure world");
    }
    let is = |shape: Shape| move |entry: &table::Partition| Shape::of(entry) == shape;
    let has_hypervisor = table.partitions.iter().any(is(Shape::Hypervisor));
    let has_guests = table.partitions.iter().any(is(Shape::Guest));
    if has_hypervisor && (has_guests || table.partitions.iter().any(is(Shape::Program))) {
        report::fatal("EL2 cannot be Linux's and the monitor's in one system");
    }
    for (index, core) in table.virtual_cores.iter().enumerate() {
        let is_guest = |core: &table::VirtualCore| {
            let owner = table.partitions.get(usize::from(core.partition));
            owner.is_some_and(is(Shape::Guest))
        };
        let mut before = table.virtual_cores.iter().take(index);
        let shares =
            is_guest(core) && before.any(|other| other.core == core.core && is_guest(other));
        if shares && !is_all_switched() {
            return Err(index);
        }
    }
    Ok(())
}

/// Whether all that a Linux has on a core is switched to another one: keys, scalable vectors and matrices are not.
fn is_all_switched() -> bool {
    let configuration = normal_configuration();
    let more = scr::KEYS | scr::TRANSLATION_2 | scr::PERMISSION_INDIRECTION | scr::TAGS;
    normal_coprocessors() == 0 && configuration & more == 0 && breakpoints::are_as_expected()
}

/// What the mechanism knows of a partition.
pub struct View {
    affinities: [u64; MAX_CORES],
    has_lines: bool,
    /// What translates it.
    pub root: stage_2::Root,
    /// What it owns of the interrupt controller, if the monitor filters its accesses.
    pub owned: Owned,
    /// Its virtual cores that have no other Linux behind stage 2 on their core, one bit each.
    pub alone: u32,
}

impl View {
    /// Of nobody.
    pub const EMPTY: Self = Self {
        affinities: [0; MAX_CORES],
        has_lines: false,
        root: stage_2::Root::NONE,
        owned: Owned::NOTHING,
        alone: 0,
    };

    /// Whether the partition reaches some of the interrupt controller itself.
    pub const fn has_lines(&self) -> bool {
        self.has_lines
    }
}

impl PartitionView {
    /// Completes the view of a partition whose places are known, and which owns these lines.
    pub fn complete(
        &mut self,
        table: &SystemTable<'_>,
        entry: &table::Partition,
        lines: [u32; 32],
    ) {
        let shape = Shape::of(entry);
        let places = self.places.iter().take(self.virtual_cores);
        for (number, (affinity, place)) in self.arch.affinities.iter_mut().zip(places).enumerate() {
            *affinity = if shape.has_stage_2() {
                number as u64
            } else {
                u64::from(place.core)
            };
        }
        self.arch.has_lines = !self.is_program;
        if shape == Shape::Guest {
            self.own_lines(table, lines);
        }
        // SAFETY: views are made by the boot core, once, before it makes the machine known.
        self.arch.root = unsafe { stage_2::prepare(table, entry, self.index) };
    }

    /// Decides what a Linux behind stage 2 owns of the interrupt controller: its devices' lines, and of each core's the
    /// software interrupts and the timers that are for it.
    fn own_lines(&mut self, table: &SystemTable<'_>, lines: [u32; 32]) {
        const SOFTWARE: u32 = 0xff;
        const TIMERS: u32 = 1 << timer::VIRTUAL | 1 << timer::PHYSICAL;
        let mut lines = lines;
        lines[0] = SOFTWARE | TIMERS;
        let mut cores = [0; MAX_CORES];
        for (core, place) in cores.iter_mut().zip(&self.places) {
            *core = place.core;
        }
        let cores = cores.get(..self.virtual_cores).unwrap_or_default();
        self.arch.owned = Owned::new(lines, cores);
        for (number, core) in cores.iter().enumerate() {
            let mut on_core = table.virtual_cores.iter().filter(|other| {
                let owner = table.partitions.get(usize::from(other.partition));
                other.core == u16::from(*core)
                    && owner.is_some_and(|owner| Shape::of(owner) == Shape::Guest)
            });
            // The first one is itself.
            if on_core.nth(1).is_none() {
                self.arch.alone |= 1_u32.wrapping_shl(number as u32);
            }
        }
    }

    /// The partition as its calls are judged, made by its virtual core `own`.
    #[inline]
    pub fn caller(&self, own: usize) -> Caller<'_> {
        let affinities = self.arch.affinities.get(..self.virtual_cores);
        let caller = Caller::new(self.memory(), affinities.unwrap_or_default(), own as u32);
        caller.with_own_port(!self.is_program && self.uart == NO_DEVICE)
    }
}
