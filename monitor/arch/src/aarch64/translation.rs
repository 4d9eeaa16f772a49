//! The monitor's own translation: what EL3 reaches, and how.
//!
//! 39-bit addresses with 4 KiB pages, every address translated to itself (DDI 0487, D8). Nothing is both
//! writable and executable, and `SCTLR_EL3.WXN` makes sure of it:
//!
//! | memory | how |
//! |---|---|
//! | the monitor's text and read-only data, at the start of the image | read, execute |
//! | the rest of the image: the table and, in flash, the store | read |
//! | the monitor's data and stacks | read, write; the page below each stack is not there |
//! | the rest of secure RAM | read, write |
//! | devices | read, write; device memory |
//! | normal RAM, with the store on a board whose image is there | read, write, as memory of the non-secure world |
//!
//! The first 2 MiB of the image and of the data are in pages, everything else is in blocks of 2 MiB and 1 GiB.

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

    /// What leads to it.
    fn entry(&self) -> u64 {
        core::ptr::from_ref(self) as u64 | descriptor::TABLE_OR_PAGE
    }
}

/// Gigabytes that may hold devices beside other things.
const GIGABYTES: usize = 3;

/// The tables: of level 1, of level 2 for some gigabytes, and of level 3 for the monitor's text and data.
struct Tables {
    first: Table,
    second: [Table; GIGABYTES],
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
    second: [Table::EMPTY; GIGABYTES],
    text: Table::EMPTY,
    data: Table::EMPTY,
}));

/// Where the monitor and what it drives are; empty windows where there is less.
pub struct Map {
    /// The memory with the system image, as far as it is only read. It starts with a block.
    pub image: Window,
    /// The monitor's text and read-only data in its first block.
    pub text: Window,
    /// The monitor's own RAM, in one block.
    pub data: Window,
    /// RAM in the block of the image or of the data that the normal world reaches too.
    pub shared: Window,
    /// The secure RAM that programs have.
    pub programs: Window,
    /// The devices that the monitor drives.
    pub devices: [Window; DEVICES],
    /// The RAM that the normal world has, if the image is in it too.
    pub ram: Window,
    /// The pages that are not there: the first one, the distance to the next, and how many.
    pub guards: (u64, u64, usize),
}

/// How many windows with devices the monitor drives at most.
pub const DEVICES: usize = 9;

impl Map {
    /// The entry of a page of level 3.
    fn page(&self, address: u64) -> u64 {
        let is_in = |range: Window| address.wrapping_sub(range.base) < range.size;
        let (first, stride, count) = self.guards;
        let guard = address.wrapping_sub(first);
        if guard.is_multiple_of(stride) && guard / stride < count as u64 {
            return 0;
        }
        let kind = if is_in(self.text) {
            Kind::Text
        } else if is_in(self.data) {
            Kind::Data
        } else if is_in(self.shared) {
            Kind::NormalWorld
        } else {
            Kind::ReadOnly
        };
        address | kind.bits() | descriptor::TABLE_OR_PAGE
    }
}

impl Tables {
    /// Writes the table of level 3 for the block at `base`.
    fn fill_pages(table: &mut Table, map: &Map, base: u64) -> u64 {
        for (page, place) in table.0.iter_mut().enumerate() {
            *place = map.page(base.wrapping_add(page as u64 * PAGE));
        }
        table.entry()
    }

    /// The entry of level 2 for an address. There is none where its gigabyte is one block, or there are no more
    /// tables.
    fn block_of(&mut self, address: u64) -> Option<&mut u64> {
        let gigabyte = (address / GIGABYTE) as usize;
        if *self.first.0.get(gigabyte)? == 0 {
            let is_free = |table: &&Table| !self.first.0.contains(&table.entry());
            let entry = self.second.iter().find(is_free)?.entry();
            self.first.0[gigabyte % ENTRIES] = entry;
        }
        let entry = *self.first.0.get(gigabyte)?;
        let second = self.second.iter_mut().find(|table| table.entry() == entry);
        second?.0.get_mut((address / BLOCK) as usize % ENTRIES)
    }

    /// Fills what is empty in a range, in whole blocks.
    fn fill(&mut self, range: Window, kind: Kind) {
        let end = range.base.saturating_add(range.size);
        let mut address = range.base & !(BLOCK - 1);
        while address < end {
            let is_aligned = address.is_multiple_of(GIGABYTE);
            let gigabyte = self.first.0.get_mut((address / GIGABYTE) as usize);
            address = match gigabyte {
                Some(place) if *place == 0 && is_aligned && matches!(kind, Kind::NormalWorld) => {
                    *place = address | kind.bits() | descriptor::BLOCK;
                    address.saturating_add(GIGABYTE)
                }
                _ => {
                    if let Some(place) = self.block_of(address).filter(|place| **place == 0) {
                        *place = address | kind.bits() | descriptor::BLOCK;
                    }
                    address.saturating_add(BLOCK)
                }
            };
        }
    }
}

/// Writes the tables.
///
/// # Safety
/// Called once, by the boot core, before any core translates.
pub unsafe fn prepare(map: &Map) {
    // SAFETY: the caller's promise: nobody else uses the tables.
    let tables = unsafe { &mut *TABLES.0.get() };
    let text = Tables::fill_pages(&mut tables.text, map, map.image.base);
    let data_block = map.data.base & !(BLOCK - 1);
    if let Some(place) = tables.block_of(map.image.base) {
        *place = text;
    }
    if data_block != map.image.base {
        let data = Tables::fill_pages(&mut tables.data, map, data_block);
        if let Some(place) = tables.block_of(data_block) {
            *place = data;
        }
    }
    tables.fill(map.image, Kind::ReadOnly);
    tables.fill(map.programs, Kind::Data);
    for device in map.devices {
        tables.fill(device, Kind::Device);
    }
    tables.fill(map.ram, Kind::NormalWorld);
}

/// Lets the monitor reach normal RAM, in whole gigabytes where nothing else is.
///
/// # Safety
/// Called by the boot core, before any partition runs; `range` is memory of the board's normal world.
pub unsafe fn map_normal_ram(range: Window) {
    let start = range.base & !(GIGABYTE - 1);
    let whole = Window {
        base: start,
        size: range.base.wrapping_sub(start).saturating_add(range.size),
    };
    // SAFETY: the caller's promise.
    unsafe { map(whole, Kind::NormalWorld) };
}

/// Lets the monitor reach a device.
///
/// # Safety
/// Called by the boot core, before any partition runs; `range` is a device of the board.
pub unsafe fn map_device(range: Window) {
    // SAFETY: the caller's promise.
    unsafe { map(range, Kind::Device) };
}

/// # Safety
/// Called by the boot core, before any partition runs.
unsafe fn map(range: Window, kind: Kind) {
    // SAFETY: the caller's promise: no other core writes, and the hardware finds either the old entry, which
    // leads nowhere, or the new one (D8.17.1: an invalid entry is not kept in a TLB).
    let tables = unsafe { &mut *TABLES.0.get() };
    tables.fill(range, kind);
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
