//! The virtual interface (IHI 0069, chapter 6 and 12.4), by which a program behind stage 2 gets its interrupts: the
//! monitor writes them into list registers, and the program takes and ends them by itself. What it masks there masks
//! nothing of the monitor's.

use crate::arch::controller::{PROGRAM_PRIORITY, software};
use crate::arch::register::{read, write};

/// Fields of a list register (12.4.8).
mod list {
    pub const PRIORITY: u32 = 48;
    pub const GROUP_1: u64 = 1 << 60;
    pub const PENDING: u64 = 1 << 62;
    pub const STATE: u64 = 3 << 62;
}

/// `ICH_HCR_EL2` (12.4.5): virtual interrupts are signalled.
const ENABLED: u64 = 1;
/// The same register while Linux has the interface itself: the registers that both groups share trap.
const SHARED_TRAPS: u64 = 1 << 10;
/// `ICH_VMCR_EL2` (12.4.9): nothing is masked by priority, and nothing is enabled.
const AT_START: u64 = 0xff << 24;

/// List registers in use: one for each of [`software`]'s interrupts.
const LISTS: usize = software::STRIDE as usize;

/// What a program has of the interface.
#[derive(Clone, Copy)]
pub struct Virtual {
    lists: [u64; LISTS],
    control: u64,
    active: u64,
}

impl Virtual {
    /// As a program finds it when it starts.
    pub const RESET: Self = Self {
        lists: [0; LISTS],
        control: AT_START,
        active: 0,
    };

    /// Takes it off the core.
    pub fn keep(&mut self) {
        for (number, list) in self.lists.iter_mut().enumerate() {
            *list = read_list(number);
        }
        self.control = read!("s3_4_c12_c11_7");
        self.active = read!("s3_4_c12_c9_0");
    }

    /// Puts it onto the core.
    pub fn write(&self) {
        for (number, list) in self.lists.iter().enumerate() {
            write_list(number, *list);
        }
        write!("s3_4_c12_c11_7", self.control);
        write!("s3_4_c12_c9_0", self.active);
    }
}

/// Makes an interrupt pending of the program whose interface is on the core.
#[inline]
pub fn raise(interrupt: u32) {
    let number = index(interrupt);
    write_list(number, raised(read_list(number), interrupt));
}

/// Takes that back.
#[inline]
pub fn withdraw(interrupt: u32) {
    let number = index(interrupt);
    write_list(number, read_list(number) & !list::PENDING);
}

/// Whether an interrupt is pending for the program whose interface is on the core.
#[inline]
pub fn is_pending() -> bool {
    (0..LISTS).any(|number| read_list(number) & list::PENDING != 0)
}

/// Has EL1 use the virtual interface.
#[inline(always)]
pub fn show() {
    write!("s3_4_c12_c11_0", ENABLED);
}

/// Has EL1 use the core's own interface.
#[inline(always)]
pub fn hide() {
    write!("s3_4_c12_c11_0", SHARED_TRAPS);
}

#[inline(always)]
const fn index(interrupt: u32) -> usize {
    interrupt.wrapping_sub(software::TIMER) as usize
}

#[inline(always)]
const fn raised(list: u64, interrupt: u32) -> u64 {
    list & list::STATE
        | list::PENDING
        | list::GROUP_1
        | (PROGRAM_PRIORITY as u64) << list::PRIORITY
        | interrupt as u64
}

#[inline(always)]
fn read_list(number: usize) -> u64 {
    match number {
        0 => read!("s3_4_c12_c12_0"),
        1 => read!("s3_4_c12_c12_1"),
        _ => read!("s3_4_c12_c12_2"),
    }
}

#[inline(always)]
fn write_list(number: usize, value: u64) {
    match number {
        0 => write!("s3_4_c12_c12_0", value),
        1 => write!("s3_4_c12_c12_1", value),
        _ => write!("s3_4_c12_c12_2", value),
    }
}
