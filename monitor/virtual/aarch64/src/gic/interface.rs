//! Registers of the processor's interface of version 3 that both groups share (IHI 0069, 12.2).
//!
//! Software interrupts have to trap, for hardware would send them to any core. `ICH_HCR_EL2.TC` traps their registers
//! and four more, which are all here. `HCR_EL2.FMO` or `IMO` would trap software interrupts only, but makes the four
//! virtual: then they no longer mask and end the partition's physical interrupts. A driver uses them when a core starts.
//!
//! The monitor accesses the real ones for the partition. It sees all priorities there, and may deactivate any interrupt.

use super::software::{Call, by_register};
use super::{Owned, real_priority};
use crate::timer::{Access, name};

/// A shared register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// `ICC_SGI1R_EL1`: send a software interrupt of the own world's group 1.
    Send,
    /// `ICC_ASGI1R_EL1` or `ICC_SGI0R_EL1`: send one of the other world. No partition may.
    SendOther,
    /// `ICC_PMR_EL1`, the priority mask.
    Mask,
    /// `ICC_CTLR_EL1`, the control register.
    Control,
    /// `ICC_DIR_EL1`, which deactivates an interrupt.
    Deactivate,
    /// `ICC_RPR_EL1`, the priority that runs.
    Running,
}

impl Register {
    /// The one that a trapped access is about, if it is one of them.
    #[must_use]
    pub const fn of(access: &Access) -> Option<Self> {
        const SEND: u32 = name(3, 0, 12, 11, 5);
        const SEND_OTHER_1: u32 = name(3, 0, 12, 11, 6);
        const SEND_OTHER_0: u32 = name(3, 0, 12, 11, 7);
        const MASK: u32 = name(3, 0, 4, 6, 0);
        const CONTROL: u32 = name(3, 0, 12, 12, 4);
        const DEACTIVATE: u32 = name(3, 0, 12, 11, 1);
        const RUNNING: u32 = name(3, 0, 12, 11, 3);
        match access.register {
            SEND => Some(Self::Send),
            SEND_OTHER_1 | SEND_OTHER_0 => Some(Self::SendOther),
            MASK => Some(Self::Mask),
            CONTROL => Some(Self::Control),
            DEACTIVATE => Some(Self::Deactivate),
            RUNNING => Some(Self::Running),
            _ => None,
        }
    }

    /// What the partition reads, of what the monitor found; `None` if the register cannot be read.
    #[must_use]
    pub const fn seen(self, real: u64) -> Option<u64> {
        match self {
            Self::Mask | Self::Running => Some(seen_mask(real as u8) as u64),
            Self::Control => Some(real),
            Self::Send | Self::SendOther | Self::Deactivate => None,
        }
    }

    /// Judges a write by the virtual core `own`.
    pub fn write(self, owned: &Owned, own: u32, value: u64) -> Effect {
        /// Of the control register (12.2.6): when an interrupt ends, and whether the groups share a binary point.
        const CONTROL: u64 = 0b11;
        match self {
            Self::Send => match by_register(owned, own, value) {
                Some(call) => Effect::Call(call),
                None => Effect::Denied,
            },
            Self::Mask => Effect::Mask(real_priority(value as u8)),
            Self::Control => Effect::Control(value & CONTROL),
            // 12.2.10: the number has 24 bits.
            Self::Deactivate => match value as u32 & 0xff_ffff {
                line if owned.owns(line) => Effect::Deactivate(line),
                _ => Effect::Denied,
            },
            Self::SendOther | Self::Running => Effect::Denied,
        }
    }
}

/// The priority that the normal world sees in the interface: the lowest is the lowest in both views (12.2.19).
const fn seen_mask(real: u8) -> u8 {
    match real {
        0xff => 0xff,
        real => super::seen_priority(real),
    }
}

/// What reaches the hardware of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Effect {
    /// Raise a software interrupt. From EL3, `ICC_ASGI1R_EL1` sends those of the normal world.
    Call(Call),
    /// Mask from this priority on; it is one of the normal world.
    Mask(u8),
    /// Set both bits that a partition has of its world's control register.
    Control(u64),
    /// Deactivate this line of its own.
    Deactivate(u32),
    /// Nothing, and a health event.
    Denied,
}
