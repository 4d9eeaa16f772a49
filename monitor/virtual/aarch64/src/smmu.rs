//! What an SMMUv3 reads in memory (Arm System Memory Management Unit Architecture Specification, IHI 0070): which device
//! is translated by which table, commands to it, and what it tells of accesses that it denied.
//!
//! Streams, by which it tells devices apart, have 16 bits: ten for a table of the second level, and six for an entry of
//! that. One partition can own some, and all of them are described by one such table. What nobody owns is denied.

use crate::stage_2::Table;
use partita_abi::table::Streams;

/// Bits of a stream's number.
pub const STREAM_BITS: u32 = 16;
/// Bits of it that choose an entry of the second level (`STRTAB_BASE_CFG.SPLIT`).
pub const SPLIT: u32 = 6;
const FIRST_LEVEL: usize = 1 << (STREAM_BITS - SPLIT);
const SECOND_LEVEL: usize = 1 << SPLIT;

/// What the unit has to be able to do, by its registers `SMMU_IDR0` and `SMMU_IDR1` (6.3.1, 6.3.2): stage 2 with tables as
/// AArch64 has them, coherent walks, stream tables of two levels, and as many streams and places as there are here.
#[must_use]
pub const fn suffices(feature_0: u32, feature_1: u32) -> bool {
    const STAGE_2: u32 = 1 << 0;
    const LONG: u32 = 1 << 3;
    const COHERENT: u32 = 1 << 4;
    const NEEDED: u32 = STAGE_2 | LONG | COHERENT;
    let two_levels = feature_0 >> 27 & 3 == 1;
    let streams = feature_1 & 0x3f;
    let commands = feature_1 >> 21 & 0x1f;
    let events = feature_1 >> 16 & 0x1f;
    feature_0 & NEEDED == NEEDED
        && two_levels
        && streams >= STREAM_BITS
        && commands >= QUEUE_BITS
        && events >= QUEUE_BITS
}

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
    /// The second level: all entries are the same.
    pub entries: [Entry; SECOND_LEVEL],
    /// The command queue (4.1). What is to be done is always the same, so it is there from the start, several times.
    pub commands: [Command; QUEUE],
    /// The event queue (7.2).
    pub events: [[u64; 4]; QUEUE],
    /// What translates devices. It is not what translates their partitions: devices reach RAM, and no other device.
    pub tables: [Table; TABLES],
}

/// Tables for translation: the first one, of blocks for five gigabytes, and of pages for both ends of the memory.
const TABLES: usize = 8;

/// The most that an [`Area`] takes, in bytes.
pub const AREA_BYTES: u64 = 0x1_0000;

const _: () = assert!(size_of::<Area>() as u64 <= AREA_BYTES);

impl Area {
    /// Puts in the streams, whose accesses are denied until [`TRANSLATE`] is written, and the commands. Returns whether
    /// there are such streams.
    pub fn fill(&mut self, streams: &Streams, entry: Entry) -> bool {
        self.entries = [entry; SECOND_LEVEL];
        for (command, what) in self.commands.iter_mut().zip(FORGET.iter().cycle()) {
            *command = *what;
        }
        // The span: a table of 2^(n-1) entries.
        let descriptor = core::ptr::from_ref(&self.entries) as u64 | (SPLIT as u64).wrapping_add(1);
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

/// Forgets all of the stream table (`CMD_CFGI_STE_RANGE` of everything, 4.3.3) and all translations
/// (`CMD_TLBI_NSNH_ALL`, 4.4.2) that the unit keeps, and goes on when accesses that it let pass before are complete
/// (`CMD_SYNC`, 4.7.3): once more than needed, so that the queue holds a whole number of these.
pub const FORGET: [Command; 4] = [[0x04, 31], [0x30, 0], [0x46, 0], [0x46, 0]];

const _: () = assert!(QUEUE.is_multiple_of(FORGET.len()));

/// A place in a queue, with the bit that changes each time around (3.5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// Its bits in a register.
    pub const MASK: u32 = (2 << QUEUE_BITS) - 1;

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

    /// The place so many further on.
    #[must_use]
    pub const fn after(self, count: u32) -> Self {
        Self::of(self.0.wrapping_add(count))
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
