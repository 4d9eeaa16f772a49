//! What an SMMUv3 reads in memory (Arm System Memory Management Unit Architecture Specification, IHI 0070): which device
//! is translated by which table, commands to it, and what it tells of accesses that it denied.
//!
//! Streams, by which it tells devices apart, have 16 bits: ten for a table of the second level, of which each partition
//! has one at most for all that it owns, and six for an entry of that. What nobody owns is denied.

use partita_abi::table::Streams;

/// Bits of a stream's number.
pub const STREAM_BITS: u32 = 16;
/// Bits of it that choose an entry of the second level (`STRTAB_BASE_CFG.SPLIT`).
pub const SPLIT: u32 = 6;
const FIRST_LEVEL: usize = 1 << (STREAM_BITS - SPLIT);
const SECOND_LEVEL: usize = 1 << SPLIT;

/// Rows of streams that there is room for.
pub const MOST_ROWS: usize = 4;

/// Entries of each of the queues, as a power of two.
pub const QUEUE_BITS: u32 = 4;
const QUEUE: usize = 1 << QUEUE_BITS;

/// `STRTAB_BASE_CFG` for this stream table (6.3.25): two levels.
pub const FORMAT: u32 = 1 << 16 | SPLIT << 6 | STREAM_BITS;

const _: () = assert!(SECOND_LEVEL == Streams::UNIT as usize);

/// A stream table entry (5.2).
pub type Entry = [u64; 8];

/// Fields of its first word.
mod first_word {
    /// `V`: the entry is valid.
    pub const VALID: u64 = 1 << 0;
    /// `Config`: stage 1 is bypassed, stage 2 translates. Zero denies, and tells nobody.
    pub const STAGE_2: u64 = 0b110 << 1;
}

/// The first word of an entry that denies everything.
pub const DENY: u64 = first_word::VALID;

/// The first word of an entry that lets a partition's table decide.
pub const TRANSLATE: u64 = first_word::VALID | first_word::STAGE_2;

/// The entry of streams that stage 2 translates, once its first word says so: it denies still. `control` is the
/// `VTCR_EL2` that the table was made for, `root` its `VTTBR_EL2`: number and first table.
#[must_use]
pub const fn entry(root: u64, control: u64) -> Entry {
    /// `SHCFG`: shareability as the device says. `EATS`, `STRW` and the like stay zero: no translations in devices.
    const SHAREABILITY: u64 = 1 << 44;
    /// From `T0SZ` to `PS`, where the entry has them as the register does.
    const CONTROL: u64 = 0x7_ffff;
    /// `S2AA64`: tables as AArch64 has them; little-endian, and the access flag is not managed.
    const LONG: u64 = 1 << 51;
    /// `S2R`: what is denied is told, and ended as an abort (no `S2S`).
    const RECORD: u64 = 1 << 58;
    const NUMBER: u64 = 0xffff;
    const TABLE: u64 = 0x0000_ffff_ffff_fff0;
    [
        DENY,
        SHAREABILITY,
        root >> 48 & NUMBER | (control & CONTROL) << 32 | LONG | RECORD,
        root & TABLE,
        0,
        0,
        0,
        0,
    ]
}

/// Everything that the unit reads and writes in memory. All zero, it denies everything.
#[derive(Debug)]
#[repr(C, align(16384))]
pub struct Area {
    /// The first level of the stream table (5.1).
    pub descriptors: [u64; FIRST_LEVEL],
    /// The second level, a table for each row of streams: all entries are the same.
    pub entries: [[Entry; SECOND_LEVEL]; MOST_ROWS],
    /// The command queue (4.1).
    pub commands: [Command; QUEUE],
    /// The event queue (7.2).
    pub events: [[u64; 4]; QUEUE],
}

impl Area {
    /// Puts in a row of streams, whose accesses are denied until [`TRANSLATE`] is written. Returns whether there was
    /// room for it.
    pub fn add(&mut self, row: usize, streams: &Streams, entry: Entry) -> bool {
        let Some(table) = self.entries.get_mut(row) else {
            return false;
        };
        *table = [entry; SECOND_LEVEL];
        // The span: a table of 2^(n-1) entries.
        let descriptor = core::ptr::from_ref(table) as u64 | (SPLIT as u64).wrapping_add(1);
        let (first, end) = (streams.first >> SPLIT, streams.end() >> SPLIT);
        match self.descriptors.get_mut(first as usize..end as usize) {
            Some(places) => {
                places.fill(descriptor);
                true
            }
            None => false,
        }
    }
}

/// A command (4.1).
pub type Command = [u64; 2];

/// Commands.
pub mod command {
    use super::Command;

    /// Forgets all of the stream table that it keeps (`CMD_CFGI_STE_RANGE` of everything, 4.3.3).
    pub const FORGET_STREAMS: Command = [0x04, 31];
    /// Forgets all translations (`CMD_TLBI_NSNH_ALL`, 4.4.2).
    pub const FORGET_TRANSLATIONS: Command = [0x30, 0];
    /// The queue goes on when all commands before it have been done (`CMD_SYNC`, 4.7.3).
    pub const SYNCHRONIZE: Command = [0x46, 0];
}

/// A place in a queue, with the bit that changes each time around (3.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    const MASK: u32 = (2 << QUEUE_BITS) - 1;

    /// The place that a register of the unit tells, which may have other bits.
    #[must_use]
    pub const fn of(register: u32) -> Self {
        Self(register & Self::MASK)
    }

    /// What goes into the register.
    #[must_use]
    pub const fn register(self) -> u32 {
        self.0
    }

    /// The index in the queue.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize % QUEUE
    }

    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::of(self.0.wrapping_add(1))
    }
}

/// What became of an access of a device (7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind of an event it is.
    pub number: u8,
    /// The device.
    pub stream: u32,
    /// The address that it reached for; 0 if the event has none.
    pub address: u64,
}

impl Event {
    /// From an abort of a walk to a permission fault: the events that have an address.
    const WITH_ADDRESS: [u8; 5] = [0x0b, 0x10, 0x11, 0x12, 0x13];

    /// What the record in the queue says.
    #[must_use]
    pub fn read(record: [u64; 4]) -> Self {
        let number = record[0] as u8;
        Self {
            number,
            stream: (record[0] >> 32) as u32,
            address: if Self::WITH_ADDRESS.contains(&number) {
                record[2]
            } else {
                0
            },
        }
    }

    /// Whether it tells nothing new after `other`: the same of the same page.
    #[must_use]
    pub const fn repeats(&self, other: &Self) -> bool {
        self.number == other.number
            && self.stream == other.stream
            && self.address >> 12 == other.address >> 12
    }
}
