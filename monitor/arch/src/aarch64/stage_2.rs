//! Stage 2: what translates the partitions for which EL2 is the monitor's, in either world.
//!
//! The tables are made once, at boot, from the system table. Those of the normal world are in memory that this world
//! reaches, since its walks do; nobody's table leads there.

use crate::arch::context::Shape;
use crate::arch::controller;
use crate::arch::hypervisor;
use crate::arch::register::{read, write};
use crate::arch::secure_hypervisor;
use crate::arch::translation;
use crate::board::BOARD;
use crate::report;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use partita_abi::MAX_PARTITIONS;
use partita_abi::table::{self, RegionKind, SystemTable};
use partita_virtual_aarch64::stage_2::{Exception, Kind, Range, Refusal, Table, Tables};

/// Tables of a partition: the first one, of blocks for three gigabytes, and of pages for both ends of its memory and for
/// four blocks with devices.
const EACH: usize = 10;

/// The first table leads nowhere: it is what a program of the secure world finds of the normal one.
const COUNT: usize = 1 + EACH * MAX_PARTITIONS;

/// A place for tables.
struct Place(UnsafeCell<MaybeUninit<[Table; COUNT]>>);

// SAFETY: written by the boot core alone, before it makes the machine known to the others (`prepare`); then read by
// the hardware.
unsafe impl Sync for Place {}

/// Not cleared at boot: only in systems that use it.
#[unsafe(link_section = ".uninitialised")]
static TABLES: Place = Place(UnsafeCell::new(MaybeUninit::uninit()));

/// Tables that the walks of one world can read.
struct Pool {
    used: AtomicUsize,
}

/// Those of the secure world.
static SECURE: Pool = Pool {
    used: AtomicUsize::new(0),
};
/// Those in memory of the normal world.
static NORMAL: Pool = Pool {
    used: AtomicUsize::new(0),
};

impl Pool {
    /// The tables of this pool, cleared before their first use.
    ///
    /// # Safety
    /// Called by the boot core, before other cores know of the machine; what an earlier call returned is not used.
    unsafe fn tables(&self, place: *mut Table) -> Tables<'static> {
        if self.used.load(Relaxed) == 0 {
            // SAFETY: the caller's promise, and memory of so many tables.
            unsafe { place.write_bytes(0, COUNT) };
            self.used.store(1, Relaxed);
        }
        // SAFETY: as above; zero is a table.
        let all = unsafe { core::slice::from_raw_parts_mut(place, COUNT) };
        Tables::new(all, self.used.load(Relaxed))
    }
}

/// What translates a partition: nothing, or tables.
#[derive(Clone, Copy, Default)]
pub struct Root {
    /// `VSTTBR_EL2`: the first table of a program in the secure world; else 0.
    pub secure: u64,
    /// `VTTBR_EL2`: the partition's number, and its first table; for a program in the secure world a table that leads
    /// nowhere, for what it takes for the normal world.
    pub normal: u64,
}

impl Root {
    /// Nothing.
    pub const NONE: Self = Self {
        secure: 0,
        normal: 0,
    };
}

/// Makes the tables of a partition.
///
/// # Safety
/// Called by the boot core, before other cores know of the machine, once for each partition.
pub unsafe fn prepare(table: &SystemTable<'_>, entry: &table::Partition, number: usize) -> Root {
    let shape = Shape::of(entry);
    let is_secure = match shape {
        Shape::Secure => {
            if !secure_hypervisor::HERE || table.header.secure_stage_2 == 0 {
                return Root::NONE;
            }
            true
        }
        Shape::Hypervisor => return Root::NONE,
        Shape::Program | Shape::Guest => false,
    };
    let (pool, place) = if is_secure {
        (&SECURE, TABLES.0.get().cast::<Table>())
    } else {
        let window = BOARD.architecture.stage_2;
        // SAFETY: the boot core, before partitions run; RAM of the normal world that is the monitor's.
        let place = unsafe {
            translation::map_normal_ram(window);
            hypervisor::write_vectors(window.base);
            (window.base as *mut Table).add(1)
        };
        (&NORMAL, place)
    };
    // SAFETY: the caller's promise.
    let mut tables = unsafe { pool.tables(place) };
    let Ok(root) = open(&mut tables, table, entry, shape) else {
        report::fatal("a partition's memory and devices need more stage-2 tables than there are");
    };
    pool.used.store(tables.used(), Relaxed);
    // SAFETY: a barrier: the tables are written before anything is translated by them.
    unsafe { asm!("dsb ishst", options(nostack, preserves_flags)) };
    let own = tables.address(root);
    let identifier = (number as u64).wrapping_add(1) << 48;
    if is_secure {
        Root {
            secure: own,
            normal: tables.address(0) | identifier,
        }
    } else {
        Root {
            secure: 0,
            normal: own | identifier,
        }
    }
}

/// Opens the regions of a partition.
fn open(
    tables: &mut Tables<'_>,
    table: &SystemTable<'_>,
    entry: &table::Partition,
    shape: Shape,
) -> Result<usize, Refusal> {
    let root = tables.begin()?;
    for region in table.regions_of(entry) {
        let kind = if region.kind == RegionKind::Ram as u8 {
            Kind::Memory
        } else {
            Kind::Device
        };
        let range = Range {
            base: region.base,
            output: region.base,
            size: region.size,
            rights: region.rights,
            kind,
        };
        tables.open(root, range)?;
    }
    if let Some(range) = controller::interface_of(shape) {
        tables.open(root, range)?;
    }
    Ok(root)
}

/// What was taken to EL2, as if it had come to EL3.
pub fn exception() -> Exception {
    write!("elr_el3", read!("elr_el2"));
    write!("spsr_el3", read!("spsr_el2"));
    Exception {
        syndrome: read!("esr_el2"),
        address: read!("far_el2"),
        page: read!("hpfar_el2"),
    }
}

/// Whether such an exception has not been answered, by the state in which a program was left: an interrupt of the
/// monitor's came first. Then the program does again what led to it.
pub fn undo(status: &mut u64, counter: &mut u64) {
    /// In `SPSR_EL3`: EL2.
    const LEVEL: u64 = 3 << 2;
    const LEVEL_2: u64 = 2 << 2;
    if *status & LEVEL == LEVEL_2 {
        *status = read!("spsr_el2");
        *counter = read!("elr_el2");
    }
}
