//! Fetches the instruction at an address of a partition, through its own page tables.
//!
//! The monitor re-fetches instead of trusting `mtval`, which need not hold the instruction (privileged
//! specification 1.12, 3.1.16) and in some QEMU releases holds a wrong one. Another hart of the same
//! partition may have changed it since: the result is data of the partition, fit only to be decoded.

use crate::remember::RememberedWalk;
use crate::walk::{AccessKind, TableMemory, Translation, WalkError, walk};

/// The instruction at `address`: 32 bits, or 16 with zeros above for a compressed one.
///
/// Both halves of an instruction that crosses a page are translated. An odd `address` is read as the
/// even one below. `remembered` is for fetches only: the accesses have one of their own.
///
/// # Errors
/// As [`walk`], for the page that cannot be read; [`WalkError::TableOutsideMemory`] names the
/// instruction's address when the instruction itself is not in the memory of the partition.
#[inline]
pub fn fetch<M: TableMemory>(
    remembered: &mut RememberedWalk,
    memory: &M,
    translation: &Translation,
    address: u64,
) -> Result<u32, WalkError> {
    let physical = remembered
        .walk(memory, translation, address, AccessKind::Fetch)?
        .0;
    let word = read(memory, physical & !7)?;
    let position = physical & 6;
    let bits = word >> (position * 8);
    if bits & 0b11 != 0b11 {
        return Ok(bits as u32 & 0xffff);
    }
    if position != 6 {
        return Ok(bits as u32);
    }
    let upper = upper_half(
        memory,
        translation,
        (address & !1).wrapping_add(2),
        physical,
    )?;
    Ok(upper << 16 | bits as u32 & 0xffff)
}

/// The second half of an instruction that crosses 8 bytes, whose first half is at `first`.
#[cold]
fn upper_half<M: TableMemory>(
    memory: &M,
    translation: &Translation,
    address: u64,
    first: u64,
) -> Result<u32, WalkError> {
    let physical = if address & 0xfff == 0 {
        walk(memory, translation, address, AccessKind::Fetch)?.0
    } else {
        (first & !7).wrapping_add(8)
    };
    let word = read(memory, physical & !7)?;
    Ok((word >> ((physical & 6) * 8)) as u32 & 0xffff)
}

#[inline]
fn read<M: TableMemory>(memory: &M, physical: u64) -> Result<u64, WalkError> {
    memory
        .read_u64(physical)
        .ok_or(WalkError::TableOutsideMemory(physical))
}
