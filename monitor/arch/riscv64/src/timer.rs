//! Machine time and the machine software interrupts (RISC-V ACLINT specification 1.0, 2 and 3).

use crate::board::BOARD;
use crate::mmio::{Register, Registers};

const TIME_COMPARE: usize = 0x4000;
const TIME: usize = 0xbff8;

/// The board's core-local interruptor.
#[derive(Clone, Copy)]
pub struct Aclint;

impl Aclint {
    #[inline(always)]
    fn registers() -> Registers {
        // SAFETY: the board's own interruptor.
        unsafe { Registers::new(BOARD.architecture.aclint) }
    }

    /// Offset of a hart's deadline.
    const fn compare(hart: usize) -> usize {
        hart.wrapping_mul(8).wrapping_add(TIME_COMPARE)
    }

    /// Machine time in ticks.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        Self::registers().read_u64(TIME)
    }

    /// Machine time in nanoseconds.
    #[inline(never)]
    pub fn now_ns(&self) -> u64 {
        BOARD.ticks_to_ns(self.now())
    }

    /// The register that counts machine time, and the one that holds a hart's deadline.
    pub fn timer_of(&self, hart: usize) -> Option<(Register<u64>, Register<u64>)> {
        let deadline = Self::registers().register(Self::compare(hart))?;
        Some((Self::registers().register(TIME)?, deadline))
    }

    /// The machine timer of a hart interrupts from `ticks` on.
    #[inline(always)]
    pub fn set_deadline(&self, hart: usize, ticks: u64) {
        Self::registers().write_u64(Self::compare(hart), ticks);
    }

    /// Raises a hart's machine software interrupt.
    #[inline]
    pub fn interrupt(&self, hart: usize) {
        Self::registers().write_u32(hart.wrapping_mul(4), 1);
    }

    /// Clears a hart's machine software interrupt.
    #[inline]
    pub fn clear_interrupt(&self, hart: usize) {
        Self::registers().write_u32(hart.wrapping_mul(4), 0);
    }
}
