//! A model of the controller's hardware, written from the specification alone: what accesses of either world do to it
//! (IHI 0069, 4.8 and chapter 12; IHI 0048B, 3.8 and chapter 4). Lines of group 1 are the normal world's.

use partita_virtual_aarch64::gic::Version;

/// The first line that does not exist.
pub const LINES: usize = 1020;

/// What the controller has for a line, or for a private line of a core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub is_normal: bool,
    pub enabled: bool,
    pub pending: bool,
    pub active: bool,
    pub priority: u8,
    pub edge: bool,
    /// The affinity of its core with version 3, the set of its cores with version 2.
    pub route: u64,
    /// Of a software interrupt of version 2: the cores that sent it.
    pub senders: u8,
}

/// Whose registers are accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    Distributor,
    /// The redistributor of a core.
    Redistributor(usize),
}

/// Who accesses.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    pub is_secure: bool,
    pub core: usize,
}

#[derive(Clone, Debug)]
pub struct Gic {
    pub version: Version,
    pub cores: usize,
    /// The highest word of lines that there is.
    pub last_word: usize,
    pub shared: Vec<Line>,
    pub private: Vec<Vec<Line>>,
    /// As the normal world sees it.
    pub control: u32,
    /// Whether a write has not taken effect yet.
    pub is_settling: bool,
}

impl Gic {
    pub fn new(version: Version, cores: usize, last_word: usize) -> Self {
        let line = |number: usize| Line {
            edge: number < 16,
            ..Line::default()
        };
        Self {
            version,
            cores,
            last_word,
            shared: vec![Line::default(); LINES - 32],
            private: vec![(0..32).map(line).collect(); cores],
            control: 0,
            is_settling: false,
        }
    }

    pub fn line(&mut self, core: usize, number: usize) -> &mut Line {
        match number {
            0..32 => &mut self.private[core][number],
            _ => &mut self.shared[number - 32],
        }
    }

    /// The most urgent line that a core would be told of in the normal world.
    pub fn signalled(&mut self, core: usize) -> Option<usize> {
        let is_two = self.version == Version::Two;
        let mut told = |number: usize| {
            let line = self.line(core, number);
            let is_here = match is_two {
                _ if number < 32 => true,
                true => line.route >> core & 1 != 0,
                false => line.route == core as u64,
            };
            let is_pending = line.pending || line.senders != 0;
            let is_told = is_here && is_pending && line.enabled && line.is_normal && !line.active;
            is_told.then_some((line.priority, number))
        };
        let found = (0..LINES).filter_map(&mut told).min();
        found.map(|(_, number)| number)
    }

    /// The lines that a register of these has, if there are any: private ones are in the redistributors of version 3.
    fn number(&self, block: Block, number: usize) -> Option<usize> {
        let is_private = number < 32;
        let is_here = match (block, self.version) {
            (Block::Distributor, Version::Two) => true,
            (Block::Distributor, Version::Three) => !is_private,
            (Block::Redistributor(_), _) => is_private,
        };
        (is_here && number < LINES).then_some(number)
    }

    /// Changes or reads the line with this number, if it is there for whoever accesses.
    fn with(
        &mut self,
        who: Who,
        block: Block,
        number: usize,
        change: impl FnOnce(&mut Line) -> u64,
    ) -> u64 {
        let core = match block {
            Block::Distributor => who.core,
            Block::Redistributor(core) => core,
        };
        let Some(number) = self.number(block, number) else {
            return 0;
        };
        let line = self.line(core, number);
        if who.is_secure || line.is_normal {
            change(line)
        } else {
            0
        }
    }

    fn identity(&self, offset: usize) -> u64 {
        let (base, revision) = match self.version {
            Version::Two => (0xfd0, 0x2b),
            Version::Three => (0xffd0, 0x3b),
        };
        match offset.wrapping_sub(base) {
            0x18 => revision,
            place => 0xa0 + place as u64,
        }
    }

    fn is_identity(&self, offset: usize) -> bool {
        match self.version {
            Version::Two => (0xfd0..0x1000).contains(&offset),
            Version::Three => (0xffd0..0x1_0000).contains(&offset),
        }
    }

    pub fn read(&mut self, who: Who, block: Block, offset: usize, size: usize) -> u64 {
        if self.is_identity(offset) {
            return self.identity(offset);
        }
        if let Block::Redistributor(core) = block {
            match offset {
                0x0 => return u64::from(self.is_settling) << 3,
                0x4 => return 0x43b,
                0x8 => {
                    let last = u64::from(core + 1 == self.cores) << 4;
                    return (core as u64) << 32 | (core as u64) << 8 | last;
                }
                _ if offset < 0x1_0000 => return 0,
                _ => {}
            }
        } else {
            let two_worlds = 1 << 10 | self.last_word as u64;
            match (offset, self.version) {
                (0, Version::Two) => return self.control.into(),
                (0, Version::Three) => {
                    let settling = u32::from(self.is_settling) << 31;
                    return (settling | self.control | 1 << 4).into();
                }
                (4, Version::Two) => return two_worlds | (self.cores as u64 - 1) << 5,
                (4, Version::Three) => return two_worlds | 1 << 25 | 9 << 19,
                (8, _) => return 0x43b,
                (0..0x80, _) => return 0,
                _ => {}
            }
        }
        let (block_offset, bits) = (offset & 0xffff, offset & 0x7f);
        let is_two = self.version == Version::Two;
        let mut of_bits = |field: fn(&Line) -> bool| {
            (0..32).fold(0, |word, bit| {
                let number = bits / 4 * 32 + bit;
                word | self.with(who, block, number, |line| u64::from(field(line))) << bit
            })
        };
        match block_offset {
            0x080..0x100 if who.is_secure => of_bits(|line| line.is_normal),
            0x100..0x200 => of_bits(|line| line.enabled),
            0x200..0x300 => of_bits(|line| line.pending || line.senders != 0),
            0x300..0x400 => of_bits(|line| line.active),
            0x400..0x800 => (0..size).fold(0, |word, byte| {
                let number = block_offset - 0x400 + byte;
                let found = self.with(who, block, number, |line| line.priority.into());
                let seen = match found {
                    _ if who.is_secure => found,
                    0..0x80 => 0,
                    _ => found << 1 & 0xff,
                };
                word | seen << (8 * byte)
            }),
            0x800..0xc00 if is_two => (0..size).fold(0, |word, byte| {
                let number = block_offset - 0x800 + byte;
                let route = self.with(who, block, number, |line| match number {
                    0..32 => 1 << who.core,
                    _ => line.route,
                });
                word | route << (8 * byte)
            }),
            0xc00..0xd00 => (0..16).fold(0, |word, field| {
                let number = (block_offset - 0xc00) * 4 + field;
                let edge = self.with(who, block, number, |line| u64::from(line.edge));
                word | edge << (2 * field + 1)
            }),
            0xf10..0xf30 if is_two => (0..size).fold(0, |word, byte| {
                let number = (block_offset & 0xf) + byte;
                let found = self.with(who, block, number, |line| line.senders.into());
                word | found << (8 * byte)
            }),
            0x6100..0x7fe0 if !is_two && block == Block::Distributor => {
                let number = (offset - 0x6000) / 8;
                let route = self.with(who, block, number, |line| line.route);
                match (size, offset & 4) {
                    (8, _) => route,
                    (_, 0) => route & 0xffff_ffff,
                    _ => route >> 32,
                }
            }
            _ => 0,
        }
    }

    pub fn write(&mut self, who: Who, block: Block, offset: usize, size: usize, value: u64) {
        if block == Block::Distributor && offset < 0x80 {
            if offset == 0 {
                assert!(!who.is_secure, "the group is off for all");
                self.control = value as u32 & if self.version == Version::Two { 1 } else { 3 };
            }
            return;
        }
        if block != Block::Distributor && offset < 0x1_0000 {
            return;
        }
        let (block_offset, bits) = (offset & 0xffff, offset & 0x7f);
        let is_two = self.version == Version::Two;
        let mut for_bits = |change: fn(&mut Line)| {
            for bit in (0..32).filter(|bit| value >> bit & 1 != 0) {
                let number = bits / 4 * 32 + bit;
                self.with(who, block, number, |line| {
                    change(line);
                    0
                });
            }
        };
        match block_offset {
            0x100..0x180 => for_bits(|line| line.enabled = true),
            0x180..0x200 => for_bits(|line| line.enabled = false),
            // With version 2, software interrupts are not pended so (IHI 0048B, 4.3.7).
            0x200..0x300 if is_two && bits < 4 => {
                for number in (16..32).filter(|bit| value >> bit & 1 != 0) {
                    self.with(who, block, number, |line| {
                        line.pending = block_offset < 0x280;
                        0
                    });
                }
            }
            0x200..0x280 => for_bits(|line| line.pending = true),
            0x280..0x300 => for_bits(|line| line.pending = false),
            0x300..0x380 => for_bits(|line| line.active = true),
            0x380..0x400 => for_bits(|line| line.active = false),
            0x400..0x800 => {
                for byte in 0..size {
                    let number = block_offset - 0x400 + byte;
                    let priority = (value >> (8 * byte)) as u8;
                    self.with(who, block, number, |line| {
                        line.priority = match who.is_secure {
                            true => priority,
                            false => 0x80 | priority >> 1,
                        };
                        0
                    });
                }
            }
            0x820..0xc00 if is_two => {
                for byte in 0..size {
                    let number = block_offset - 0x800 + byte;
                    let there = (1 << self.cores) - 1;
                    self.with(who, block, number, |line| {
                        line.route = value >> (8 * byte) & 0xff & there;
                        0
                    });
                }
            }
            0xc04..0xd00 => {
                for field in 0..16 {
                    let number = (block_offset - 0xc00) * 4 + field;
                    self.with(who, block, number, |line| {
                        line.edge = value >> (2 * field + 1) & 1 != 0;
                        0
                    });
                }
            }
            0xf00 if is_two => {
                let number = (value & 0xf) as usize;
                let all = (1_u64 << self.cores) - 1;
                let targets = match value >> 24 & 3 {
                    0 => value >> 16 & 0xff & all,
                    1 => all & !(1 << who.core),
                    2 => 1 << who.core,
                    _ => 0,
                };
                // The secure world says which group it means.
                let for_normal = !who.is_secure || value >> 15 & 1 != 0;
                for core in (0..self.cores).filter(|core| targets >> core & 1 != 0) {
                    let line = self.line(core, number);
                    if line.is_normal == for_normal {
                        line.senders |= 1 << who.core;
                    }
                }
            }
            0xf10..0xf30 if is_two => {
                for byte in 0..size {
                    let number = (block_offset & 0xf) + byte;
                    let cores = (value >> (8 * byte)) as u8;
                    let there = (1_u16 << self.cores) as u8;
                    let there = there.wrapping_sub(1);
                    self.with(who, block, number, |line| {
                        if block_offset < 0xf20 {
                            line.senders &= !cores;
                        } else {
                            line.senders |= cores & there;
                        }
                        0
                    });
                }
            }
            0x6100..0x7fe0 if !is_two && block == Block::Distributor => {
                let number = (offset - 0x6000) / 8;
                self.with(who, block, number, |line| {
                    let route = match (size, offset & 4) {
                        (8, _) => value,
                        (_, 0) => line.route & !0xffff_ffff | value & 0xffff_ffff,
                        _ => line.route & 0xffff_ffff | value << 32,
                    };
                    // A line cannot be for any core, and the rest is reserved.
                    line.route = route & 0xff_00ff_ffff;
                    0
                });
            }
            _ => {}
        }
    }
}
