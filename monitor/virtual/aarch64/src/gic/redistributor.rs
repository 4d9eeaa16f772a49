//! The redistributors of version 3 (IHI 0069, 12.10 and 12.11): one for each of the partition's virtual cores, side by
//! side, whatever cores those are on.
//!
//! Each virtual core has its own registers of private lines. Those of another one are not to be had, since another
//! partition may be live on its core: they read as zero, and may not be written. There are no message-based
//! interrupts (LPIs), so nothing in memory is ever read or written by a redistributor for a partition.

use super::distributor::whole;
use super::lines::{self, Bank};
use super::{Access, Owned, ReadEffect, View, WriteEffect};

/// Bytes of a redistributor: the frame that controls it, and the one with private lines.
pub const STRIDE: u64 = 0x2_0000;
const LINES: u64 = 0x1_0000;

const CONTROL: u64 = 0x0000;
const IMPLEMENTER: u64 = 0x0004;
const TYPE: u64 = 0x0008;
const TYPE_END: u64 = 0x0010;
/// Registers of message-based interrupts, from `GICR_SETLPIR` to `GICR_MOVALLR` (12.11).
const MESSAGES: u64 = 0x0040;
const MESSAGES_END: u64 = 0x0180;
const IDENTITY: u64 = 0xffd0;

/// Of the control register (12.11.7): enables message-based interrupts; a write has not taken effect yet.
const ENABLE_MESSAGES: u64 = 1 << 0;
const WRITE_PENDING: u32 = 1 << 3;

/// What a partition may do to redistributors.
#[derive(Clone, Copy, Debug)]
pub struct Redistributors<'a> {
    owned: &'a Owned,
    /// The virtual core that accesses.
    own: u32,
}

impl<'a> Redistributors<'a> {
    /// Of the partition that owns this, accessed by its virtual core `own`.
    #[must_use]
    pub const fn new(owned: &'a Owned, own: u32) -> Self {
        Self { owned, own }
    }

    /// How many bytes of registers there are.
    #[must_use]
    pub fn register_space(&self) -> u64 {
        STRIDE.wrapping_mul(self.owned.cores().into())
    }

    /// The virtual core whose redistributor this is in, and the access in that.
    fn locate(&self, access: Access) -> Option<(u32, Access)> {
        let number = u32::try_from(access.offset / STRIDE).ok()?;
        self.owned.core(number)?;
        let offset = access.offset % STRIDE;
        Some((number, Access { offset, ..access }))
    }

    const fn bank(&self) -> Bank<'a> {
        Bank {
            owned: self.owned,
            words: (0, 1),
        }
    }

    /// Judges a read. Offsets of effects are in the redistributor of the core that accesses.
    pub fn read(&self, access: Access) -> ReadEffect {
        let Some((number, access)) = self.locate(access) else {
            return ReadEffect::Denied;
        };
        let Access { offset, size } = access;
        match offset {
            LINES.. => self.read_lines(number, access),
            TYPE..TYPE_END => {
                let kind = self.kind(number);
                match size {
                    8 => ReadEffect::Value(kind),
                    4 if offset == TYPE => ReadEffect::Value(kind & 0xffff_ffff),
                    4 => ReadEffect::Value(kind >> 32),
                    _ => ReadEffect::Denied,
                }
            }
            MESSAGES..MESSAGES_END if size == 8 => ReadEffect::Value(0),
            _ if size != 4 => ReadEffect::Denied,
            CONTROL if number == self.own => ReadEffect::Hardware {
                offset,
                size,
                view: View::Bits {
                    mask: WRITE_PENDING,
                    value: 0,
                },
            },
            IMPLEMENTER | IDENTITY..LINES => whole(access),
            // `GICR_WAKER` among others: what the normal world cannot put to sleep is awake (12.11.42).
            _ => ReadEffect::Value(0),
        }
    }

    /// Judges a write. Offsets of effects are in the redistributor of the core that accesses.
    pub fn write(&self, access: Access, value: u64) -> WriteEffect {
        let Some((number, access)) = self.locate(access) else {
            return WriteEffect::Denied;
        };
        let Access { offset, size } = access;
        match offset {
            LINES.. if number != self.own => WriteEffect::Denied,
            LINES.. => self.write_lines(access, value as u32),
            MESSAGES..MESSAGES_END => WriteEffect::Denied,
            _ if size != 4 => WriteEffect::Denied,
            CONTROL if value & ENABLE_MESSAGES != 0 => WriteEffect::Denied,
            _ => WriteEffect::Ignored,
        }
    }

    /// `GICR_TYPER` (12.11.35): the affinity, the number, whether it is the last. Nothing that is optional.
    fn kind(&self, number: u32) -> u64 {
        let number = u64::from(number);
        let is_last = number.wrapping_add(1) == u64::from(self.owned.cores());
        number << 32 | number << 8 | u64::from(is_last) << 4
    }

    fn read_lines(&self, number: u32, access: Access) -> ReadEffect {
        let effect = match access.offset % LINES {
            lines::BEGIN..lines::END => self.bank().read(access),
            _ if access.size != 4 => ReadEffect::Denied,
            _ => ReadEffect::Value(0),
        };
        match effect {
            ReadEffect::Denied => effect,
            _ if number != self.own => ReadEffect::Value(0),
            _ => effect,
        }
    }

    fn write_lines(&self, access: Access, value: u32) -> WriteEffect {
        match access.offset % LINES {
            lines::BEGIN..lines::END => self.bank().write(access, value),
            _ if access.size != 4 => WriteEffect::Denied,
            _ => WriteEffect::Ignored,
        }
    }
}
