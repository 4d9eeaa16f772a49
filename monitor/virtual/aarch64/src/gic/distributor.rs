//! The distributor (IHI 0069, 12.9; IHI 0048B, 4.3).
//!
//! The control register is each partition's own: the monitor keeps what was written. It does not reach the hardware,
//! where it would be for all. A line that a partition enabled while its group is off must not interrupt; the monitor
//! keeps it off until [`forwards`].

use super::lines::{self, Bank};
use super::software::by_distributor;
use super::{Access, Owned, PRIVATE, ReadEffect, Version, View, WORDS, WriteEffect};

const CONTROL: u64 = 0x0000;
const TYPE: u64 = 0x0004;
const IMPLEMENTER: u64 = 0x0008;
/// Messages that raise a line, `GICD_SETSPI_NSR` to `GICD_CLRSPI_SR`: `GICD_TYPER` says that there are none.
const MESSAGES: u64 = 0x0040;
const MESSAGES_END: u64 = 0x0060;
/// Of version 2 only.
const TARGETS: u64 = 0x0800;
const TARGETS_END: u64 = 0x0c00;
const SOFTWARE: u64 = 0x0f00;
const CLEAR_SOFTWARE: u64 = 0x0f10;
const SET_SOFTWARE: u64 = 0x0f20;
const SET_SOFTWARE_END: u64 = 0x0f30;
/// Of version 3 only.
const ROUTE: u64 = 0x6000;
const ROUTE_END: u64 = 0x7fe0;

/// Of the control register: a write has not taken effect yet; affinity routing in this world.
const WRITE_PENDING: u32 = 1 << 31;
const AFFINITY_ROUTING: u32 = 1 << 4;
/// Of the type register: there are two worlds.
const TWO_WORLDS: u32 = 1 << 10;
/// Of the type register of version 3: a line cannot be for any one of the cores; numbers of interrupts have ten bits.
const ONE_CORE: u32 = 1 << 25;
const TEN_BITS: u32 = 9 << 19;

/// Whether a partition whose control register this is gets its interrupts. With affinity routing, that is the second
/// bit (IHI 0069, 12.9.4).
#[must_use]
pub const fn forwards(version: Version, control: u32) -> bool {
    match version {
        Version::Two => control & 1 != 0,
        Version::Three => control & 2 != 0,
    }
}

/// Registers that say what the controller is, which are the hardware's (IHI 0069, 12.1.2; IHI 0048B, 4.2).
const fn is_identity(version: Version, offset: u64) -> bool {
    match version {
        Version::Two => offset >= 0xfd0,
        Version::Three => offset >= 0xffd0,
    }
}

/// How many bytes of registers there are.
#[must_use]
pub const fn register_space(version: Version) -> u64 {
    match version {
        Version::Two => 0x1000,
        Version::Three => 0x1_0000,
    }
}

/// The words of lines that are here: with redistributors, not those of each core.
const fn words(version: Version) -> (u32, u32) {
    match version {
        Version::Two => (0, WORDS as u32),
        Version::Three => (1, WORDS as u32),
    }
}

/// What a partition may do to the distributor.
#[derive(Clone, Copy, Debug)]
pub struct Distributor<'a> {
    owned: &'a Owned,
    version: Version,
    /// The virtual core that accesses.
    own: u32,
}

impl<'a> Distributor<'a> {
    /// Of the partition that owns this, accessed by its virtual core `own`.
    #[must_use]
    pub const fn new(owned: &'a Owned, version: Version, own: u32) -> Self {
        Self {
            owned,
            version,
            own,
        }
    }

    const fn bank(&self) -> Bank<'a> {
        Bank {
            owned: self.owned,
            words: words(self.version),
        }
    }

    /// Judges a read, by a partition whose control register is `control`.
    pub fn read(&self, control: u32, access: Access) -> ReadEffect {
        let Access { offset, size } = access;
        let is_two = matches!(self.version, Version::Two);
        match offset {
            _ if offset >= register_space(self.version) => ReadEffect::Denied,
            ROUTE..ROUTE_END if !is_two => self.read_route(access),
            TARGETS..TARGETS_END if is_two => self.read_targets(access),
            CLEAR_SOFTWARE..SET_SOFTWARE_END if is_two => match size {
                1 | 4 => cores(access, self.bank().lanes(offset as u32 & 0xf, size)),
                _ => ReadEffect::Denied,
            },
            _ if is_identity(self.version, offset) => whole(access),
            lines::BEGIN..lines::END => self.bank().read(access),
            _ if size != 4 => ReadEffect::Denied,
            CONTROL if is_two => ReadEffect::Value(control.into()),
            CONTROL => ReadEffect::Hardware {
                offset,
                size,
                view: View::Bits {
                    mask: WRITE_PENDING,
                    value: control & 3 | AFFINITY_ROUTING,
                },
            },
            TYPE => ReadEffect::Value(self.kind().into()),
            IMPLEMENTER => whole(access),
            _ => ReadEffect::Value(0),
        }
    }

    /// Judges a write.
    pub fn write(&self, access: Access, value: u64) -> WriteEffect {
        let Access { offset, size } = access;
        let is_two = matches!(self.version, Version::Two);
        let word = value as u32;
        match offset {
            _ if offset >= register_space(self.version) => WriteEffect::Denied,
            ROUTE..ROUTE_END if !is_two => self.route(access, value),
            TARGETS..TARGETS_END if is_two => self.targets(access, word),
            SOFTWARE if is_two && size == 4 => match by_distributor(self.owned, self.own, word) {
                Some(call) => WriteEffect::Call(call),
                None => WriteEffect::Denied,
            },
            CLEAR_SOFTWARE..SET_SOFTWARE_END if is_two => self.pending_software(access, word),
            _ if is_identity(self.version, offset) && size == 4 => WriteEffect::Ignored,
            lines::BEGIN..lines::END => self.bank().write(access, word),
            _ if size != 4 => WriteEffect::Denied,
            CONTROL if is_two => WriteEffect::Control(word & 1),
            CONTROL => WriteEffect::Control(word & 3),
            MESSAGES..MESSAGES_END => WriteEffect::Denied,
            _ => WriteEffect::Ignored,
        }
    }

    /// `GICD_TYPER` (IHI 0069, 12.9.38; IHI 0048B, 4.3.2): no more lines than it needs, and none by messages.
    fn kind(&self) -> u32 {
        let lines = self.owned.last_word() & 0x1f;
        match self.version {
            Version::Two => {
                let others = self.owned.cores().saturating_sub(1) & 7;
                TWO_WORLDS | others << 5 | lines
            }
            Version::Three => TWO_WORLDS | ONE_CORE | TEN_BITS | lines,
        }
    }

    /// `GICD_IROUTER` (IHI 0069, 12.9.22), whole or one half.
    fn read_route(&self, access: Access) -> ReadEffect {
        let Access { offset, size } = access;
        let line = line_of_route(offset);
        match size {
            1 | 2 => ReadEffect::Denied,
            // The upper half is `Aff3`.
            _ if offset & 4 != 0 || !self.is_shared(line) => ReadEffect::Value(0),
            _ => ReadEffect::Hardware {
                offset,
                size: 8,
                view: View::Route,
            },
        }
    }

    fn route(&self, access: Access, value: u64) -> WriteEffect {
        let Access { offset, size } = access;
        let line = line_of_route(offset);
        let affinity = match size {
            1 | 2 => return WriteEffect::Denied,
            8 => value & super::AFFINITY,
            _ if offset & 4 == 0 => value & super::AFFINITY & 0xffff_ffff,
            _ => (value & 0xff) << 32,
        };
        if !self.is_shared(line) || offset & 4 != 0 && affinity == 0 {
            return WriteEffect::Ignored;
        }
        match u32::try_from(affinity) {
            Ok(number) if self.owned.core(number).is_some() => WriteEffect::Route { line, number },
            _ => WriteEffect::Denied,
        }
    }

    fn is_shared(&self, line: u32) -> bool {
        line >= PRIVATE && self.owned.owns(line)
    }

    /// `GICD_ITARGETSR` (IHI 0048B, 4.3.12). Private lines are for the core that reads.
    fn read_targets(&self, access: Access) -> ReadEffect {
        let Access { offset, size } = access;
        let first = lines::first_of_bytes(offset);
        match size {
            1 | 4 if first < PRIVATE => {
                let lanes = self.bank().lanes(first, size);
                let real = self.owned.core(self.own).unwrap_or(0);
                let real = 0x0101_0101_u32.wrapping_shl(real);
                ReadEffect::Value(self.owned.seen(View::Cores { lanes }, real.into()))
            }
            1 | 4 => cores(access, self.bank().lanes(first, size)),
            _ => ReadEffect::Denied,
        }
    }

    fn targets(&self, access: Access, value: u32) -> WriteEffect {
        let Access { offset, size } = access;
        let first = lines::first_of_bytes(offset);
        match size {
            1 | 4 if first < PRIVATE => WriteEffect::Ignored,
            1 | 4 => {
                let lanes = self.bank().lanes(first, size);
                lines::bytes(offset, lanes, |lane| {
                    let numbers = value.wrapping_shr(lane * 8) & 0xff;
                    self.owned.real_cores(numbers).map(|cores| cores as u8)
                })
            }
            _ => WriteEffect::Denied,
        }
    }

    /// `GICD_CPENDSGIR` and `GICD_SPENDSGIR` (IHI 0048B, 4.3.16 and 4.3.17): of each software interrupt, the cores
    /// that sent it.
    fn pending_software(&self, access: Access, value: u32) -> WriteEffect {
        let Access { offset, size } = access;
        let lanes = self.bank().lanes(offset as u32 & 0xf, size);
        let value = if size == 1 { value & 0xff } else { value };
        let sets = offset >= SET_SOFTWARE;
        if size != 1 && size != 4 || sets && value & !bits(lanes) != 0 {
            return WriteEffect::Denied;
        }
        // A zero changes nothing, but QEMU takes it for an interrupt that nobody sent, and fails.
        let lanes = value
            .to_le_bytes()
            .iter()
            .zip(0..)
            .fold(lanes, |lanes, (byte, lane)| {
                lanes & !(u8::from(*byte == 0) << lane)
            });
        lines::bytes(offset, lanes, |lane| {
            let numbers = value.wrapping_shr(lane * 8) & 0xff;
            let numbers = if sets {
                numbers
            } else {
                numbers & self.owned.all_cores()
            };
            self.owned.real_cores(numbers).map(|cores| cores as u8)
        })
    }
}

const fn line_of_route(offset: u64) -> u32 {
    ((offset & 0x1fff) / 8) as u32
}

/// All bits of some bytes.
const fn bits(lanes: u8) -> u32 {
    let lanes = lanes as u32;
    (lanes & 1 | (lanes & 2) << 7 | (lanes & 4) << 14 | (lanes & 8) << 21).wrapping_mul(0xff)
}

/// A register as it is.
pub(super) const fn whole(access: Access) -> ReadEffect {
    match access.size {
        4 => ReadEffect::Hardware {
            offset: access.offset,
            size: 4,
            view: View::Bits {
                mask: u32::MAX,
                value: 0,
            },
        },
        _ => ReadEffect::Denied,
    }
}

/// Sets of cores, one in each byte.
const fn cores(access: Access, lanes: u8) -> ReadEffect {
    match lanes {
        0 => ReadEffect::Value(0),
        lanes => ReadEffect::Hardware {
            offset: access.offset,
            size: access.size,
            view: View::Cores { lanes },
        },
    }
}
