//! The software page-table walk: where an address of a partition leads, by its own tables.
//!
//! Follows the RISC-V privileged specification 1.12: `satp` 4.1.11, Sv39 4.4 (its algorithm 4.3.2),
//! Sv48 4.5, Sv57 4.6, Svnapot chapter 5, Svpbmt chapter 6. Where the specification leaves a choice:
//!
//! - A clear A bit, or a clear D bit on a store, ends the walk ([`WalkError::NotAccessed`],
//!   [`WalkError::NotDirty`]): the behaviour named Svade. The walker never writes a table. The monitor
//!   walks after the hardware did, so on a hart that sets the bits itself (Svadu) they are set by now.
//! - Memory types (PBMT, bits 62:61) 1 and 2 are let through whether or not the partition has Svpbmt,
//!   and N whether or not it has Svnapot: without them the hardware would have raised a page fault
//!   before the access fault that brought the monitor here. Type 3 is reserved.
//! - Bits 60:54 are reserved and must be zero, in every entry.

/// Read access to the memory that may hold a partition's page tables.
pub trait TableMemory {
    /// The 8 bytes at `physical`, which the walker always aligns to 8.
    ///
    /// The implementer checks that all 8 bytes lie in memory the *partition* may read. `None` ends the
    /// walk: an entry is data of the partition and may point anywhere.
    fn read_u64(&self, physical: u64) -> Option<u64>;

    /// Whether each entry still is what it was. All positions have been read from this memory before,
    /// so they are known to lie in it; an implementer may use that to be fast.
    #[inline]
    fn entries_hold(&self, reads: &[EntryRead; MAXIMUM_LEVELS]) -> bool {
        reads
            .iter()
            .all(|read| self.read_u64(read.position) == Some(read.entry))
    }
}

/// The most levels that a table has: Sv57's.
pub const MAXIMUM_LEVELS: usize = 5;

/// An entry of a page table that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct EntryRead {
    /// Its physical address.
    pub position: u64,
    /// What was read.
    pub entry: u64,
}

/// What an address is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// A data read.
    Load,
    /// A data write; also an atomic memory operation.
    Store,
    /// An instruction fetch.
    Fetch,
}

/// The effective privilege of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// U-mode.
    User,
    /// S-mode.
    Supervisor,
}

/// The state of a hart that governs its translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    satp: u64,
    /// SUM, MXR and the low bit of MPP, where `mstatus` has them: the low bit tells S from U.
    status: u64,
}

/// `mstatus` bits (3.1.6).
const STATUS_SUPERVISOR: u64 = 1 << 11;
const STATUS_SUPERVISOR_USER_MEMORY: u64 = 1 << 18;
const STATUS_MAKE_EXECUTABLE_READABLE: u64 = 1 << 19;

impl Translation {
    /// The translation that an access went through which trapped to M-mode, given `satp` and the
    /// `mstatus` that the trap left (its MPP is the privilege of the access).
    #[inline]
    #[must_use]
    pub const fn of_trap(satp: u64, mstatus: u64) -> Self {
        let used =
            STATUS_SUPERVISOR | STATUS_SUPERVISOR_USER_MEMORY | STATUS_MAKE_EXECUTABLE_READABLE;
        Self {
            satp,
            status: mstatus & used,
        }
    }

    /// A translation from its parts.
    #[must_use]
    pub const fn new(
        satp: u64,
        privilege: Privilege,
        supervisor_user_memory: bool,
        make_executable_readable: bool,
    ) -> Self {
        let supervisor = matches!(privilege, Privilege::Supervisor);
        let status = (supervisor as u64 * STATUS_SUPERVISOR)
            | (supervisor_user_memory as u64 * STATUS_SUPERVISOR_USER_MEMORY)
            | (make_executable_readable as u64 * STATUS_MAKE_EXECUTABLE_READABLE);
        Self { satp, status }
    }

    /// The privilege of the access.
    #[inline]
    #[must_use]
    pub const fn privilege(&self) -> Privilege {
        if self.has(STATUS_SUPERVISOR) {
            Privilege::Supervisor
        } else {
            Privilege::User
        }
    }

    #[inline]
    const fn has(&self, bit: u64) -> bool {
        self.status & bit != 0
    }
}

/// A physical address to which a partition's tables lead.
///
/// It proves that the partition's own translation permits the access, and *nothing* about the address
/// itself: it may be any 64-bit value, owned by anybody or nobody. Whoever uses it checks it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedPhysical(pub u64);

/// Why a walk ended without an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkError {
    /// `satp.MODE` is none of Bare, Sv39, Sv48, Sv57.
    ReservedMode,
    /// The bits above the virtual address width do not repeat its top bit.
    NotCanonical,
    /// The entry at this physical address lies outside the memory of the partition.
    TableOutsideMemory(u64),
    /// V is clear.
    NotValid,
    /// W is set without R.
    WriteWithoutRead,
    /// A reserved bit or memory type is set, or N, PBMT, D, A or U in a pointer to the next table.
    ReservedBits,
    /// The last level holds a pointer.
    NoLeaf,
    /// R, W, X or U (with SUM and MXR) do not permit the access.
    NotPermitted,
    /// The page number of a superpage has low bits set.
    MisalignedSuperpage,
    /// N is set above the last level, or its size is not 64 KiB.
    ReservedContiguousSize,
    /// A is clear.
    NotAccessed,
    /// D is clear on a store.
    NotDirty,
}

impl WalkError {
    /// The exception code (`scause`) that the hardware raises for this end of a walk: an access fault
    /// for an unreadable table, a page fault for everything else.
    #[must_use]
    pub const fn cause(self, kind: AccessKind) -> u64 {
        match (self, kind) {
            (Self::TableOutsideMemory(_), AccessKind::Fetch) => 1,
            (Self::TableOutsideMemory(_), AccessKind::Load) => 5,
            (Self::TableOutsideMemory(_), AccessKind::Store) => 7,
            (_, AccessKind::Fetch) => 12,
            (_, AccessKind::Load) => 13,
            (_, AccessKind::Store) => 15,
        }
    }
}

/// The bits of a page-table entry (4.4.1).
mod entry {
    pub const VALID: u64 = 1 << 0;
    pub const READ: u64 = 1 << 1;
    pub const WRITE: u64 = 1 << 2;
    pub const EXECUTE: u64 = 1 << 3;
    pub const USER: u64 = 1 << 4;
    pub const ACCESSED: u64 = 1 << 6;
    pub const DIRTY: u64 = 1 << 7;
    pub const RESERVED: u64 = 0x7f << 54;
    pub const MEMORY_TYPE: u64 = 3 << 61;
    pub const CONTIGUOUS: u64 = 1 << 63;
    /// Bits that a pointer to the next table must not have (4.4.1, chapters 5 and 6).
    pub const NOT_IN_POINTER: u64 =
        READ | WRITE | EXECUTE | USER | ACCESSED | DIRTY | RESERVED | MEMORY_TYPE | CONTIGUOUS;

    /// The physical address in the page number of an entry whose bits 63:54 may be set.
    pub const fn physical(entry: u64) -> u64 {
        ((entry >> 10) << 20) >> 8
    }
}

const PAGE_BITS: u32 = 12;

/// Translates `address` for an access of `kind`.
///
/// At most five entries are read. An access of more than one byte that crosses a page needs a walk for
/// each page.
///
/// # Errors
/// The reason why the hardware would raise a fault, see [`WalkError::cause`].
#[inline]
pub fn walk<M: TableMemory>(
    memory: &M,
    translation: &Translation,
    address: u64,
    kind: AccessKind,
) -> Result<ClaimedPhysical, WalkError> {
    // 8, 9 and 10 are Sv39, Sv48 and Sv57: three, four and five levels of nine bits above the page's
    // twelve.
    let mode = translation.satp >> 60;
    if !(8..=10).contains(&mode) {
        return if mode == 0 {
            Ok(ClaimedPhysical(address))
        } else {
            Err(WalkError::ReservedMode)
        };
    }
    let width = mode.wrapping_mul(9).wrapping_sub(33);
    // 4.4.1: bits above the width equal its highest bit. The arithmetic shift leaves only those.
    let above = address as i64 >> (width.wrapping_sub(1) & 63);
    if above != 0 && above != -1 {
        return Err(WalkError::NotCanonical);
    }

    let mut table = (translation.satp << 20) >> 8;
    // 36, 27 or 18, down to 0 at the last level: at most five rounds.
    let mut shift = width.wrapping_sub(21) as i64;
    // Brings the index of the last level to bit 3, the size of an entry.
    let indexes = address >> 9;
    loop {
        let position = table | ((indexes >> (shift & 63)) & (0x1ff << 3));
        let Some(found) = memory.read_u64(position) else {
            return Err(WalkError::TableOutsideMemory(position));
        };
        if found & (entry::NOT_IN_POINTER | entry::VALID) != entry::VALID {
            return leaf(
                translation,
                address,
                kind,
                found,
                (shift as u32).wrapping_add(PAGE_BITS),
            );
        }
        table = (found >> 10) << PAGE_BITS;
        shift = shift.wrapping_sub(9);
        if shift < 0 {
            return Err(WalkError::NoLeaf);
        }
    }
}

/// Ends a walk at `found`, an entry that is not a well-formed pointer (steps 3 to 8 of 4.3.2).
#[inline]
fn leaf(
    translation: &Translation,
    address: u64,
    kind: AccessKind,
    found: u64,
    shift: u32,
) -> Result<ClaimedPhysical, WalkError> {
    use entry::{ACCESSED, DIRTY, EXECUTE, READ, USER, VALID, WRITE};

    // One comparison lets the usual page of an operating system through: readable, memory type 0, no N,
    // and no question of SUM and MXR.
    let needed = match kind {
        AccessKind::Load => VALID | READ | ACCESSED,
        AccessKind::Store => VALID | READ | ACCESSED | WRITE | DIRTY,
        AccessKind::Fetch => VALID | READ | ACCESSED | EXECUTE,
    };
    let unusual = entry::RESERVED | entry::MEMORY_TYPE | entry::CONTIGUOUS | USER;
    if found & (needed | unusual) != needed || !translation.has(STATUS_SUPERVISOR) {
        return unusual_leaf(translation, address, kind, found, shift);
    }
    let offset_mask = (1u64 << (shift & 63)).wrapping_sub(1);
    let physical = (found >> 10) << PAGE_BITS;
    if physical & offset_mask != 0 {
        return Err(WalkError::MisalignedSuperpage);
    }
    Ok(ClaimedPhysical(physical | (address & offset_mask)))
}

/// As [`leaf`], for the pages that are not usual.
#[cold]
fn unusual_leaf(
    translation: &Translation,
    address: u64,
    kind: AccessKind,
    found: u64,
    shift: u32,
) -> Result<ClaimedPhysical, WalkError> {
    check_leaf(translation, kind, found, shift)?;
    // Chapter 5: of a 64 KiB page the low four bits of the page number come from the virtual address.
    let size_shift = if found & entry::CONTIGUOUS != 0 {
        16
    } else {
        shift
    };
    let offset_mask = (1u64 << (size_shift & 63)).wrapping_sub(1);
    Ok(ClaimedPhysical(
        (entry::physical(found) & !offset_mask) | (address & offset_mask),
    ))
}

/// All checks of a leaf, in the order of 4.3.2.
fn check_leaf(
    translation: &Translation,
    kind: AccessKind,
    found: u64,
    shift: u32,
) -> Result<(), WalkError> {
    use entry::{ACCESSED, DIRTY, EXECUTE, READ, USER, VALID, WRITE};
    let has = |bit: u64| found & bit != 0;

    if !has(VALID) {
        return Err(WalkError::NotValid);
    }
    if has(WRITE) && !has(READ) {
        return Err(WalkError::WriteWithoutRead);
    }
    if has(entry::RESERVED) || found & entry::MEMORY_TYPE == entry::MEMORY_TYPE {
        return Err(WalkError::ReservedBits);
    }
    if !has(READ | EXECUTE) {
        // A pointer, but one with bits that only a leaf may have.
        return Err(WalkError::ReservedBits);
    }
    if has(entry::CONTIGUOUS) && (shift != PAGE_BITS || (found >> 10) & 0xf != 0b1000) {
        return Err(WalkError::ReservedContiguousSize);
    }
    let privileged = match translation.privilege() {
        Privilege::User => has(USER),
        // 4.1.1.3: S-mode never executes user pages, whatever SUM is.
        Privilege::Supervisor => {
            !has(USER)
                || (translation.has(STATUS_SUPERVISOR_USER_MEMORY) && kind != AccessKind::Fetch)
        }
    };
    let permitted = match kind {
        AccessKind::Load => {
            has(READ) || (translation.has(STATUS_MAKE_EXECUTABLE_READABLE) && has(EXECUTE))
        }
        AccessKind::Store => has(WRITE),
        AccessKind::Fetch => has(EXECUTE),
    };
    if !privileged || !permitted {
        return Err(WalkError::NotPermitted);
    }
    // 4.3.2 tests the alignment (step 6) before A and D (step 7).
    let offset_mask = (1u64 << (shift & 63)).wrapping_sub(1);
    if !has(entry::CONTIGUOUS) && entry::physical(found) & offset_mask != 0 {
        return Err(WalkError::MisalignedSuperpage);
    }
    if !has(ACCESSED) {
        return Err(WalkError::NotAccessed);
    }
    if kind == AccessKind::Store && !has(DIRTY) {
        return Err(WalkError::NotDirty);
    }
    Ok(())
}
