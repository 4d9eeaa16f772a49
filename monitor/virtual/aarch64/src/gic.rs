//! The interrupt controller as a partition behind stage 2 sees it.
//!
//! A partition takes its interrupts from the processor's interface itself. The distributor and the redistributors have
//! lines of everybody, so each access to them is judged here, from the lines and cores that the partition owns, and
//! turned into what may reach the hardware. Registers and their behaviour: GIC architecture specification IHI 0069
//! (versions 3 and 4), chapter 12, and IHI 0048B (version 2), chapter 4.
//!
//! - **It sees the view of the normal world** (IHI 0069, 4.8; IHI 0048B, 3.8), and the monitor accesses the hardware
//!   with the rights of the secure one. Groups are therefore zero and cannot be written, and what a partition calls
//!   priority *p* is 128 + *p* / 2: the monitor's and programs' lines are more urgent than all that it can choose.
//! - **Cores have virtual numbers**, from zero, also where it sees their affinity (`VMPIDR_EL2`: the number is `Aff0`)
//!   or an interface of version 2. Routes, targets and software interrupts are translated, in both directions.
//! - **What an honest driver does is answered as hardware would.** Drivers write registers of all lines when they start,
//!   so what would silence, order or route somebody else's line is ignored. What no honest driver does is denied: it
//!   enables or raises a line that is not there, aims at a core that is not there, or uses a size that a register has not.
//! - **Some effects are the monitor's to carry out**, since only it knows who is live on a core: lines that are enabled,
//!   routed, and software interrupts. A line of a partition that is not live on the line's core must stay off.

pub mod distributor;
pub mod interface;
mod lines;
pub mod redistributor;
pub mod software;

use crate::caller::MAXIMUM_CORES;

/// Words of a bit for each line; the last four lines do not exist.
pub const WORDS: usize = 32;
/// Lines of each core, which come first.
const PRIVATE: u32 = 32;
/// Lines end here (IHI 0069, 2.2.1): the rest has special meanings.
const LINES_END: u32 = 1020;

/// Private lines that no partition owns: software interrupts from 8 on, which programs and the monitor have; those of
/// EL2, for maintenance (25), its physical (26) and its virtual timer (28); the secure timer (29).
pub const HIDDEN: u32 = 0xff00 | 1 << 25 | 1 << 26 | 1 << 28 | 1 << 29;

/// The version of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// With interfaces in memory (IHI 0048B).
    Two,
    /// With affinity routing, always on, and redistributors (IHI 0069). Version 4 is the same here.
    Three,
}

/// What a partition owns of the controller.
#[derive(Clone, Debug)]
pub struct Owned {
    lines: [u32; WORDS],
    /// The core that each of its virtual cores is on.
    cores: [u8; MAXIMUM_CORES],
    count: u8,
}

impl Owned {
    /// Owns nothing.
    pub const NOTHING: Self = Self {
        lines: [0; WORDS],
        cores: [0; MAXIMUM_CORES],
        count: 0,
    };

    /// Owns `lines` (bit *n* of word *w* is line 32 *w* + *n*; [`HIDDEN`] ones and those that do not exist are left out),
    /// and has a virtual core on each of `cores`: numbers below [`MAXIMUM_CORES`], that are affinity and interface too.
    /// Virtual cores from [`MAXIMUM_CORES`] on are left out, and so are all after one with a higher number.
    #[must_use]
    pub fn new(mut lines: [u32; WORDS], cores: &[u8]) -> Self {
        lines[0] &= !HIDDEN;
        lines[WORDS - 1] &= (1 << (LINES_END % 32)) - 1;
        let mut own = Self {
            lines,
            cores: [0; MAXIMUM_CORES],
            count: 0,
        };
        for (place, core) in own.cores.iter_mut().zip(cores) {
            if usize::from(*core) >= MAXIMUM_CORES {
                break;
            }
            *place = *core;
            own.count = own.count.saturating_add(1);
        }
        own
    }

    /// How many virtual cores it has.
    #[must_use]
    pub const fn cores(&self) -> u32 {
        self.count as u32
    }

    /// All its virtual cores, one bit each.
    #[must_use]
    pub const fn all_cores(&self) -> u32 {
        1_u32.wrapping_shl(self.count as u32).wrapping_sub(1)
    }

    /// Whether it owns a line. Private ones it owns on all its cores.
    #[inline]
    #[must_use]
    pub fn owns(&self, line: u32) -> bool {
        self.word(line / 32).wrapping_shr(line % 32) & 1 != 0
    }

    /// Its lines of a word.
    #[inline]
    #[must_use]
    pub fn word(&self, word: u32) -> u32 {
        self.lines.get(word as usize).copied().unwrap_or(0)
    }

    /// The highest word in which it has a line, at least 0.
    fn last_word(&self) -> u32 {
        let found = self.lines.iter().rposition(|word| *word != 0);
        found.unwrap_or(0) as u32
    }

    /// The core of a virtual core, if it is there.
    #[inline]
    #[must_use]
    pub fn core(&self, number: u32) -> Option<u32> {
        let own = self.cores.get(..usize::from(self.count))?;
        own.get(number as usize).map(|core| u32::from(*core))
    }

    /// The virtual core on a core, if there is one.
    #[inline]
    #[must_use]
    pub fn number(&self, core: u32) -> Option<u32> {
        (0..u32::from(self.count)).find(|number| self.core(*number) == Some(core))
    }

    /// The cores of a set of virtual ones; `None` if one of those is not there.
    fn real_cores(&self, numbers: u32) -> Option<u32> {
        if numbers & !self.all_cores() != 0 {
            return None;
        }
        let mut cores = 0;
        for number in 0..u32::from(self.count) {
            if numbers.wrapping_shr(number) & 1 != 0 {
                cores |= 1_u32.wrapping_shl(self.core(number)?);
            }
        }
        Some(cores)
    }

    /// The virtual cores of a set of cores. Others are left out.
    fn own_cores(&self, cores: u32) -> u32 {
        let mut numbers = 0;
        for number in 0..u32::from(self.count) {
            let core = self.core(number).unwrap_or(0);
            if cores.wrapping_shr(core) & 1 != 0 {
                numbers |= 1_u32.wrapping_shl(number);
            }
        }
        numbers
    }

    /// What the partition reads, of what the hardware register holds.
    #[must_use]
    pub fn seen(&self, view: View, real: u64) -> u64 {
        match view {
            View::Bits { mask, value } => real & u64::from(mask) | u64::from(value),
            View::Priority { lanes } => {
                self.of_lanes(lanes, real, |real| seen_priority(real).into())
            }
            View::Cores { lanes } => self.of_lanes(lanes, real, |real| self.own_cores(real.into())),
            // A line that nobody has routed yet may be at a core of somebody else's.
            View::Route => match real & AFFINITY {
                core @ 0..=0xff => self.number(core as u32).unwrap_or(0).into(),
                _ => 0,
            },
        }
    }

    fn of_lanes(&self, lanes: u8, real: u64, seen: impl Fn(u8) -> u32) -> u64 {
        let mut value = 0;
        for lane in 0..4_u32 {
            if lanes.wrapping_shr(lane) & 1 != 0 {
                let byte = real.wrapping_shr(lane * 8) as u8;
                value |= u64::from(seen(byte) & 0xff).wrapping_shl(lane * 8);
            }
        }
        value
    }
}

/// Of a route (IHI 0069, 12.9.22 `GICD_IROUTER`): the affinity.
const AFFINITY: u64 = 0xff_00ff_ffff;

/// The priority that the normal world sees (IHI 0069, 4.8.1): secure ones are zero.
const fn seen_priority(real: u8) -> u8 {
    if real & 0x80 == 0 { 0 } else { real << 1 }
}

/// The priority that the hardware gets, for one that the normal world writes.
const fn real_priority(seen: u8) -> u8 {
    0x80 | seen >> 1
}

/// An access to registers: so many bytes at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    offset: u64,
    size: u8,
}

impl Access {
    /// An access of 1, 2, 4 or 8 bytes. `None` if it is of another size, or its address is not a multiple of it: no
    /// register is accessed so.
    #[must_use]
    pub const fn new(offset: u64, size: u8) -> Option<Self> {
        match size {
            1 | 2 | 4 | 8 if offset & (size as u64 - 1) == 0 => Some(Self { offset, size }),
            _ => None,
        }
    }
}

/// How the partition sees a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Only these bits of it, and others that are set.
    Bits {
        /// The bits that it may see.
        mask: u32,
        /// Bits that it sees set.
        value: u32,
    },
    /// Priorities, of which it may see the bytes in `lanes`, one bit each.
    Priority {
        /// Which bytes.
        lanes: u8,
    },
    /// Sets of cores, of which it may see the bytes in `lanes`, one bit each.
    Cores {
        /// Which bytes.
        lanes: u8,
    },
    /// A route to a core.
    Route,
}

/// What a read returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum ReadEffect {
    /// This.
    Value(u64),
    /// What [`Owned::seen`] makes of a register.
    Hardware {
        /// Its offset; in the redistributor of the core that accesses, if it is one.
        offset: u64,
        /// How many bytes to read.
        size: u8,
        /// How the partition sees them.
        view: View,
    },
    /// Which of its lines it has enabled: what the hardware says, and those that the monitor holds back.
    Enabled {
        /// The word: lines from 32 times that on. Word 0 is that of the core that accesses.
        word: u32,
        /// The lines.
        lines: u32,
    },
    /// Zero, and a health event.
    Denied,
}

/// What reaches the hardware of a write. Everything is within what the partition owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WriteEffect {
    /// Write 32 bits to a register in which zeros change nothing.
    Write {
        /// Its offset; in the redistributor of the core that accesses, if it is one.
        offset: u64,
        /// The value, already masked.
        value: u32,
    },
    /// Write single bytes of a register of four.
    Bytes {
        /// The offset of the first byte, a multiple of four.
        offset: u64,
        /// Which bytes, one bit each.
        lanes: u8,
        /// All four; others are zero.
        value: u32,
    },
    /// Change bits of a register of 32. Its other bits are others', so nobody may write it meanwhile.
    Modify {
        /// Its offset.
        offset: u64,
        /// Which bits.
        mask: u32,
        /// Their value.
        value: u32,
    },
    /// Enable lines, or disable them. Those of a partition that is not live on the line's core are only noted.
    Enable {
        /// The word: lines from 32 times that on. Word 0 is that of the core that accesses.
        word: u32,
        /// The lines.
        lines: u32,
        /// Whether they may interrupt.
        on: bool,
    },
    /// Have a line interrupt a virtual core.
    Route {
        /// The line.
        line: u32,
        /// The virtual core.
        number: u32,
    },
    /// Raise a software interrupt.
    Call(software::Call),
    /// Keep this for the partition as its control register.
    Control(u32),
    /// Nothing, and nothing to report.
    Ignored,
    /// Nothing, and a health event.
    Denied,
}
