//! Machine time and the machine software interrupts (RISC-V ACLINT specification 1.0, 2 and 3).

use crate::arch::csr::{self, interrupt};
use crate::arch::wait_for_interrupt;
use crate::board::BOARD;
use crate::mmio::{Register, Registers};
use crate::report;

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

/// Machine time in ticks.
#[inline(always)]
pub fn now() -> u64 {
    Aclint.now()
}

/// Machine time in nanoseconds.
pub fn now_ns() -> u64 {
    Aclint.now_ns()
}

/// A hart's clock and timer, whose registers are so often used that their addresses are checked once.
pub struct CoreTimer {
    time: Register<u64>,
    deadline: Register<u64>,
}

impl CoreTimer {
    /// That of a hart.
    pub fn new(hart: usize) -> Self {
        match Aclint.timer_of(hart) {
            Some((time, deadline)) => Self { time, deadline },
            None => report::fatal("the board has no registers for this hart"),
        }
    }

    /// Machine time in ticks.
    #[inline(always)]
    pub fn now(&self) -> u64 {
        self.time.read()
    }

    /// The machine timer interrupts from `ticks` on.
    #[inline(always)]
    pub fn set(&self, ticks: u64) {
        self.deadline.write(ticks);
    }

    /// The machine timer interrupts from `ticks` on, or before.
    pub fn bring_forward(&self, ticks: u64) {
        if ticks < self.deadline.read() {
            self.deadline.write(ticks);
        }
    }

    /// Sleeps until `ticks`, whatever else interrupts.
    pub fn sleep_until(&self, ticks: u64) {
        csr::write!("mie", interrupt::MACHINE_TIMER);
        self.deadline.write(ticks);
        wait_for_interrupt();
    }
}
