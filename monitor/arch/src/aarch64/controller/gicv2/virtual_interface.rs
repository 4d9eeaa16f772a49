//! The virtual interface (IHI 0048B, chapter 5), by which a program behind stage 2 gets its interrupts: the monitor
//! writes them into list registers, and the program takes and ends them by itself. Stage 2 shows it the virtual
//! interface where the core's own would be. What it masks there masks nothing of the monitor's.

use crate::arch::controller::{PROGRAM_PRIORITY, software};
use crate::board::BOARD;
use crate::mmio::Registers;
use crate::report;
use partita_board::GicInterface;

/// Registers of the hypervisor's interface (5.3).
mod register {
    pub const CONTROL: usize = 0x00;
    pub const VIRTUAL_CONTROL: usize = 0x08;
    pub const ACTIVE: usize = 0xf0;
    pub const LISTS: usize = 0x100;
}

/// Fields of a list register (5.3.7). Interrupts are of group 0, which is signalled as IRQ.
mod list {
    /// A priority has five bits here.
    pub const PRIORITY: u32 = 23 - 3;
    pub const PENDING: u32 = 1 << 28;
    pub const STATE: u32 = 3 << 28;
}

/// `GICH_HCR`: virtual interrupts are signalled.
const ENABLED: u32 = 1;
/// `GICH_VMCR` (5.3.3): nothing is masked by priority, and group 0 is enabled.
const AT_START: u32 = 0x1f << 27 | 1;

/// List registers in use: one for each of [`software`]'s interrupts.
const LISTS: usize = software::STRIDE as usize;

/// The hypervisor's interface of the core that asks.
#[inline(always)]
fn interface() -> Registers {
    match BOARD.architecture.gic.interface {
        // SAFETY: the board's own interrupt controller.
        GicInterface::V2 { hypervisor, .. } => unsafe { Registers::new(hypervisor) },
        GicInterface::V3 { .. } => {
            report::fatal("this firmware is for a board with a GIC of version 2")
        }
    }
}

/// What a program has of the interface.
#[derive(Clone, Copy)]
pub struct Virtual {
    lists: [u32; LISTS],
    control: u32,
    active: u32,
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
        let interface = interface();
        for (number, list) in self.lists.iter_mut().enumerate() {
            *list = interface.read_u32(place(number));
        }
        self.control = interface.read_u32(register::VIRTUAL_CONTROL);
        self.active = interface.read_u32(register::ACTIVE);
    }

    /// Puts it onto the core.
    pub fn write(&self) {
        let interface = interface();
        for (number, list) in self.lists.iter().enumerate() {
            interface.write_u32(place(number), *list);
        }
        interface.write_u32(register::VIRTUAL_CONTROL, self.control);
        interface.write_u32(register::ACTIVE, self.active);
    }
}

/// Makes an interrupt pending of the program whose interface is on the core.
#[inline]
pub fn raise(interrupt: u32) {
    let place = place(index(interrupt));
    let state = interface().read_u32(place) & list::STATE;
    let priority = (PROGRAM_PRIORITY as u32) << list::PRIORITY;
    interface().write_u32(place, state | list::PENDING | priority | interrupt);
}

/// Takes that back.
#[inline]
pub fn withdraw(interrupt: u32) {
    let place = place(index(interrupt));
    let list = interface().read_u32(place);
    interface().write_u32(place, list & !list::PENDING);
}

/// Whether an interrupt is pending for the program whose interface is on the core.
#[inline]
pub fn is_pending() -> bool {
    (0..LISTS).any(|number| interface().read_u32(place(number)) & list::PENDING != 0)
}

/// Has EL1 get virtual interrupts.
#[inline(always)]
pub fn show() {
    interface().write_u32(register::CONTROL, ENABLED);
}

/// Has EL1 get none.
#[inline(always)]
pub fn hide() {
    interface().write_u32(register::CONTROL, 0);
}

#[inline(always)]
const fn index(interrupt: u32) -> usize {
    interrupt.wrapping_sub(software::TIMER) as usize
}

#[inline(always)]
const fn place(number: usize) -> usize {
    register::LISTS.wrapping_add(number.wrapping_mul(4))
}
