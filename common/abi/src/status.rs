//! The status block: what the monitor knows about a run, handed to the host when the run ends.
//!
//! It is printed by the monitor as console records `status OFFSET HEX…`, in order, after a record
//! `status begin LENGTH` and before `status end`; the host puts the bytes together again. The bytes
//! are one [`Header`], then [`Header::partitions`] times [`Partition`], [`Header::cores`] times
//! [`Core`] and [`Header::events`] times [`Event`], without gaps.

use crate::health::Kind;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The most events kept: the latest ones of each partition, an equal share for each.
pub const MAX_EVENTS: usize = 256;
/// Bytes of the status block in one `status` record.
pub const BYTES_PER_RECORD: usize = 64;

/// The start of the status block.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`Header::MAGIC`].
    pub magic: [u8; 8],
    /// [`Header::VERSION`].
    pub version: u32,
    /// Number of [`Partition`] entries, in the order of the system table.
    pub partitions: u32,
    /// Number of [`Core`] entries.
    pub cores: u32,
    /// Number of [`Event`] entries, by partition, oldest first.
    pub events: u32,
    /// Events that are not there: older ones, and ones that repeated the one before.
    pub events_lost: u32,
    /// Bytes of the monitor's text and read-only data.
    pub text_bytes: u32,
    /// Bytes of the monitor's data, zeroed data and stacks.
    pub data_bytes: u32,
    /// The health event that ended the run, as [`Header::stopped_by`] makes it; 0 if none did.
    pub stopped_by: u32,
    /// Machine time at which the block was made, in nanoseconds.
    pub virtual_ns: u64,
}

impl Header {
    /// The first bytes of a status block.
    pub const MAGIC: [u8; 8] = *b"PRTASTAT";
    /// The version of the layout on this page.
    pub const VERSION: u32 = 1;

    /// The value of the field of that name: which event of which partition ended the run.
    pub const fn stopped_by(partition: usize, kind: Kind) -> u32 {
        1 << 31 | (partition as u32 & 0xff) << 8 | kind as u32
    }
}

/// One partition's part of the status block.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Partition {
    /// A [`crate::health::State`].
    pub state: u8,
    /// Padding, zero.
    pub reserved: [u8; 3],
    /// How often it was started.
    pub boots: u32,
    /// Machine time of its first console byte in nanoseconds; 0 if it has not spoken.
    pub first_output_ns: u64,
    /// Machine time at which its first virtual core was first entered, in nanoseconds; 0 if never.
    pub first_entry_ns: u64,
    /// Deadlines it reported as met.
    pub deadlines_met: u64,
    /// Deadlines it reported as missed.
    pub deadlines_missed: u64,
    /// The worst wake-up latency it reported, in nanoseconds.
    pub worst_wakeup_ns: u64,
    /// Core time it has used, in nanoseconds, summed over its virtual cores.
    pub cpu_ns: u64,
    /// Health events of this partition, kept or not.
    pub events_total: u32,
    /// Console bytes dropped because the serial port was slower.
    pub console_dropped: u32,
}

/// One physical core's part of the status block.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Core {
    /// Switches between partitions.
    pub switches: u64,
    /// Median length of a switch from trap to return, in counts of `minstret`; see [`Core::switch_max`].
    pub switch_p50: u32,
    /// The longest switch, in counts of `minstret` (QEMU with `-icount`: instructions, of all cores).
    pub switch_max: u32,
    /// Time the core spent in no partition, in nanoseconds.
    pub idle_ns: u64,
}

/// One health event.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    /// Machine time in nanoseconds.
    pub time_ns: u64,
    /// The physical address that an access reached for (the virtual one if the partition's tables do not
    /// lead anywhere), the illegal instruction, the address, hart or line that a denied call named, the panic
    /// code, or 0.
    pub address: u64,
    /// The program counter, or 0.
    pub program_counter: u64,
    /// The hardware's trap cause, the error of a denied call without its sign, or 0.
    pub cause: u32,
    /// Index of the partition in the system table.
    pub partition: u16,
    /// A [`crate::health::Kind`].
    pub kind: u8,
    /// The physical core.
    pub core: u8,
}
