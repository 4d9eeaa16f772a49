//! What is different from one kind of processor to the next.

use crate::aarch64;
use crate::instruction::Kind;
use crate::qemu::{Qemu, Register};
use crate::riscv64;
use crate::stays::Cause;

/// The processors that the plugin knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit RISC-V: firmware runs in machine mode.
    Riscv64,
    /// 64-bit Arm: firmware runs at EL3.
    Aarch64,
}

/// The registers of one kind of processor, as QEMU hands them out.
pub enum Registers {
    /// Of RISC-V.
    Riscv64(riscv64::Registers),
    /// Of Arm.
    Aarch64(aarch64::Registers),
}

/// What the registers tell when the firmware has just been entered.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    /// Why.
    pub cause: Cause,
    /// What was interrupted.
    pub program_counter: u64,
    /// The address or instruction that the cause is about.
    pub value: u64,
    /// The address that was denied, if that is the cause.
    pub denied: Option<u64>,
}

impl Architecture {
    /// The one that QEMU calls by this name.
    #[must_use]
    pub fn of_target(name: &str) -> Option<Self> {
        match name {
            "riscv64" => Some(Self::Riscv64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// What the instruction with this encoding is.
    #[must_use]
    pub const fn kind(self, encoding: u32) -> Kind {
        match self {
            Self::Riscv64 => riscv64::kind(encoding),
            Self::Aarch64 => aarch64::kind(encoding),
        }
    }

    /// Above this no user program's address lies, whichever page tables are used.
    #[must_use]
    pub const fn user_end(self) -> u64 {
        match self {
            // Sv39.
            Self::Riscv64 => 1 << 38,
            // The lower half of 48 bits.
            Self::Aarch64 => 1 << 48,
        }
    }

    /// Which way into the firmware begins at `address`, if its trap handler or its table of vectors is at `entry`.
    #[must_use]
    pub const fn way_in(self, entry: u64, address: u64) -> Option<usize> {
        match self {
            Self::Riscv64 if address == entry => Some(0),
            Self::Riscv64 => None,
            Self::Aarch64 => aarch64::way_in(entry, address),
        }
    }

    /// Whether an interrupt's first instruction in the real-time partition is at `address`, if its trap handler or its
    /// table of vectors is at `vector`.
    #[must_use]
    pub const fn is_handler(self, vector: u64, address: u64) -> bool {
        match self {
            Self::Riscv64 => address == vector,
            Self::Aarch64 => aarch64::is_handler(vector, address),
        }
    }

    /// Whether QEMU's timer of the firmware interrupts up to a step late, by what the present was rounded down.
    #[must_use]
    pub const fn timer_rounds(self) -> bool {
        matches!(self, Self::Riscv64)
    }

    /// A cause in words.
    #[must_use]
    pub fn name_of(self, cause: Cause) -> String {
        match self {
            Self::Riscv64 => riscv64::name_of(cause),
            Self::Aarch64 => aarch64::name_of(cause),
        }
    }
}

impl Registers {
    /// Looks the registers up. Only while a virtual CPU starts.
    #[must_use]
    pub fn find(architecture: Architecture, qemu: &Qemu) -> Option<Self> {
        Some(match architecture {
            Architecture::Riscv64 => Self::Riscv64(riscv64::Registers::find(qemu)?),
            Architecture::Aarch64 => Self::Aarch64(aarch64::Registers::find(qemu)?),
        })
    }

    /// What the registers tell when the firmware has just been entered by this way.
    pub fn trap(&self, way: usize, read: impl FnMut(Register) -> u64) -> Trap {
        match self {
            Self::Riscv64(registers) => registers.trap(read),
            Self::Aarch64(registers) => registers.trap(way, read),
        }
    }

    /// The deadline that the real-time partition sets by the call that it is about to make, if that is what it does.
    pub fn called_deadline(&self, read: impl FnMut(Register) -> u64) -> Option<u64> {
        match self {
            Self::Riscv64(registers) => registers.called_deadline(read),
            Self::Aarch64(_) => None,
        }
    }

    /// Whether the real-time partition's handler, which begins, may be that of its timer.
    pub fn may_be_timer(&self, read: impl FnMut(Register) -> u64) -> bool {
        match self {
            Self::Riscv64(registers) => registers.is_timer(read),
            Self::Aarch64(_) => true,
        }
    }

    /// Whether what is executed is a user program for sure.
    pub fn is_user(&self, read: impl FnMut(Register) -> u64) -> bool {
        match self {
            // Nothing else has such addresses.
            Self::Riscv64(_) => true,
            Self::Aarch64(registers) => registers.is_user(read),
        }
    }

    /// A general register; its number is that in instructions. The one that is always zero is none.
    #[must_use]
    pub fn general(&self, number: usize) -> Option<Register> {
        match self {
            Self::Riscv64(_) => None,
            Self::Aarch64(registers) => registers.general(number),
        }
    }
}
