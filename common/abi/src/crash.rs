//! Crash records: what the monitor knew of a partition when it took it down.
//!
//! The memory behind the store ([`crate::image::CRASH_BYTES`]) holds one [`Record`] for each partition,
//! in the order of the system table. No image file reaches there, so the records survive a restart of
//! the partition and a reset of the board; after power-on the memory holds anything. A record is believed
//! only if [`Record::is_sound`].
//!
//! A record also goes out on the serial port, in lines `crash PARTITION OFFSET HEX` of the monitor with
//! [`BYTES_PER_LINE`] bytes each. The partition is its number in the system table, the offset has four
//! hexadecimal digits. The lines come in order, between others; offset 0 starts a record anew.
//! [`Record::bytes`] says how long it is.

use crate::MAX_PARTITIONS;
use crate::image::CRASH_BYTES;
use crate::name::Name;
use crate::status::Event;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The most trace entries in a record.
pub const TRACE_ENTRIES: usize = 16;
/// The most words of the stack in a record.
pub const STACK_WORDS: usize = 144;
/// Bytes of a record in one line of the serial port.
pub const BYTES_PER_LINE: usize = 32;

/// What the monitor knew of a partition. The integers have the machine's order, which is little-endian.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Record {
    /// [`Record::MAGIC`].
    pub magic: [u8; 8],
    /// [`checksum`] of the bytes behind this field, [`Record::bytes`] in all.
    pub checksum: u64,
    /// [`Record::VERSION`].
    pub version: u16,
    /// Bytes of the record: it ends behind the last word of the stack that was read.
    pub bytes: u16,
    /// How often the board was started since.
    pub board_starts: u32,
    /// Name of the partition.
    pub partition: Name,
    /// What happened. Its program counter is where the virtual core was, if the registers are there.
    pub event: Event,
    /// The partition's starts, this life included.
    pub boots: u32,
    /// The [`crate::health::Action`] that followed.
    pub action: u8,
    /// Bits of [`flags`].
    pub flags: u8,
    /// Words of [`Record::stack`].
    pub stack_words: u8,
    /// Entries of [`Record::trace`].
    pub trace_entries: u8,
    /// The partition's own number for the core.
    pub virtual_core: u64,
    /// `x1` to `x31`; on Arm `x0` to `x30`.
    pub registers: [u64; 31],
    /// `mstatus`, of which `sstatus` is a part; on Arm the processor state, as in `SPSR_EL3`.
    pub status: u64,
    /// `stvec`; on Arm `VBAR_EL1`.
    pub trap_vector: u64,
    /// `sscratch`; on Arm the stack pointer that was in use.
    pub scratch: u64,
    /// `sepc`; on Arm `ELR_EL1`.
    pub exception_counter: u64,
    /// `scause`; on Arm `ESR_EL1`.
    pub trap_cause: u64,
    /// `stval`; on Arm `FAR_EL1`.
    pub trap_value: u64,
    /// `satp`; on Arm `TTBR0_EL1`.
    pub translation: u64,
    /// `sie`; on Arm `SCTLR_EL1`.
    pub enabled: u64,
    /// `sip`; on Arm 0.
    pub pending: u64,
    /// The last things that the monitor did for the partition, oldest first.
    pub trace: [TraceEntry; TRACE_ENTRIES],
    /// What lay on the stack, from the stack pointer (RISC-V: `x2`), rounded down to 8, upwards.
    pub stack: [u64; STACK_WORDS],
}

/// Bits of [`Record::flags`].
pub mod flags {
    /// The registers are there: the virtual core was on the core that found the event.
    pub const REGISTERS: u8 = 1 << 0;
    /// The virtual core was in supervisor mode, not in user mode; on Arm, not at EL0.
    pub const SUPERVISOR: u8 = 1 << 1;
    /// The registers are those of a 64-bit Arm core; else of a RISC-V hart.
    pub const AARCH64: u8 = 1 << 2;
}

/// Bytes that each record may take.
pub const SLOT_BYTES: usize = CRASH_BYTES as usize / MAX_PARTITIONS;
const _: () = assert!(size_of::<Record>() <= SLOT_BYTES);

impl Record {
    /// The first bytes of a record.
    pub const MAGIC: [u8; 8] = *b"PRTCRASH";
    /// The version of the layout on this page.
    pub const VERSION: u16 = 1;
    /// Bytes in front of the stack.
    pub const FIXED_BYTES: usize = size_of::<Self>() - STACK_WORDS * 8;
    /// Offset of the first byte that [`Record::checksum`] covers.
    const CHECKED_FROM: usize = 16;

    /// The bytes of the record, as many as it says.
    pub fn used(&self) -> &[u8] {
        self.as_bytes()
            .get(..usize::from(self.bytes))
            .unwrap_or_default()
    }

    /// Whether it begins as a record does.
    #[inline(never)]
    pub fn has_magic(&self) -> bool {
        self.magic == Self::MAGIC
    }

    /// Makes the record one that is believed.
    pub fn seal(&mut self) {
        self.magic = Self::MAGIC;
        self.version = Self::VERSION;
        self.bytes = (Self::FIXED_BYTES + 8 * usize::from(self.stack_words)) as u16;
        self.checksum = self.sum();
    }

    /// Whether this is a whole record, and not what memory happens to hold.
    pub fn is_sound(&self) -> bool {
        self.has_magic()
            && self.version == Self::VERSION
            && usize::from(self.stack_words) <= STACK_WORDS
            && usize::from(self.trace_entries) <= TRACE_ENTRIES
            && usize::from(self.bytes) == Self::FIXED_BYTES + 8 * usize::from(self.stack_words)
            && self.partition.is_valid()
            && self.checksum == self.sum()
    }

    /// Reads a record, which may be followed by anything.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        use zerocopy::FromZeros;
        let mut record = Self::new_zeroed();
        let length = bytes.len().min(size_of::<Self>());
        let used = bytes.get(..length)?;
        record
            .as_mut_bytes()
            .get_mut(..length)?
            .copy_from_slice(used);
        (usize::from(record.bytes) <= length && record.is_sound()).then_some(record)
    }

    fn sum(&self) -> u64 {
        let bytes = self.used().get(Self::CHECKED_FROM..).unwrap_or_default();
        // A record is words, so this is all of them.
        checksum(<[u64]>::ref_from_bytes(bytes).unwrap_or_default())
    }
}

/// A sum of words that depends on their order. It tells a record from chance, not from malice: no partition
/// can write where records lie.
fn checksum(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |sum: u64, word| {
        sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(*word)
    })
}

/// Something rare that the monitor did for a partition, or found about it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct TraceEntry {
    /// Machine time in nanoseconds, of the first one if it was repeated.
    pub time_ns: u64,
    /// By [`Trace`].
    pub value: u64,
    /// By [`Trace`].
    pub more: u32,
    /// A [`Trace`].
    pub what: u8,
    /// By [`Trace`].
    pub detail: u8,
    /// The physical core.
    pub core: u8,
    /// How often it was repeated; 255 is that often or more.
    pub repeats: u8,
}

/// What a [`TraceEntry`] is about. The numbers are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trace {
    /// The partition's images are verified and copied.
    Loading = 1,
    /// Its first virtual core was started. `more`: its starts.
    Started = 2,
    /// All its virtual cores have stopped. `detail`: a [`crate::health::State`].
    Stopped = 3,
    /// A health event. `detail`: a [`crate::health::Kind`]; `more`: the cause; `value`: the address.
    Event = 4,
    /// What followed a health event. `detail`: a [`crate::health::Action`]; `value`: how long it waits, in
    /// nanoseconds.
    Action = 5,
    /// It asked for a virtual core to be started. `more`: its number; `value`: the address.
    CoreStart = 6,
    /// A virtual core stopped itself. `more`: its number.
    CoreStop = 7,
}

impl Trace {
    /// Every one, in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::Loading,
        Self::Started,
        Self::Stopped,
        Self::Event,
        Self::Action,
        Self::CoreStart,
        Self::CoreStop,
    ];

    /// The one with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|trace| *trace as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, STACK_WORDS};
    use crate::name::Name;
    use zerocopy::{FromZeros, IntoBytes};

    fn record(words: u8) -> Record {
        let mut record = Record::new_zeroed();
        record.partition = Name::new("cluster").unwrap();
        record.stack_words = words;
        record.event.program_counter = 0x9000_0000;
        record.seal();
        record
    }

    #[test]
    fn a_sealed_record_reads_back() {
        for words in [0, 1, STACK_WORDS as u8] {
            let sealed = record(words);
            let read = Record::read(sealed.used()).unwrap();
            assert_eq!(read.as_bytes(), sealed.as_bytes());
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let sound = record(3);
        for bit in 0..sound.used().len() * 8 {
            let mut bytes = sound.used().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::read(&bytes).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn a_record_that_is_cut_short_is_noticed() {
        let sound = record(3);
        for length in 0..sound.used().len() {
            assert!(Record::read(&sound.used()[..length]).is_none());
        }
    }
}
