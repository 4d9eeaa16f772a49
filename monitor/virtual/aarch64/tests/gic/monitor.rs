//! What a monitor does with the filters: it carries out their effects, with the rights of the secure world.

use crate::model::{Block, Gic, Line, Who};
use partita_virtual_aarch64::gic::distributor::{Distributor, register_space};
use partita_virtual_aarch64::gic::redistributor::Redistributors;
use partita_virtual_aarch64::gic::software::{Call, by_register};
use partita_virtual_aarch64::gic::{Access, Owned, ReadEffect, Version, WriteEffect};

/// Which registers a partition accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    Distributor,
    /// All redistributors, side by side.
    Redistributors,
}

/// A partition in front of the filters, and the hardware behind.
#[derive(Clone, Debug)]
pub struct Machine {
    pub gic: Gic,
    pub owned: Owned,
    pub control: u32,
}

impl Machine {
    /// A machine with 8 cores. The partition's lines are in the normal world, and all others in that which `others`
    /// says of each.
    pub fn new(version: Version, owned: Owned, others: impl Fn(usize) -> Line) -> Self {
        let mut gic = Gic::new(version, 8, 31);
        for number in 0..crate::model::LINES {
            let cores = if number < 32 { 0..8 } else { 0..1 };
            for core in cores {
                let is_own = owned.owns(number as u32)
                    && (number >= 32 || owned.number(core as u32).is_some());
                *gic.line(core, number) = match is_own {
                    true => Line {
                        is_normal: true,
                        priority: 0x80,
                        edge: number < 16,
                        route: match (number, version) {
                            (0..32, _) => 0,
                            (_, Version::Two) => 1 << owned.core(0).unwrap_or(0),
                            (_, Version::Three) => owned.core(0).unwrap_or(0).into(),
                        },
                        ..Line::default()
                    },
                    false => others(number),
                };
            }
        }
        Self {
            gic,
            owned,
            control: 0,
        }
    }

    /// The core of a virtual one.
    pub fn core(&self, number: usize) -> usize {
        self.owned.core(number as u32).expect("a virtual core") as usize
    }

    fn who(&self, own: usize) -> Who {
        Who {
            is_secure: true,
            core: self.core(own),
        }
    }

    fn block(&self, own: usize, space: Space) -> Block {
        match space {
            Space::Distributor => Block::Distributor,
            Space::Redistributors => Block::Redistributor(self.core(own)),
        }
    }

    /// `None` if it is denied.
    pub fn read(&mut self, own: usize, space: Space, offset: u64, size: u8) -> Option<u64> {
        let access = Access::new(offset, size)?;
        let version = self.gic.version;
        let effect = match space {
            Space::Distributor => {
                Distributor::new(&self.owned, version, own as u32).read(self.control, access)
            }
            Space::Redistributors => Redistributors::new(&self.owned, own as u32).read(access),
        };
        let (who, block) = (self.who(own), self.block(own, space));
        let value = match effect {
            ReadEffect::Value(value) => value,
            ReadEffect::Hardware { offset, size, view } => {
                assert!(offset.is_multiple_of(size.into()));
                let space = match space {
                    Space::Distributor => register_space(version),
                    Space::Redistributors => 0x2_0000,
                };
                assert!(offset + u64::from(size) <= space);
                let real = self.gic.read(who, block, offset as usize, size.into());
                self.owned.seen(view, real)
            }
            ReadEffect::Enabled { word, lines } => {
                assert!(space == Space::Distributor || word == 0);
                let base = if space == Space::Distributor {
                    0
                } else {
                    0x1_0000
                };
                let offset = base + 0x100 + word as usize * 4;
                self.gic.read(who, block, offset, 4) & u64::from(lines)
            }
            ReadEffect::Denied => return None,
        };
        // A register has as many bytes as were asked for.
        let all = u64::MAX >> (64 - 8 * u32::from(size));
        let is_half_of_route = matches!(effect, ReadEffect::Hardware { size: 8, .. });
        assert!(value & !all == 0 || is_half_of_route, "{effect:?}");
        Some(value & all)
    }

    /// What the filter says to a write.
    pub fn judge(
        &self,
        own: usize,
        space: Space,
        offset: u64,
        size: u8,
        value: u64,
    ) -> WriteEffect {
        let Some(access) = Access::new(offset, size) else {
            return WriteEffect::Denied;
        };
        match space {
            Space::Distributor => {
                Distributor::new(&self.owned, self.gic.version, own as u32).write(access, value)
            }
            Space::Redistributors => {
                Redistributors::new(&self.owned, own as u32).write(access, value)
            }
        }
    }

    /// `None` if it is denied.
    pub fn write(
        &mut self,
        own: usize,
        space: Space,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Option<()> {
        let effect = self.judge(own, space, offset, size, value);
        let (who, block) = (self.who(own), self.block(own, space));
        let is_private = space == Space::Redistributors;
        let gic = &mut self.gic;
        match effect {
            WriteEffect::Write { offset, value } => {
                assert!(!is_private || offset & 0x7f == 0);
                gic.write(who, block, offset as usize, 4, value.into());
            }
            WriteEffect::Bytes {
                offset,
                lanes,
                value,
            } => {
                assert!(lanes < 16 && offset.is_multiple_of(4));
                assert!(!is_private || offset & 0x3ff < 32);
                for lane in (0..4).filter(|lane| lanes >> lane & 1 != 0) {
                    let byte = u64::from(value) >> (8 * lane) & 0xff;
                    gic.write(who, block, offset as usize + lane, 1, byte);
                }
            }
            WriteEffect::Modify {
                offset,
                mask,
                value,
            } => {
                // Bits that are nobody's stay zero, and software interrupts are as they are.
                assert!(value & !mask == 0 && offset & 0xff != 0);
                assert!(!is_private || offset & 0xff == 4);
                let before = gic.read(who, block, offset as usize, 4) as u32;
                let after = before & !mask | value & mask;
                gic.write(who, block, offset as usize, 4, after.into());
            }
            WriteEffect::Enable { word, lines, on } => {
                assert!(!is_private || word == 0);
                let base = if space == Space::Distributor {
                    0
                } else {
                    0x1_0000
                };
                let register = if on { 0x100 } else { 0x180 };
                let offset = base + register + word as usize * 4;
                gic.write(who, block, offset, 4, lines.into());
            }
            WriteEffect::Route { line, number } => {
                let core = self.owned.core(number).expect("an own core");
                let offset = 0x6000 + line as usize * 8;
                gic.write(who, block, offset, 8, core.into());
            }
            WriteEffect::Call(call) => self.call(own, call),
            WriteEffect::Control(value) => self.control = value,
            WriteEffect::Ignored => {}
            WriteEffect::Denied => return None,
        }
        Some(())
    }

    /// Sends a software interrupt of version 3 (`ICC_SGI1R_EL1`). `None` if it is denied.
    pub fn send(&mut self, own: usize, value: u64) -> Option<()> {
        let call = by_register(&self.owned, own as u32, value)?;
        self.call(own, call);
        Some(())
    }

    fn call(&mut self, own: usize, call: Call) {
        let sender = 1 << self.core(own);
        for number in (0..8).filter(|number| call.cores >> number & 1 != 0) {
            let core = self.core(number);
            let is_two = self.gic.version == Version::Two;
            let line = self.gic.line(core, call.interrupt as usize);
            assert!(line.is_normal);
            if is_two {
                line.senders |= sender;
            } else {
                line.pending = true;
            }
        }
    }
}
