//! What a partition may name in a call: its own memory and its own cores.

/// The most virtual cores of a partition.
pub const MAXIMUM_CORES: usize = partita_abi::MAX_CORES;

/// A range of a partition's RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First physical address.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
}

impl Region {
    /// Whether all of a range lies in it.
    #[must_use]
    pub const fn contains(&self, address: u64, length: u64) -> bool {
        let offset = address.wrapping_sub(self.base);
        address >= self.base && offset <= self.size && self.size.wrapping_sub(offset) >= length
    }
}

/// Who makes a call.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    memory: &'a [Region],
    /// The affinity of each of its virtual cores' cores.
    affinities: &'a [u64],
    /// Its virtual core that makes the call.
    own: u32,
}

impl<'a> Caller<'a> {
    /// The caller with this memory, whose virtual cores are on cores with these affinities (`MPIDR_EL1`, bits
    /// 39 to 32 and 23 to 0), and of which the virtual core `own` makes the call.
    #[must_use]
    pub const fn new(memory: &'a [Region], affinities: &'a [u64], own: u32) -> Self {
        Self {
            memory,
            affinities,
            own,
        }
    }

    /// The virtual core that makes the call.
    #[must_use]
    pub const fn own(&self) -> u32 {
        self.own
    }

    /// The virtual core on the core of this affinity, if it is the caller's.
    #[must_use]
    pub fn core(&self, affinity: u64) -> Option<u32> {
        let mut affinities = self.affinities.iter().take(MAXIMUM_CORES);
        let number = affinities.position(|own| *own == affinity)?;
        Some(number as u32)
    }

    /// All its virtual cores, one bit each.
    #[must_use]
    pub const fn all_cores(&self) -> u64 {
        match 1_u64.checked_shl(self.affinities.len() as u32) {
            Some(end) => end.wrapping_sub(1),
            None => u64::MAX,
        }
    }

    /// `length` bytes from `address`, if they all lie in one region of its RAM.
    #[must_use]
    pub fn range(&self, address: u64, length: u64) -> Option<MemoryRange> {
        let mut memory = self.memory.iter();
        memory
            .any(|region| region.contains(address, length))
            .then_some(MemoryRange { address, length })
    }

    /// An address at which one of its cores may start: that of an instruction in its RAM.
    #[must_use]
    pub fn entry(&self, address: u64) -> Option<EntryAddress> {
        let aligned = address.is_multiple_of(4);
        self.range(address, 4)
            .filter(|_| aligned)
            .map(|range| EntryAddress(range.address))
    }
}

/// Bytes in the RAM of one partition.
///
/// It proves that the whole range lies in one region of that partition, and nothing about the content, which
/// the partition's other cores may change meanwhile.
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
/// It proves an address of an instruction in RAM of that partition.
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
