//! The decoder of the instructions with which a partition may access a mediated device.
//!
//! Plain integer loads and stores only, 32-bit (unprivileged specification 20191213, 2.6 and 5.3) and
//! compressed (C 2.0, chapter 16, and Zcb 1.0). Everything else, atomic, floating-point, vector and
//! cache-block instructions among them, has no meaning on a device register and decodes to `None`.

use core::fmt;
use core::num::NonZeroU32;

/// The number of an integer register, 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(u8);

impl Register {
    /// The register in the low five bits of `field`.
    #[inline]
    #[must_use]
    pub const fn new(field: u32) -> Self {
        Self((field & 31) as u8)
    }

    /// The number, always below 32.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & 31) as usize
    }
}

/// What an access does with its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads memory into a register; a load to `x0` still reads.
    Load {
        /// The register that receives the value.
        destination: Register,
        /// Whether the value is extended by its sign rather than by zeros.
        sign_extend: bool,
    },
    /// Writes the low bytes of a register to memory.
    Store {
        /// The register that holds the value.
        source: Register,
    },
}

/// One load or store.
///
/// It proves what the instruction *bits* ask for; whether this instruction caused the trap is checked
/// by comparing [`Access::effective_address`] with the faulting address.
///
/// Every compressed load or store is short for a 32-bit one, and is kept as that one. Only its lowest
/// bits remember the length: `01` for two bytes, `11` for four.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Access(NonZeroU32);

const LOAD: u32 = 0b000_0011;
const STORE: u32 = 0b010_0011;
/// Set in the opcode of a store, clear in that of a load.
const IS_STORE: u32 = 0b010_0000;
const IS_LONG: u32 = 0b10;

impl Access {
    /// Load or store, and its register.
    #[inline]
    #[must_use]
    pub const fn operation(self) -> Operation {
        let instruction = self.0.get();
        if instruction & IS_STORE != 0 {
            Operation::Store {
                source: Register::new(instruction >> 20),
            }
        } else {
            Operation::Load {
                destination: Register::new(instruction >> 7),
                sign_extend: self.sign_extends(),
            }
        }
    }

    /// The width in bytes: 1, 2, 4 or 8.
    #[inline]
    #[must_use]
    pub const fn width(self) -> u8 {
        1 << field(self.0.get(), 12, 2)
    }

    /// The length of the instruction in bytes, 2 or 4: how far to move the program counter.
    #[inline]
    #[must_use]
    pub const fn instruction_length(self) -> u64 {
        (self.0.get() & IS_LONG) as u64 + 2
    }

    /// The register that holds the base address.
    #[inline]
    #[must_use]
    pub const fn base(self) -> Register {
        Register::new(self.0.get() >> 15)
    }

    /// What is added to the base, −2048 to 2047.
    #[inline]
    #[must_use]
    pub const fn offset(self) -> i64 {
        let instruction = self.0.get() as i32;
        if instruction as u32 & IS_STORE == 0 {
            (instruction >> 20) as i64
        } else {
            ((instruction >> 25) << 5) as i64 | field(instruction as u32, 7, 5) as i64
        }
    }

    /// The address accessed, given the value of the base register.
    #[inline]
    #[must_use]
    pub const fn effective_address(self, base: u64) -> u64 {
        base.wrapping_add(self.offset() as u64)
    }

    /// The value a load leaves in its register, given the bytes read (the low ones of `raw`).
    #[inline(always)]
    #[must_use]
    pub const fn loaded(self, raw: u64) -> u64 {
        let unused = self.unused_bits();
        let top = raw << unused;
        if self.sign_extends() {
            (top as i64 >> unused) as u64
        } else {
            top >> unused
        }
    }

    /// The bytes a store writes, given the value of its register.
    #[inline]
    #[must_use]
    pub const fn stored(self, register: u64) -> u64 {
        let unused = self.unused_bits();
        register << unused >> unused
    }

    /// How many of 64 bits the width leaves out: 56, 48, 32 or 0.
    #[inline]
    const fn unused_bits(self) -> u32 {
        64u32.wrapping_sub(8 << field(self.0.get(), 12, 2)) & 63
    }

    #[inline]
    const fn sign_extends(self) -> bool {
        field(self.0.get(), 14, 1) == 0
    }

    /// The 32-bit load that a compressed one is short for.
    #[inline]
    const fn short_load(function: u32, destination: u32, base: u32, offset: u32) -> Option<Self> {
        Self::short(LOAD | destination << 7 | function << 12 | base << 15 | offset << 20)
    }

    /// The 32-bit store that a compressed one is short for.
    #[inline]
    const fn short_store(function: u32, source: u32, base: u32, offset: u32) -> Option<Self> {
        let offset = field(offset, 0, 5) << 7 | (offset >> 5) << 25;
        Self::short(STORE | function << 12 | base << 15 | source << 20 | offset)
    }

    #[inline]
    const fn short(instruction: u32) -> Option<Self> {
        match NonZeroU32::new(instruction & !IS_LONG) {
            Some(instruction) => Some(Self(instruction)),
            None => None,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("operation", &self.operation())
            .field("width", &self.width())
            .field("instruction_length", &self.instruction_length())
            .field("base", &self.base())
            .field("offset", &self.offset())
            .finish()
    }
}

/// Whether a 32-bit instruction is `WFI` (privileged specification 1.12, 3.3.3).
#[inline]
#[must_use]
pub const fn is_wfi(instruction: u32) -> bool {
    instruction == 0x1050_0073
}

/// The register that a 32-bit instruction reads the time into: `rdtime`, or one of the other forms that
/// only read (unprivileged specification 20191213, 9.1 and 10.1).
#[inline]
#[must_use]
pub const fn time_destination(instruction: u32) -> Option<usize> {
    const TIME: u32 = 0xc01;
    // CSRRS, CSRRC, CSRRSI, CSRRCI, with no bit to set or clear.
    let reads = field(instruction, 12, 2) >= 2 && field(instruction, 15, 5) == 0;
    if instruction & 0x7f == 0x73 && field(instruction, 20, 12) == TIME && reads {
        Some(field(instruction, 7, 5) as usize)
    } else {
        None
    }
}

/// Decodes a load or store; of a compressed instruction only the low 16 bits are looked at.
#[inline]
#[must_use]
pub const fn decode(instruction: u32) -> Option<Access> {
    if instruction & 0b11 != 0b11 {
        return decode_compressed(instruction);
    }
    let function = field(instruction, 12, 3);
    let known = match instruction & 0x7f {
        // LB, LH, LW, LD, LBU, LHU, LWU; 0b111 is reserved.
        LOAD => function != 0b111,
        // SB, SH, SW, SD.
        STORE => function <= 0b011,
        _ => false,
    };
    match NonZeroU32::new(instruction) {
        Some(instruction) if known => Some(Access(instruction)),
        _ => None,
    }
}

/// `count` bits of `instruction` from bit `low`.
#[inline]
const fn field(instruction: u32, low: u32, count: u32) -> u32 {
    (instruction >> low) & ((1 << count) - 1)
}

/// The offset of `C.LW` and `C.SW`: bits 5:3, 2 and 6 (16.3).
const fn word_offset(instruction: u32) -> u32 {
    field(instruction, 10, 3) << 3 | field(instruction, 6, 1) << 2 | field(instruction, 5, 1) << 6
}

/// The offset of `C.LD` and `C.SD`: bits 5:3 and 7:6 (16.3).
const fn double_offset(instruction: u32) -> u32 {
    field(instruction, 10, 3) << 3 | field(instruction, 5, 2) << 6
}

/// A compressed load or store, by quadrant (bits 1:0) and function (bits 15:13).
const fn decode_compressed(instruction: u32) -> Option<Access> {
    const WORD: u32 = 0b010;
    const DOUBLE: u32 = 0b011;
    const STACK_POINTER: u32 = 2;

    let i = instruction;
    // In quadrant 0 both registers have three bits (x8 to x15); in quadrant 2 the base is the stack
    // pointer and the other register has five.
    let base = field(i, 7, 3) | 8;
    let near = field(i, 2, 3) | 8;
    let loaded = field(i, 7, 5);
    let stored = field(i, 2, 5);
    let stack = STACK_POINTER;

    match (i & 0b11, field(i, 13, 3)) {
        (0b00, 0b010) => Access::short_load(WORD, near, base, word_offset(i)),
        (0b00, 0b011) => Access::short_load(DOUBLE, near, base, double_offset(i)),
        (0b00, 0b100) => decode_zcb(i, base, near),
        (0b00, 0b110) => Access::short_store(WORD, near, base, word_offset(i)),
        (0b00, 0b111) => Access::short_store(DOUBLE, near, base, double_offset(i)),
        // 16.3: C.LWSP and C.LDSP to x0 are reserved.
        (0b10, 0b010) if loaded != 0 => {
            let offset = field(i, 12, 1) << 5 | field(i, 4, 3) << 2 | field(i, 2, 2) << 6;
            Access::short_load(WORD, loaded, stack, offset)
        }
        (0b10, 0b011) if loaded != 0 => {
            let offset = field(i, 12, 1) << 5 | field(i, 5, 2) << 3 | field(i, 2, 3) << 6;
            Access::short_load(DOUBLE, loaded, stack, offset)
        }
        (0b10, 0b110) => Access::short_store(
            WORD,
            stored,
            stack,
            field(i, 9, 4) << 2 | field(i, 7, 2) << 6,
        ),
        (0b10, 0b111) => Access::short_store(
            DOUBLE,
            stored,
            stack,
            field(i, 10, 3) << 3 | field(i, 7, 3) << 6,
        ),
        _ => None,
    }
}

/// The byte and half-word forms of Zcb, which share one function of quadrant 0.
const fn decode_zcb(instruction: u32, base: u32, near: u32) -> Option<Access> {
    const BYTE: u32 = 0b000;
    const HALF: u32 = 0b001;
    const UNSIGNED: u32 = 0b100;

    // Bytes: offset bits 0 and 1 in instruction bits 6 and 5. Half-words: bit 5 is offset bit 1, and
    // bit 6 tells C.LH from C.LHU (and is reserved in C.SH).
    let byte_offset = field(instruction, 6, 1) | field(instruction, 5, 1) << 1;
    let half_offset = field(instruction, 5, 1) << 1;
    let selected = field(instruction, 6, 1) == 1;
    match field(instruction, 10, 3) {
        0b000 => Access::short_load(BYTE | UNSIGNED, near, base, byte_offset),
        0b001 if selected => Access::short_load(HALF, near, base, half_offset),
        0b001 => Access::short_load(HALF | UNSIGNED, near, base, half_offset),
        0b010 => Access::short_store(BYTE, near, base, byte_offset),
        0b011 if !selected => Access::short_store(HALF, near, base, half_offset),
        _ => None,
    }
}

/// An instruction that was decoded, taken apart: a driver uses the same few again and again.
#[derive(Clone, Copy, Debug)]
pub struct RememberedAccess {
    instruction: u32,
    /// What it is; meaningless before the first [`RememberedAccess::decode`] that succeeds.
    pub access: Access,
    /// Whether it is a load.
    pub is_load: bool,
    /// The registers that it reads or writes, one bit each.
    pub registers: u32,
    /// The register that it loads or stores.
    pub operand: Register,
    /// The register with the base address.
    pub base: Register,
    /// What is added to the base.
    pub offset: i64,
    /// How far to move the program counter.
    pub length: u64,
}

impl RememberedAccess {
    /// Nothing remembered: 0 is no instruction, and what it "reads or writes" is every register, of which nobody
    /// who asks for what is remembered has all.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            instruction: 0,
            access: Access(NonZeroU32::MIN),
            is_load: false,
            registers: u32::MAX,
            operand: Register(0),
            base: Register(0),
            offset: 0,
            length: 0,
        }
    }

    /// The same as [`decode`], faster when the same instruction is asked for again.
    #[inline]
    pub fn decode(&mut self, instruction: u32) -> Option<&Self> {
        if instruction == 0 || self.remembered(instruction).is_none() {
            self.decode_anew(instruction)?;
        }
        Some(self)
    }

    /// The same, but only for the instruction that is remembered. Of 0, which none is, the answer is one that has
    /// every bit in [`RememberedAccess::registers`].
    #[inline(always)]
    #[must_use]
    pub fn remembered(&self, instruction: u32) -> Option<&Self> {
        (instruction == self.instruction).then_some(self)
    }

    #[cold]
    #[inline(never)]
    fn decode_anew(&mut self, instruction: u32) -> Option<()> {
        let access = decode(instruction)?;
        let (is_load, operand) = match access.operation() {
            Operation::Load { destination, .. } => (true, destination),
            Operation::Store { source } => (false, source),
        };
        *self = Self {
            instruction,
            access,
            is_load,
            registers: 1 << (access.base().index() & 31) | 1 << (operand.index() & 31),
            operand,
            base: access.base(),
            offset: access.offset(),
            length: access.instruction_length(),
        };
        Some(())
    }
}

impl Default for RememberedAccess {
    fn default() -> Self {
        Self::new()
    }
}
