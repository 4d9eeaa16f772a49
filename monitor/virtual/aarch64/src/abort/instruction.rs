//! The decoder of loads and stores of which the syndrome tells nothing: those of two registers, and those that change
//! the register with the address (DDI 0487, C4.1.94, "Loads and Stores").
//!
//! Those of one register that leave the address alone are decoded as well, since a core may tell nothing of any. Not
//! decoded: vectors, exclusives, atomics, tags, prefetches, literals, and what is unpredictable. They have no meaning on a
//! device's registers.

use super::{Register, Transfer};

/// A load or a store of general registers.
///
/// It proves what the instruction's bits ask for. Whether it is what caused an exception is told by
/// [`Instruction::is_reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it moves.
    pub transfer: Transfer,
    base: u8,
    offset: Offset,
}

/// How the address comes of the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offset {
    /// It is added.
    Immediate(i64),
    /// It is added, and the base becomes the sum.
    Before(i64),
    /// It is added to the base, which was the address, afterwards.
    After(i64),
    /// Another register is added.
    Register {
        index: Register,
        /// How it is extended, as the instruction encodes it: from 32 bits, or not; by its sign, or not.
        extension: u8,
        shift: u8,
    },
}

const PAGE: u64 = 0x1000;

impl Instruction {
    /// The number of the register with the base: below 31, or 31 for the stack pointer.
    #[must_use]
    pub const fn base(&self) -> usize {
        (self.base & 31) as usize
    }

    /// Another register that the address depends on.
    #[must_use]
    pub const fn index(&self) -> Option<Register> {
        match self.offset {
            Offset::Register { index, .. } => Some(index),
            _ => None,
        }
    }

    /// The address, given the base and what is in [`Instruction::index`].
    #[must_use]
    pub const fn address(&self, base: u64, index: u64) -> u64 {
        match self.offset {
            Offset::Immediate(offset) | Offset::Before(offset) => base.wrapping_add(offset as u64),
            Offset::After(_) => base,
            Offset::Register {
                extension, shift, ..
            } => {
                let extended = match extension {
                    0b010 => index as u32 as u64,
                    0b110 => index as u32 as i32 as i64 as u64,
                    _ => index,
                };
                base.wrapping_add(extended << (shift & 3))
            }
        }
    }

    /// What the register with the base becomes.
    #[must_use]
    pub const fn write_back(&self, base: u64) -> Option<u64> {
        match self.offset {
            Offset::Before(offset) | Offset::After(offset) => {
                Some(base.wrapping_add(offset as u64))
            }
            _ => None,
        }
    }

    /// Whether, at this address, it accesses the byte whose access was denied, and no other page.
    #[must_use]
    pub const fn is_reason(&self, address: u64, denied: u64) -> bool {
        let total = self.transfer.total() as u64;
        denied.wrapping_sub(address) < total && address % PAGE <= PAGE - total
    }
}

/// `count` bits of `instruction` from bit `low`.
const fn field(instruction: u32, low: u32, count: u32) -> u32 {
    instruction >> low & ((1 << count) - 1)
}

/// The same, with a sign.
const fn signed(instruction: u32, low: u32, count: u32) -> i64 {
    let unused = 32 - count;
    (((instruction >> low) << unused) as i32 >> unused) as i64
}

/// Decodes a load or a store.
#[must_use]
pub const fn decode(instruction: u32) -> Option<Instruction> {
    const VECTORS: u32 = 1 << 26;
    if instruction & VECTORS != 0 {
        return None;
    }
    match field(instruction, 27, 3) {
        0b101 => pair(instruction),
        0b111 => single(instruction),
        _ => None,
    }
}

/// Of two registers (C4.1.94.23 to C4.1.94.26): with a hint, after, plain, before.
const fn pair(instruction: u32) -> Option<Instruction> {
    let is_load = field(instruction, 22, 1) == 1;
    let (first, second) = (Register::new(instruction), Register::new(instruction >> 10));
    let base = field(instruction, 5, 5) as u8;
    let (shift, sign_extends) = match (field(instruction, 30, 2), is_load) {
        (0b00, _) => (2, false),
        (0b01, true) => (2, true),
        (0b10, _) => (3, false),
        _ => return None,
    };
    let offset = signed(instruction, 15, 7) << shift;
    let offset = match field(instruction, 23, 3) {
        0b000 if !sign_extends => Offset::Immediate(offset),
        0b001 => Offset::After(offset),
        0b010 => Offset::Immediate(offset),
        0b011 => Offset::Before(offset),
        _ => return None,
    };
    let is_unpredictable = is_load && first.index() == second.index()
        || changes(offset) && (is_same(base, first) || is_same(base, second));
    if is_unpredictable {
        return None;
    }
    Some(Instruction {
        transfer: Transfer {
            shift,
            is_write: !is_load,
            sign_extends,
            is_wide: sign_extends || shift == 3,
            first,
            second: Some(second),
        },
        base,
        offset,
    })
}

/// Of one register (C4.1.94.27 to C4.1.94.33): unscaled, after, unprivileged, before, by register, by immediate.
const fn single(instruction: u32) -> Option<Instruction> {
    let shift = field(instruction, 30, 2) as u8;
    let (is_write, sign_extends, is_wide) = match (field(instruction, 22, 2), shift) {
        (0b00, _) => (true, false, shift == 3),
        (0b01, _) => (false, false, shift == 3),
        (0b10, 0..=2) => (false, true, true),
        (0b11, 0..=1) => (false, true, false),
        _ => return None,
    };
    let near = signed(instruction, 12, 9);
    let scaled = (field(instruction, 10, 12) as i64) << shift;
    let by_register = field(instruction, 21, 1);
    let offset = match (
        field(instruction, 24, 2),
        by_register,
        field(instruction, 10, 2),
    ) {
        (0b01, _, _) => Offset::Immediate(scaled),
        (0b00, 0, 0b00 | 0b10) => Offset::Immediate(near),
        (0b00, 0, 0b01) => Offset::After(near),
        (0b00, 0, _) => Offset::Before(near),
        (0b00, _, 0b10) if field(instruction, 14, 1) == 1 => Offset::Register {
            index: Register::new(instruction >> 16),
            extension: field(instruction, 13, 3) as u8,
            shift: shift * field(instruction, 12, 1) as u8,
        },
        _ => return None,
    };
    let first = Register::new(instruction);
    let base = field(instruction, 5, 5) as u8;
    if changes(offset) && is_same(base, first) {
        return None;
    }
    Some(Instruction {
        transfer: Transfer {
            shift,
            is_write,
            sign_extends,
            is_wide,
            first,
            second: None,
        },
        base,
        offset,
    })
}

/// Whether the base changes.
const fn changes(offset: Offset) -> bool {
    matches!(offset, Offset::Before(_) | Offset::After(_))
}

/// Whether a register is the base. The stack pointer is no register that is loaded or stored.
const fn is_same(base: u8, register: Register) -> bool {
    base != 31 && base as usize == register.index()
}
