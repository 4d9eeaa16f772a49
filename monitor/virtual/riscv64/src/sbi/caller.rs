//! The partition a call comes from, and the checks of arguments against it.

use super::call::SbiError;

/// The most virtual harts of a partition.
pub const MAXIMUM_HARTS: u32 = 64;

/// A piece of the partition's own RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first physical address.
    pub base: u64,
    /// The size in bytes.
    pub size: u64,
    /// Whether the partition may write it.
    pub writable: bool,
    /// Whether the partition may execute from it.
    pub executable: bool,
}

impl Region {
    /// Whether `length` bytes from `address` lie inside. No bytes lie inside up to the very end.
    #[inline]
    const fn contains(&self, address: u64, length: u64) -> bool {
        match address.checked_sub(self.base) {
            Some(offset) => match self.size.checked_sub(offset) {
                Some(rest) => length <= rest,
                None => false,
            },
            None => false,
        }
    }
}

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
    memory: &'a [Region],
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
            memory,
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

    /// `length` bytes from `address`, to be read on behalf of the partition.
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if they are not all in one region of its RAM (12.1).
    pub fn readable(&self, address: u64, length: u64) -> Result<MemoryRange, SbiError> {
        self.range(address, length, |_| true)
    }

    /// `length` bytes from `address`, to be written on behalf of the partition.
    ///
    /// # Errors
    /// [`SbiError::InvalidParameter`] if they are not all in one writable region of its RAM (12.2).
    pub fn writable(&self, address: u64, length: u64) -> Result<MemoryRange, SbiError> {
        self.range(address, length, |region| region.writable)
    }

    /// An address at which a hart of the partition may start (9.1) or resume (9.4).
    ///
    /// # Errors
    /// [`SbiError::InvalidAddress`] if it is odd, or a 2-byte instruction there would not be in one
    /// executable region of its RAM.
    #[inline(never)]
    pub fn entry_address(&self, address: u64) -> Result<EntryAddress, SbiError> {
        if address & 1 != 0 {
            return Err(SbiError::InvalidAddress);
        }
        match self.range(address, 2, |region| region.executable) {
            Ok(_) => Ok(EntryAddress(address)),
            Err(_) => Err(SbiError::InvalidAddress),
        }
    }

    fn range(
        &self,
        address: u64,
        length: u64,
        permits: impl Fn(&Region) -> bool,
    ) -> Result<MemoryRange, SbiError> {
        let inside = |region: &Region| region.contains(address, length) && permits(region);
        if self.memory.iter().any(inside) {
            Ok(MemoryRange { address, length })
        } else {
            Err(SbiError::InvalidParameter)
        }
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

/// Bytes in the RAM of one partition.
///
/// It proves that the whole range lies in one region of that partition, with the permission it was
/// asked for, and nothing about the content, which the partition's other harts may change meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRange {
    address: u64,
    length: u64,
}

impl MemoryRange {
    /// The first physical address.
    #[inline]
    #[must_use]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// The length in bytes, possibly zero.
    #[inline]
    #[must_use]
    pub const fn length(self) -> u64 {
        self.length
    }
}

/// Where a hart of a partition may begin to execute.
///
/// It proves an even address in executable RAM of that partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryAddress(u64);

impl EntryAddress {
    /// The physical address.
    #[inline]
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0
    }
}
