//! The registers of the programmable performance counters (3.1.10 to 3.1.12).

use crate::arch::csr::{self, interrupt};
use crate::board::BOARD;
use partita_virtual_riscv64::counters::{CounterRegisters, HARDWARE};

/// What every partition may read: `cycle`, `time` and `instret` (`mcounteren`, 3.1.11).
pub const READABLE: u64 = 0b111;
/// All programmable counters in `mcountinhibit`.
const ALL: u64 = (1 << HARDWARE.end) - (1 << HARDWARE.start);

/// The registers of this hart. `mcycle` and `minstret` are not among them and never stop.
pub struct Registers;

/// Calls a macro with all numbers and names of registers that are called `$name` and a number.
macro_rules! with_registers {
    ($action:ident, $($argument:expr),+; event) => {
        $action!($($argument),+; 3 "mhpmevent3", 4 "mhpmevent4", 5 "mhpmevent5", 6 "mhpmevent6",
            7 "mhpmevent7", 8 "mhpmevent8", 9 "mhpmevent9", 10 "mhpmevent10")
    };
    ($action:ident, $($argument:expr),+; counter) => {
        $action!($($argument),+; 3 "mhpmcounter3", 4 "mhpmcounter4", 5 "mhpmcounter5",
            6 "mhpmcounter6", 7 "mhpmcounter7", 8 "mhpmcounter8", 9 "mhpmcounter9",
            10 "mhpmcounter10")
    };
}

macro_rules! read_by_number {
    ($number:expr; $($own:literal $register:literal),+) => {
        match $number {
            _ if !exist() => 0,
            $($own => csr::read!($register),)+
            _ => 0,
        }
    };
}

macro_rules! write_by_number {
    ($number:expr, $value:expr; $($own:literal $register:literal),+) => {
        match $number {
            _ if !exist() => {}
            $($own => csr::write!($register, $value),)+
            _ => {}
        }
    };
}

/// Whether the harts have any programmable counters.
#[inline(always)]
pub fn exist() -> bool {
    BOARD.architecture.performance.counters != 0
}

impl CounterRegisters for Registers {
    #[inline(never)]
    fn selector(&self, counter: u32) -> u64 {
        with_registers!(read_by_number, counter; event)
    }

    #[inline(never)]
    fn select(&mut self, counter: u32, selector: u64) {
        with_registers!(write_by_number, counter, selector; event);
    }

    #[inline(never)]
    fn value(&self, counter: u32) -> u64 {
        with_registers!(read_by_number, counter; counter)
    }

    #[inline(never)]
    fn set_value(&mut self, counter: u32, value: u64) {
        with_registers!(write_by_number, counter, value; counter);
    }

    #[inline]
    fn run(&mut self, counters: u32) {
        if exist() {
            csr::write!("mcountinhibit", ALL & !u64::from(counters));
        }
    }
}

/// Lets nobody but machine mode read these counters, and stops them.
#[inline]
pub fn hide() {
    if !exist() {
        return;
    }
    csr::write!("mcountinhibit", ALL);
    csr::write!("mcounteren", READABLE);
    // Nobody else can write its pending bit, which would count as an overflow of whoever has counters, nor
    // leaves it enabled for machine mode.
    csr::clear!("mie", interrupt::COUNTER_OVERFLOW);
    csr::clear!("mideleg", interrupt::COUNTER_OVERFLOW);
}

/// Lets the partition that runs read its counters.
#[inline]
pub fn show(counters: u32) {
    if !exist() {
        return;
    }
    csr::write!("mcounteren", READABLE | u64::from(counters));
    csr::set!("mideleg", interrupt::COUNTER_OVERFLOW);
}
