//! What an access does that stage 2 denied: which registers it moves, and how many bytes.
//!
//! The syndrome of the exception tells it for the plain loads and stores of one general register (DDI 0487, D24.2.40,
//! "ISS encoding for an exception from a Data Abort", with `ISV`). For others the instruction has to be read from the
//! partition's memory and decoded ([`instruction`]). Either way it is the partition that chose the words, and a second
//! core may have changed the instruction since: what comes of it is only how the partition's own registers change.

pub mod instruction;

/// A general register, 0 to 30. 31 reads as zero and keeps nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u8);

impl Register {
    /// The one with the number in the low five bits.
    #[must_use]
    pub const fn new(field: u32) -> Self {
        Self((field & 31) as u8)
    }

    /// Its number, always below 32.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & 31) as usize
    }
}

/// How many bytes of a register are moved, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// How many bytes each register moves, as a power of two: 0 to 3.
    shift: u8,
    is_write: bool,
    /// Whether what is loaded is extended by its sign.
    sign_extends: bool,
    /// Whether that goes on for all 64 bits of the register, or for 32.
    is_wide: bool,
    first: Register,
    /// The register for the bytes that follow.
    second: Option<Register>,
}

/// Of a syndrome: the rest of these is about an instruction that moves one register.
const IS_VALID: u64 = 1 << 24;
const SIGN_EXTENDS: u64 = 1 << 21;
const IS_WIDE: u64 = 1 << 15;
/// It was a cache's maintenance, which moves nothing.
const CACHE: u64 = 1 << 8;
/// It was a walk of the partition's own tables.
const WALK: u64 = 1 << 7;
const IS_WRITE: u64 = 1 << 6;

impl Transfer {
    /// What the syndrome tells of a data abort of a lower level that stage 2 is the reason of; `None` if it does not, or if
    /// it is about something else.
    #[must_use]
    pub const fn of_syndrome(syndrome: u64) -> Option<Self> {
        const DATA_ABORT: u64 = 0b10_0100;
        const ALONE: u64 = IS_VALID | CACHE | WALK;
        // `DFSC`, without the level: faults of a translation, of the access flag and of a permission.
        let is_fault = matches!(syndrome >> 2 & 0xf, 1..=3);
        if syndrome >> 26 & 0x3f != DATA_ABORT || syndrome & ALONE != IS_VALID || !is_fault {
            return None;
        }
        let is_write = syndrome & IS_WRITE != 0;
        Some(Self {
            shift: (syndrome >> 22 & 3) as u8,
            is_write,
            sign_extends: syndrome & SIGN_EXTENDS != 0 && !is_write,
            is_wide: syndrome & IS_WIDE != 0,
            first: Register::new((syndrome >> 16) as u32),
            second: None,
        })
    }

    /// Whether a syndrome of which [`Transfer::of_syndrome`] makes nothing is about an access of which the instruction
    /// may tell more.
    #[must_use]
    pub const fn is_decodable(syndrome: u64) -> bool {
        const DATA_ABORT: u64 = 0b10_0100;
        let is_fault = matches!(syndrome >> 2 & 0xf, 1..=3);
        syndrome >> 26 & 0x3f == DATA_ABORT && syndrome & (CACHE | WALK) == 0 && is_fault
    }

    /// Whether registers are stored, rather than loaded.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        self.is_write
    }

    /// How many bytes each register moves: 1, 2, 4 or 8.
    #[must_use]
    pub const fn bytes(&self) -> u8 {
        1 << (self.shift & 3)
    }

    /// How many bytes are accessed in all.
    #[must_use]
    pub const fn total(&self) -> u8 {
        match self.second {
            Some(_) => self.bytes() * 2,
            None => self.bytes(),
        }
    }

    /// The register at the lowest address.
    #[must_use]
    pub const fn first(&self) -> Register {
        self.first
    }

    /// The register at the address after that, if there are two.
    #[must_use]
    pub const fn second(&self) -> Option<Register> {
        self.second
    }

    /// The value a load leaves in its register, given the bytes read (the low ones of `raw`).
    #[must_use]
    pub const fn loaded(&self, raw: u64) -> u64 {
        let unused = self.unused_bits();
        let top = raw << unused;
        if !self.sign_extends {
            return top >> unused;
        }
        let extended = (top as i64 >> unused) as u64;
        if self.is_wide {
            extended
        } else {
            extended & 0xffff_ffff
        }
    }

    /// The bytes a store writes, given the value of its register.
    #[must_use]
    pub const fn stored(&self, register: u64) -> u64 {
        let unused = self.unused_bits();
        register << unused >> unused
    }

    /// How many of 64 bits it leaves out: 56, 48, 32 or 0.
    const fn unused_bits(&self) -> u32 {
        64_u32.wrapping_sub(8 << (self.shift & 3)) & 63
    }
}
