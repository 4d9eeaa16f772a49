//! Stage-2 tables: what a partition reaches, where EL2 is the monitor's (DDI 0487, D8.2 and D8.3).
//!
//! Addresses have 39 bits and pages 4 KiB, so that a lookup begins at level 1: one table, behind it tables of blocks of
//! 2 MiB, and behind those a table of pages for each block of which a partition has a part. An address is translated to
//! itself, unless a range says otherwise.

/// Bits of an address that can be reached; above is nothing.
pub const ADDRESS_BITS: u64 = 39;
/// Entries of a table.
pub const ENTRIES: usize = 512;
/// Bytes of a page.
pub const PAGE: u64 = 0x1000;
/// Bytes of a block.
pub const BLOCK: u64 = 0x20_0000;
/// Bytes behind an entry of the first table.
const GIGABYTE: u64 = 0x4000_0000;

/// Rights of a region, as the system table has them.
mod rights {
    pub const READ: u8 = 1;
    pub const WRITE: u8 = 2;
    pub const EXECUTE: u8 = 4;
}

/// Fields of a descriptor (D8.3.1 and D8.3.2).
mod descriptor {
    pub const BLOCK: u64 = 0b01;
    pub const TABLE_OR_PAGE: u64 = 0b11;
    pub const KIND: u64 = 0b11;
    /// `MemAttr`: write-back memory. Zero is device memory without gathering, reordering and early answers.
    pub const MEMORY: u64 = 0xf << 2;
    pub const READ: u64 = 1 << 6;
    pub const WRITE: u64 = 1 << 7;
    pub const INNER_SHAREABLE: u64 = 3 << 8;
    pub const ACCESSED: u64 = 1 << 10;
    pub const NEVER_EXECUTE: u64 = 1 << 54;
}

/// `VSTCR_EL2` for these tables: a first lookup at level 1, walks and results in secure memory (D24.2.181).
pub const SECURE_CONTROL: u64 = 1 << 31 | 1 << 6 | (64 - ADDRESS_BITS);

/// `VTCR_EL2` for these tables: as [`SECURE_CONTROL`] says, physical addresses of 40 bits, which every core with EL2 that
/// this is for has, and tables in write-back inner-shareable memory (D24.2.182).
pub const CONTROL: u64 = SECURE_CONTROL | 2 << 16 | 3 << 12 | 1 << 10 | 1 << 8;

/// What a range of addresses leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Memory.
    Memory,
    /// Registers of a device.
    Device,
}

/// Addresses that a partition may reach.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The first one.
    pub base: u64,
    /// What the first one is translated to.
    pub output: u64,
    /// How many.
    pub size: u64,
    /// Rights, as the system table has them.
    pub rights: u8,
    /// What they lead to.
    pub kind: Kind,
}

/// A table. All zero, it leads nowhere.
#[derive(Clone, Debug)]
#[repr(C, align(4096))]
pub struct Table([u64; ENTRIES]);

impl Table {
    /// It leads nowhere.
    pub const EMPTY: Self = Self([0; ENTRIES]);

    /// Its entries.
    #[must_use]
    pub const fn entries(&self) -> &[u64; ENTRIES] {
        &self.0
    }
}

/// Why a range cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not of whole pages, or ends above what can be reached.
    Range,
    /// A part of it is open already.
    Overlap,
    /// All tables are in use.
    Full,
}

/// Tables of all partitions. They are at their own addresses: whoever has them must find physical memory there.
pub struct Tables<'a> {
    all: &'a mut [Table],
    used: usize,
}

impl<'a> Tables<'a> {
    /// Tables that lead nowhere, of which the first `used` are in use.
    #[must_use]
    pub const fn new(all: &'a mut [Table], used: usize) -> Self {
        Self { all, used }
    }

    /// How many are in use.
    #[must_use]
    pub const fn used(&self) -> usize {
        self.used
    }

    /// Begins with the next partition: the number of its first table.
    ///
    /// # Errors
    /// All tables are in use.
    pub fn begin(&mut self) -> Result<usize, Refusal> {
        let number = self.used;
        if number >= self.all.len() {
            return Err(Refusal::Full);
        }
        self.used = number.wrapping_add(1);
        Ok(number)
    }

    /// The address of a table.
    #[must_use]
    pub fn address(&self, number: usize) -> u64 {
        self.all
            .get(number)
            .map_or(0, |table| core::ptr::from_ref(table) as u64)
    }

    /// Lets the partition whose first table this is reach a range.
    ///
    /// # Errors
    /// If it cannot. A part of the range may be open then.
    pub fn open(&mut self, first: usize, range: Range) -> Result<(), Refusal> {
        const MOST: u64 = 1 << ADDRESS_BITS;
        let is_in = |base: u64| base.saturating_add(range.size) <= MOST;
        let is_whole = (range.base | range.output | range.size).is_multiple_of(PAGE);
        if !is_whole || !is_in(range.base) || !is_in(range.output) {
            return Err(Refusal::Range);
        }
        let attributes = attributes(range.rights, range.kind);
        let mut done = 0;
        while done < range.size {
            let address = range.base.wrapping_add(done);
            let output = range.output.wrapping_add(done);
            let blocks = self.behind(first, (address / GIGABYTE) as usize)?;
            let is_block = (address | output).is_multiple_of(BLOCK) && range.size - done >= BLOCK;
            let block = (address / BLOCK) as usize % ENTRIES;
            let (table, number, form, size) = if is_block {
                (blocks, block, descriptor::BLOCK, BLOCK)
            } else {
                let page = (address / PAGE) as usize % ENTRIES;
                let pages = self.behind(blocks, block)?;
                (pages, page, descriptor::TABLE_OR_PAGE, PAGE)
            };
            match self.entry(table, number) {
                Some(entry) if *entry == 0 => *entry = output | attributes | form,
                _ => return Err(Refusal::Overlap),
            }
            done = done.wrapping_add(size);
        }
        Ok(())
    }

    fn entry(&mut self, table: usize, number: usize) -> Option<&mut u64> {
        self.all.get_mut(table)?.0.get_mut(number % ENTRIES)
    }

    /// The table behind an entry of another, which is made if there is none.
    fn behind(&mut self, table: usize, number: usize) -> Result<usize, Refusal> {
        let found = self.entry(table, number).map_or(0, |entry| *entry);
        if found == 0 {
            let next = self.begin()?;
            let link = self.address(next) | descriptor::TABLE_OR_PAGE;
            if let Some(entry) = self.entry(table, number) {
                *entry = link;
            }
            return Ok(next);
        }
        if found & descriptor::KIND != descriptor::TABLE_OR_PAGE {
            return Err(Refusal::Overlap);
        }
        let offset = (found & !descriptor::KIND).wrapping_sub(self.address(0));
        Ok((offset / PAGE) as usize)
    }
}

/// Attributes of a descriptor. Devices hold no instructions, whatever the rights say.
const fn attributes(rights: u8, kind: Kind) -> u64 {
    let mut bits = descriptor::ACCESSED;
    if rights & rights::READ != 0 {
        bits |= descriptor::READ;
    }
    if rights & rights::WRITE != 0 {
        bits |= descriptor::WRITE;
    }
    if let Kind::Memory = kind {
        bits |= descriptor::MEMORY | descriptor::INNER_SHAREABLE;
    }
    if rights & rights::EXECUTE == 0 || matches!(kind, Kind::Device) {
        bits |= descriptor::NEVER_EXECUTE;
    }
    bits
}

/// An exception that was taken to EL2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// `ESR_EL2`.
    pub syndrome: u64,
    /// `FAR_EL2`.
    pub address: u64,
    /// `HPFAR_EL2`.
    pub page: u64,
}

impl Exception {
    /// Fault status codes (D24.2.40, `DFSC`): the lowest and the highest of a permission fault, and their level.
    const PERMISSION: u64 = 0b00_1100;
    const STATUS: u64 = 0b11_1100;
    /// Instruction and data aborts of a lower level, without what tells them apart.
    const ABORTS: u64 = 0b10_0000;
    const WALK: u64 = 1 << 7;

    /// Whether it is an access that stage 2 denied.
    #[must_use]
    pub const fn is_abort(&self) -> bool {
        self.syndrome >> 26 & 0b11_1011 == Self::ABORTS
    }

    /// The address that was reached for. After a permission fault `HPFAR_EL2` tells nothing (D24.2.67), except of a
    /// walk: then this is the virtual address.
    #[must_use]
    pub const fn reached(&self) -> u64 {
        let is_permission = self.syndrome & Self::STATUS == Self::PERMISSION;
        if is_permission && self.syndrome & Self::WALK == 0 {
            return self.address;
        }
        // `FIPA` is bits 43 to 4, of an address from bit 12 on.
        let page = (self.page & 0xfff_ffff_fff0) << 8;
        if self.syndrome & Self::WALK != 0 {
            return page;
        }
        page | self.address & (PAGE - 1)
    }
}
