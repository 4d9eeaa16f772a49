//! The RAM of a partition, against which everything is checked that it names in a call.

/// A piece of a partition's own RAM.
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
    /// None.
    pub const EMPTY: Self = Self {
        base: 0,
        size: 0,
        writable: false,
        executable: false,
    };

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

/// All of a partition's RAM.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a> {
    regions: &'a [Region],
}

impl<'a> Memory<'a> {
    /// The RAM that is made of these regions.
    #[inline]
    #[must_use]
    pub const fn new(regions: &'a [Region]) -> Self {
        Self { regions }
    }

    /// `length` bytes from `address`, to be read on behalf of the partition, if they all lie in one region.
    #[must_use]
    pub fn readable(&self, address: u64, length: u64) -> Option<MemoryRange> {
        self.range(address, length, |_| true)
    }

    /// `length` bytes from `address`, to be written on behalf of the partition, if they all lie in one region that
    /// it may write.
    #[must_use]
    pub fn writable(&self, address: u64, length: u64) -> Option<MemoryRange> {
        self.range(address, length, |region| region.writable)
    }

    /// An address at which a core of the partition may start: that of an instruction of `size` bytes, a power of
    /// two, in a region that it may execute.
    #[inline(never)]
    #[must_use]
    pub fn entry(&self, address: u64, size: u64) -> Option<EntryAddress> {
        if !address.is_multiple_of(size) {
            return None;
        }
        self.range(address, size, |region| region.executable)
            .map(|_| EntryAddress(address))
    }

    fn range(
        &self,
        address: u64,
        length: u64,
        permits: impl Fn(&Region) -> bool,
    ) -> Option<MemoryRange> {
        let inside = |region: &Region| region.contains(address, length) && permits(region);
        let mut regions = self.regions.iter();
        regions
            .any(inside)
            .then_some(MemoryRange { address, length })
    }
}

/// Bytes in the RAM of one partition.
///
/// It proves that the whole range lies in one region of that partition, with the permission it was
/// asked for, and nothing about the content, which the partition's other cores may change meanwhile.
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

/// Where a core of a partition may begin to execute.
///
/// It proves an aligned address of an instruction in RAM that the partition may execute.
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
