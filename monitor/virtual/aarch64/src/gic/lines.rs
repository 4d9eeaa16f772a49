//! Registers with a field for each line, which the distributor and the redistributors share (IHI 0069, 12.9 and 12.11;
//! IHI 0048B, 4.3).

use super::{Access, Owned, ReadEffect, View, WriteEffect, real_priority};

/// Where these registers begin and end. The distributor of version 2 has others in between.
pub const BEGIN: u64 = 0x080;
pub const END: u64 = 0x1000;

const PRIORITY: u64 = 0x400;
const PRIORITY_END: u64 = 0x800;
const CONFIGURATION: u64 = 0xc00;
const CONFIGURATION_END: u64 = 0xd00;

/// Software interrupts, at the first lines. That they are triggered by edges cannot be changed.
const SOFTWARE: u32 = 0xffff;

/// The lines whose registers are accessed.
#[derive(Clone, Copy)]
pub struct Bank<'a> {
    pub owned: &'a Owned,
    /// The first word that these registers have, and the first that they have not.
    pub words: (u32, u32),
}

/// What a register has for each line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A bit to enable it, or to disable it.
    Enable { on: bool },
    /// A bit to make it pending or active.
    Set,
    /// A bit to end that.
    Clear,
    /// A byte.
    Priority,
    /// Two bits.
    Configuration,
    /// What the normal world has not: groups, what it may do to secure lines, and what is not in use.
    Nothing,
}

impl Kind {
    /// Of the register at an offset in the distributor or a redistributor.
    const fn of(offset: u64) -> Self {
        match offset % END {
            0x100..0x180 => Self::Enable { on: true },
            0x180..0x200 => Self::Enable { on: false },
            0x200..0x280 | 0x300..0x380 => Self::Set,
            0x280..0x300 | 0x380..0x400 => Self::Clear,
            PRIORITY..PRIORITY_END => Self::Priority,
            CONFIGURATION..CONFIGURATION_END => Self::Configuration,
            _ => Self::Nothing,
        }
    }
}

impl Bank<'_> {
    /// Lines of the word whose bits are at this offset.
    fn word(&self, offset: u64) -> (u32, u32) {
        let word = (offset & 0x7f) as u32 / 4;
        (word, self.lines(word))
    }

    fn lines(&self, word: u32) -> u32 {
        if word < self.words.0 || word >= self.words.1 {
            return 0;
        }
        self.owned.word(word)
    }

    /// Which of the bytes from this line on it owns, one bit each.
    pub fn lanes(&self, first: u32, size: u8) -> u8 {
        let own = self.lines(first / 32).wrapping_shr(first % 32) as u8;
        own & if size == 1 { 1 } else { 0xf }
    }

    /// The bits of the fields of 16 lines from this one on.
    fn fields(&self, first: u32) -> u32 {
        let own = self.lines(first / 32).wrapping_shr(first % 32);
        (0..16_u32).fold(0, |mask, line| {
            mask | (own.wrapping_shr(line) & 1).wrapping_shl(line * 2 + 1)
        })
    }

    /// Judges a read.
    pub fn read(&self, access: Access) -> ReadEffect {
        let Access { offset, size } = access;
        let bits = |mask| match mask {
            0 => ReadEffect::Value(0),
            mask => ReadEffect::Hardware {
                offset,
                size,
                view: View::Bits { mask, value: 0 },
            },
        };
        match (Kind::of(offset), size) {
            (Kind::Priority, 1 | 4) => match self.lanes(first_of_bytes(offset), size) {
                0 => ReadEffect::Value(0),
                lanes => ReadEffect::Hardware {
                    offset,
                    size,
                    view: View::Priority { lanes },
                },
            },
            (_, 1 | 2 | 8) => ReadEffect::Denied,
            (Kind::Enable { .. }, _) => match self.word(offset) {
                (_, 0) => ReadEffect::Value(0),
                (word, lines) => ReadEffect::Enabled { word, lines },
            },
            (Kind::Set | Kind::Clear, _) => bits(self.word(offset).1),
            (Kind::Configuration, _) => bits(self.fields(first_of_fields(offset))),
            _ => ReadEffect::Value(0),
        }
    }

    /// Judges a write.
    pub fn write(&self, access: Access, value: u32) -> WriteEffect {
        let Access { offset, size } = access;
        match (Kind::of(offset), size) {
            (Kind::Priority, 1 | 4) => {
                let lanes = self.lanes(first_of_bytes(offset), size);
                bytes(offset, lanes, |lane| {
                    Some(real_priority(value.wrapping_shr(lane * 8) as u8))
                })
            }
            (_, 1 | 2 | 8) => WriteEffect::Denied,
            (Kind::Enable { on }, _) => {
                let (word, own) = self.word(offset);
                // Drivers of version 2 enabled all software interrupts at once.
                let tolerated = if own != 0 && word == 0 { SOFTWARE } else { 0 };
                match value & own {
                    _ if on && value & !(own | tolerated) != 0 => WriteEffect::Denied,
                    0 => WriteEffect::Ignored,
                    lines => WriteEffect::Enable { word, lines, on },
                }
            }
            (Kind::Set, _) if value & !self.word(offset).1 != 0 => WriteEffect::Denied,
            (Kind::Set | Kind::Clear, _) => match value & self.word(offset).1 {
                0 => WriteEffect::Ignored,
                value => WriteEffect::Write { offset, value },
            },
            (Kind::Configuration, _) => {
                let first = first_of_fields(offset);
                match self.fields(first) {
                    mask if mask != 0 && first != 0 => WriteEffect::Modify {
                        offset,
                        mask,
                        value: value & mask,
                    },
                    _ => WriteEffect::Ignored,
                }
            }
            _ => WriteEffect::Ignored,
        }
    }
}

/// The first line of a register with a byte for each.
pub const fn first_of_bytes(offset: u64) -> u32 {
    (offset & 0x3ff) as u32
}

/// The first line of a register with two bits for each.
const fn first_of_fields(offset: u64) -> u32 {
    (offset & 0xfc) as u32 * 4
}

/// Writes some of the bytes at an offset, one or four; `value` gives each, or `None` if it must not be.
pub fn bytes(offset: u64, lanes: u8, value: impl Fn(u32) -> Option<u8>) -> WriteEffect {
    if lanes == 0 {
        return WriteEffect::Ignored;
    }
    let shift = (offset & 3) as u32;
    let mut all = 0;
    for lane in 0..4_u32 {
        if lanes.wrapping_shr(lane) & 1 != 0 {
            let Some(byte) = value(lane) else {
                return WriteEffect::Denied;
            };
            all |= u32::from(byte).wrapping_shl(lane * 8);
        }
    }
    WriteEffect::Bytes {
        offset: offset & !3,
        lanes: lanes.wrapping_shl(shift),
        value: all.wrapping_shl(shift * 8),
    }
}
