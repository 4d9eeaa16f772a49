//! The monitor's own translation: what EL3 reaches, and how.
//!
//! 39-bit addresses with 4 KiB pages, every address translated to itself (DDI 0487, D8). Nothing is both
//! writable and executable, and `SCTLR_EL3.WXN` makes sure of it:
//!
//! | memory | how |
//! |---|---|
//! | the monitor's text and read-only data, in flash | read, execute |
//! | the rest of the flash: the table and the store | read |
//! | the first 2 MiB of secure RAM: data, stacks | read, write; the page below each stack is not there |
//! | the rest of secure RAM | read, write |
//! | devices | read, write; device memory |
//! | normal RAM | read, write, as memory of the non-secure world |
//!
//! The first three are in pages, everything else is in blocks of 2 MiB and 1 GiB.

use crate::arch::register::{read, synchronize, write};
use core::arch::asm;
use core::cell::UnsafeCell;
use partita_board::Window;

const ENTRIES: usize = 512;
const PAGE: u64 = 0x1000;
/// Bytes of a block of level 2.
pub const BLOCK: u64 = 0x20_0000;
/// Bytes of a block of level 1.
const GIGABYTE: u64 = 0x4000_0000;

/// Fields of a descriptor (D8.3).
mod descriptor {
    pub const TABLE_OR_PAGE: u64 = 0b11;
    pub const BLOCK: u64 = 0b01;
    pub const DEVICE: u64 = 1 << 2;
    pub const NON_SECURE: u64 = 1 << 5;
    /// `AP[1]`, which reads as one at EL3.
    pub const ALWAYS: u64 = 1 << 6;
    pub const READ_ONLY: u64 = 1 << 7;
    pub const INNER_SHAREABLE: u64 = 3 << 8;
    pub const ACCESSED: u64 = 1 << 10;
    pub const NEVER_EXECUTE: u64 = 1 << 54;
}

/// `MAIR_EL3`: attribute 0 is write-back memory, attribute 1 device memory without gathering and reordering.
const ATTRIBUTES: u64 = 0x04_ff;
/// `TCR_EL3`: 39 bits, 4 KiB pages, tables in write-back inner-shareable memory; bits 31 and 23 read as one.
const CONTROL: u64 = 1 << 31 | 1 << 23 | 3 << 12 | 1 << 10 | 1 << 8 | (64 - 39);
/// `SCTLR_EL3`: translation, caches, stack alignment, and no execution of what is writable; bits 29, 28, 23,
/// 22, 18, 16, 11, 5 and 4 read as one in the first version of the architecture.
const SYSTEM_CONTROL: u64 = 0x30c5_0830 | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19;

/// What memory is like.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Instructions.
    Text,
    /// Read only.
    ReadOnly,
    /// Read and written.
    Data,
    /// Read and written, of the non-secure world.
    NormalWorld,
    /// Registers of devices.
    Device,
}

impl Kind {
    const fn bits(self) -> u64 {
        use descriptor::{
            ACCESSED, ALWAYS, DEVICE, INNER_SHAREABLE, NEVER_EXECUTE, NON_SECURE, READ_ONLY,
        };
        let memory = ALWAYS | ACCESSED | INNER_SHAREABLE;
        match self {
            Self::Text => memory | READ_ONLY,
            Self::ReadOnly => memory | READ_ONLY | NEVER_EXECUTE,
            Self::Data => memory | NEVER_EXECUTE,
            Self::NormalWorld => memory | NEVER_EXECUTE | NON_SECURE,
            Self::Device => ALWAYS | ACCESSED | DEVICE | NEVER_EXECUTE,
        }
    }
}

#[repr(C, align(4096))]
struct Table([u64; ENTRIES]);

impl Table {
    const EMPTY: Self = Self([0; ENTRIES]);
}

/// The tables: of level 1, of level 2 for the first gigabyte, and of level 3 for the monitor's text and data.
struct Tables {
    first: Table,
    second: Table,
    text: Table,
    data: Table,
}

/// A place for the tables.
struct Place(UnsafeCell<Tables>);

// SAFETY: written by the boot core before any other core runs Rust code and while no core translates, then
// only by the boot core for memory that no core has reached yet (`map_memory`); read by the hardware.
unsafe impl Sync for Place {}

static TABLES: Place = Place(UnsafeCell::new(Tables {
    first: Table::EMPTY,
    second: Table::EMPTY,
    text: Table::EMPTY,
    data: Table::EMPTY,
}));

/// Where the monitor and what it drives are.
pub struct Map {
    /// The flash with the system image.
    pub flash: Window,
    /// The monitor's text and read-only data in it.
    pub text: Window,
    /// The monitor's own RAM: one block.
    pub data: Window,
    /// The secure RAM that programs have.
    pub programs: Window,
    /// The devices that the monitor drives; empty windows where there are fewer.
    pub devices: [Window; 7],
    /// The pages that are not there: the first one, the distance to the next, and how many.
    pub guards: (u64, u64, usize),
}

/// Writes the tables. Flash, secure RAM and devices lie in the first gigabyte, and the first two of them start
/// with a block.
///
/// # Safety
/// Called once, by the boot core, before any core translates.
pub unsafe fn prepare(map: &Map) {
    // SAFETY: the caller's promise: nobody else uses the tables.
    let tables = unsafe { &mut *TABLES.0.get() };
    let table_at = |table: &Table| core::ptr::from_ref(table) as u64 | descriptor::TABLE_OR_PAGE;
    tables.first.0[0] = table_at(&tables.second);
    let second = &mut tables.second.0;
    fill(second, map.flash, Kind::ReadOnly);
    fill(second, map.programs, Kind::Data);
    for device in map.devices {
        fill(second, device, Kind::Device);
    }
    let text_block = (map.flash.base / BLOCK) as usize % ENTRIES;
    let data_block = (map.data.base / BLOCK) as usize % ENTRIES;
    second[text_block] = table_at(&tables.text);
    second[data_block] = table_at(&tables.data);
    let text_end = map.text.base.wrapping_add(map.text.size);
    for (page, place) in tables.text.0.iter_mut().enumerate() {
        let address = map.flash.base.wrapping_add(page as u64 * PAGE);
        let is_text = address >= map.text.base && address < text_end;
        let kind = if is_text { Kind::Text } else { Kind::ReadOnly };
        *place = address | kind.bits() | descriptor::TABLE_OR_PAGE;
    }
    for (page, place) in tables.data.0.iter_mut().enumerate() {
        let address = map.data.base.wrapping_add(page as u64 * PAGE);
        *place = address | Kind::Data.bits() | descriptor::TABLE_OR_PAGE;
    }
    let (first, stride, count) = map.guards;
    for number in 0..count {
        let guard = first.wrapping_add(stride.wrapping_mul(number as u64));
        let page = guard.wrapping_sub(map.data.base) / PAGE;
        if let Some(place) = tables.data.0.get_mut(page as usize) {
            *place = 0;
        }
    }
}

/// Fills the blocks of a range in the table of the first gigabyte.
fn fill(second: &mut [u64; ENTRIES], range: Window, kind: Kind) {
    let end = range.base.saturating_add(range.size);
    for (number, place) in second.iter_mut().enumerate() {
        let address = number as u64 * BLOCK;
        if range.size != 0 && address.wrapping_add(BLOCK) > range.base && address < end {
            *place = address | kind.bits() | descriptor::BLOCK;
        }
    }
}

/// Lets the monitor reach normal RAM, in whole gigabytes above the first one.
///
/// # Safety
/// Called by the boot core, before any partition runs; `range` is memory of the board's normal world.
pub unsafe fn map_normal_ram(range: Window) {
    // SAFETY: the caller's promise: no other core writes, and the hardware finds either the old entry, which
    // leads nowhere, or the new one (D8.17.1: an invalid entry is not kept in a TLB).
    let tables = unsafe { &mut *TABLES.0.get() };
    let end = range.base.saturating_add(range.size);
    for (number, place) in tables.first.0.iter_mut().enumerate().skip(1) {
        let address = number as u64 * GIGABYTE;
        if address.wrapping_add(GIGABYTE) > range.base && address < end {
            *place = address | Kind::NormalWorld.bits() | descriptor::BLOCK;
        }
    }
    // SAFETY: a barrier: the entries are written before anything is reached by them.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) };
}

/// Lets the monitor reach a device in the first gigabyte.
///
/// # Safety
/// Called by the boot core, before any partition runs; `range` is a device of the board.
pub unsafe fn map_device(range: Window) {
    // SAFETY: as in `map_normal_ram`.
    let tables = unsafe { &mut *TABLES.0.get() };
    let end = range.base.saturating_add(range.size);
    for (number, place) in tables.second.0.iter_mut().enumerate() {
        let address = number as u64 * BLOCK;
        if *place == 0 && address.wrapping_add(BLOCK) > range.base && address < end {
            *place = address | Kind::Device.bits() | descriptor::BLOCK;
        }
    }
    // SAFETY: a barrier: the entries are written before anything is reached by them.
    unsafe { asm!("dsb ishst", "isb", options(nostack, preserves_flags)) };
}

/// Switches translation and caches on, on the calling core.
///
/// # Safety
/// [`prepare`] has been called, and the tables map what this core runs and stands on.
pub unsafe fn enable() {
    let physical_size = read!("id_aa64mmfr0_el1") & 7;
    write!("mair_el3", ATTRIBUTES);
    write!("tcr_el3", CONTROL | physical_size << 16);
    write!("ttbr0_el3", (&raw const TABLES) as u64);
    // SAFETY: the caller's promise: the address of everything in use stays what it is.
    unsafe {
        asm!(
            "dsb sy",
            "tlbi alle3",
            "ic iallu",
            "dsb sy",
            "isb",
            "msr sctlr_el3, {control}",
            "isb",
            control = in(reg) SYSTEM_CONTROL,
            options(nostack)
        );
    }
}

/// Forgets what this core translated for the virtual cores of the secure world.
#[inline]
pub fn forget_secure() {
    // SAFETY: only translations of lower levels of the state in `SCR_EL3`, which is the secure one between
    // partitions, are forgotten.
    unsafe {
        asm!(
            "tlbi alle1",
            "dsb nsh",
            "isb",
            options(nostack, preserves_flags)
        )
    };
}

/// Forgets what the branch predictor of this core learnt, on a core where switching translation off and on does that:
/// of Cortex-A57 and A72 that is the documented way (Arm, "Cache Speculation Side-channels", firmware interfaces).
pub fn forget_branches() {
    // SAFETY: every address is translated to itself, and no data is accessed in between.
    unsafe {
        asm!(
            "mrs {on}, sctlr_el3",
            "bic {off}, {on}, #1",
            "msr sctlr_el3, {off}",
            "isb",
            "msr sctlr_el3, {on}",
            "isb",
            on = out(reg) _,
            off = out(reg) _,
            options(nostack, preserves_flags)
        );
    }
}

/// Makes instructions that were written visible to all cores.
pub fn forget_instructions() {
    // SAFETY: only what is cached is forgotten.
    unsafe {
        asm!(
            "dsb ish",
            "ic ialluis",
            "dsb ish",
            "isb",
            options(nostack, preserves_flags)
        )
    };
    synchronize();
}
