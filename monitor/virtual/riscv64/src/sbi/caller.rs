//! The partition a call comes from, and the checks of arguments against it.

use super::call::SbiError;
use partita_monitor_core::memory::Memory;

pub use partita_monitor_core::memory::{EntryAddress, MemoryRange, Region};

/// The most virtual harts of a partition.
pub const MAXIMUM_HARTS: u32 = 64;

/// The machine identity that a partition is told (4.5 to 4.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `mvendorid`.
    pub vendor: u64,
    /// `marchid`.
    pub architecture: u64,
    /// `mimpid`.
    pub implementation: u64,
}

/// The view of the partition that makes a call.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    hart_count: u32,
    memory: Memory<'a>,
    identity: Identity,
}

impl<'a> Caller<'a> {
    /// A partition with virtual harts 0 to `hart_count` − 1 (of which the first [`MAXIMUM_HARTS`] count)
    /// and this RAM.
    #[inline]
    #[must_use]
    pub const fn new(hart_count: u32, memory: &'a [Region], identity: Identity) -> Self {
        let hart_count = if hart_count > MAXIMUM_HARTS {
            MAXIMUM_HARTS
        } else {
            hart_count
        };
        Self {
            hart_count,
            memory: Memory::new(memory),
            identity,
        }
    }

    /// The machine identity it is told.
    #[inline]
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// The virtual harts that a hart mask names (3.1).
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if the base or one of the harts is not of this partition.
    #[inline]
    pub const fn harts(&self, mask: u64, base: u64) -> Result<HartSet, SbiError> {
        let all = HartSet::first(self.hart_count);
        if base == u64::MAX {
            return Ok(all);
        }
        if base >= self.hart_count as u64 {
            return Err(SbiError::InvalidParameter);
        }
        // The base is below 64 here. Bits that the shift would lose name harts that do not exist.
        let valid = all.0 >> (base & 63);
        if mask & !valid != 0 {
            return Err(SbiError::InvalidParameter);
        }
        Ok(HartSet(mask << (base & 63)))
    }

    /// The first virtual hart of a mask and its base that is not of this partition, where there is one.
    pub(super) const fn first_foreign(&self, mask: u64, base: u64) -> u64 {
        if base >= self.hart_count as u64 {
            return base;
        }
        let own = HartSet::first(self.hart_count).0 >> (base & 63);
        base.wrapping_add((mask & !own).trailing_zeros() as u64)
    }

    /// The virtual hart with this id.
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if it is not of this partition.
    #[inline]
    pub const fn hart(&self, id: u64) -> Result<u32, SbiError> {
        if id < self.hart_count as u64 {
            Ok(id as u32)
        } else {
            Err(SbiError::InvalidParameter)
        }
    }

    /// Its RAM.
    #[inline]
    #[must_use]
    pub const fn memory(&self) -> Memory<'a> {
        self.memory
    }

    /// `length` bytes from `address`, to be read on behalf of the partition.
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if they are not all in one region of its RAM (12.1).
    pub fn readable(&self, address: u64, length: u64) -> Result<MemoryRange, SbiError> {
        let range = self.memory.readable(address, length);
        range.ok_or(SbiError::InvalidParameter)
    }

    /// `length` bytes from `address`, to be written on behalf of the partition.
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if they are not all in one writable region of its RAM (12.2).
    pub fn writable(&self, address: u64, length: u64) -> Result<MemoryRange, SbiError> {
        let range = self.memory.writable(address, length);
        range.ok_or(SbiError::InvalidParameter)
    }

    /// An address at which a hart of the partition may start (9.1) or resume (9.4).
    ///
    /// # Errors
    /// [`SbiError::InvalidAddress`] if it is odd, or a 2-byte instruction there would not be in one
    /// executable region of its RAM.
    pub fn entry_address(&self, address: u64) -> Result<EntryAddress, SbiError> {
        self.memory
            .entry(address, 2)
            .ok_or(SbiError::InvalidAddress)
    }
}

/// A set of virtual harts of one partition.
///
/// It proves that each of them exists in the partition it was made for, not that it is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HartSet(u64);

impl HartSet {
    /// The harts 0 to `count` − 1.
    const fn first(count: u32) -> Self {
        match u64::MAX.checked_shr(64u32.wrapping_sub(count)) {
            Some(bits) => Self(bits),
            None => Self(0),
        }
    }

    /// The set as bits: bit *n* is virtual hart *n*.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether the set has virtual hart `hart`.
    #[inline]
    #[must_use]
    pub const fn contains(self, hart: u32) -> bool {
        hart < MAXIMUM_HARTS && self.0 >> (hart & 63) & 1 != 0
    }

    /// The set without virtual hart `hart`.
    #[inline]
    #[must_use]
    pub const fn without(self, hart: u32) -> Self {
        if hart < MAXIMUM_HARTS {
            Self(self.0 & !(1 << (hart & 63)))
        } else {
            self
        }
    }
}

impl Iterator for HartSet {
    type Item = u32;

    /// Takes the lowest virtual hart out of the set: at most 64 steps.
    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let hart = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        Some(hart)
    }
}
