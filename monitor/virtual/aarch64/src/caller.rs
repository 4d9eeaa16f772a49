//! What a partition may name in a call: its own memory and its own cores.

use partita_monitor_core::memory::Memory;

pub use partita_monitor_core::memory::{EntryAddress, MemoryRange, Region};

/// The most virtual cores of a partition.
pub const MAXIMUM_CORES: usize = partita_abi::MAX_CORES;

/// Who makes a call.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    memory: Memory<'a>,
    /// The affinity of each of its virtual cores' cores.
    affinities: &'a [u64],
    /// Its virtual core that makes the call.
    own: u32,
    /// Whether it has no console but a serial port of its own.
    has_own_port: bool,
}

impl<'a> Caller<'a> {
    /// The caller with this memory, whose virtual cores are on cores with these affinities (`MPIDR_EL1`, bits
    /// 39 to 32 and 23 to 0), and of which the virtual core `own` makes the call.
    #[must_use]
    pub const fn new(memory: &'a [Region], affinities: &'a [u64], own: u32) -> Self {
        Self {
            memory: Memory::new(memory),
            affinities,
            own,
            has_own_port: false,
        }
    }

    /// The same, with a serial port of its own instead of a console by calls.
    #[must_use]
    pub const fn with_own_port(mut self, has_own_port: bool) -> Self {
        self.has_own_port = has_own_port;
        self
    }

    /// Whether it has no console but a serial port of its own.
    #[must_use]
    pub const fn has_own_port(&self) -> bool {
        self.has_own_port
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

    /// Its RAM.
    #[inline]
    #[must_use]
    pub const fn memory(&self) -> Memory<'a> {
        self.memory
    }

    /// An address at which one of its cores may start: that of an instruction in its RAM.
    #[must_use]
    pub fn entry(&self, address: u64) -> Option<EntryAddress> {
        self.memory.entry(address, 4)
    }
}
