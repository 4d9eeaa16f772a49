//! The distributor, whose registers for lines both versions of the GIC share (IHI 0069, 12.9; IHI 0048B, 4.3).

use super::{CONSOLE_PRIORITY, Controller, LINE_PRIORITY, version};
use crate::arch::register::complete_accesses;
use crate::board::BOARD;
use crate::mmio::{Register, Registers};
use core::cell::Cell;
use spin::mutex::{TicketMutex, TicketMutexGuard};

pub const CONTROL: usize = 0x0000;
const TYPE: usize = 0x0004;
pub const GROUP: usize = 0x0080;
pub const SET_ENABLE: usize = 0x0100;
pub const CLEAR_ENABLE: usize = 0x0180;
pub const SET_PENDING: usize = 0x0200;
pub const CLEAR_PENDING: usize = 0x0280;
pub const SET_ACTIVE: usize = 0x0300;
pub const CLEAR_ACTIVE: usize = 0x0380;
pub const PRIORITY: usize = 0x0400;
pub const CONFIGURATION: usize = 0x0c00;
pub const NON_SECURE_ACCESS: usize = 0x0e00;

/// Interrupts of one core.
pub const PRIVATE: u32 = 32;
/// Interrupt identifiers from here on are none.
pub const NONE: u32 = 1020;

/// The board's distributor.
#[inline(always)]
pub fn registers() -> Registers {
    // SAFETY: the board's own interrupt controller.
    unsafe { Registers::new(BOARD.architecture.gic.distributor) }
}

/// The highest interrupt there can be (`GICD_TYPER`), plus one.
fn lines() -> u32 {
    let found = (registers().read_u32(TYPE) & 31).wrapping_add(1);
    found.wrapping_mul(PRIVATE).min(NONE)
}

/// Held while lines are enabled or routed, and while a register is changed that others have bits in: for a bounded time.
static CHANGES: TicketMutex<()> = TicketMutex::new(());

/// Keeps other cores from changing what several have a part of.
#[inline(never)]
pub fn alone() -> TicketMutexGuard<'static, ()> {
    CHANGES.lock()
}

/// Changes bits of a register that others have bits in.
#[inline(never)]
pub fn modify(offset: usize, mask: u32, value: u32) {
    let _alone = alone();
    let before = registers().read_u32(offset);
    registers().write_u32(offset, before & !mask | value & mask);
}

/// Sets how a line is triggered: two bits, of which the second says by edges.
fn configure(line: u16, bits: u32) {
    let place = (u32::from(line) % 16).wrapping_mul(2);
    let offset = CONFIGURATION.wrapping_add(usize::from(line) / 16 * 4);
    modify(offset, 3_u32.wrapping_shl(place), bits.wrapping_shl(place));
}

/// Writes a line's bit in one of the registers where zeros change nothing.
#[inline]
fn write_bit(register: usize, line: u32) {
    let offset = register.wrapping_add(line as usize / 32 * 4);
    registers().write_u32(offset, 1_u32.wrapping_shl(line % 32));
}

#[inline]
pub fn set_enabled(line: u32, enabled: bool) {
    write_bit(if enabled { SET_ENABLE } else { CLEAR_ENABLE }, line);
}

fn claim_line(core: usize, line: u16, priority: u8) {
    let number = usize::from(line);
    registers().write_u8(PRIORITY.wrapping_add(number), priority);
    version::route(number, core);
    set_enabled(u32::from(line), true);
}

impl Controller {
    /// Silences every line; those that nobody has stay in group 0.
    pub fn reset(&self, _cores: usize) {
        let registers = registers();
        version::disable();
        for word in 1..lines() / 32 {
            let offset = word as usize * 4;
            registers.write_u32(CLEAR_ENABLE + offset, !0);
            registers.write_u32(CLEAR_PENDING + offset, !0);
            registers.write_u32(CLEAR_ACTIVE + offset, !0);
            registers.write_u32(GROUP + offset, 0);
            version::reset_word(offset);
            for quarter in 0..8 {
                registers.write_u32(PRIORITY + offset * 8 + quarter * 4, 0);
            }
            for half in 0..2 {
                registers.write_u32(NON_SECURE_ACCESS + offset * 2 + half * 4, 0);
            }
        }
        version::enable();
    }

    /// Lets the serial port interrupt the monitor on a core.
    pub fn open_console(&self, core: usize, line: u16) {
        claim_line(core, line, CONSOLE_PRIORITY);
    }

    /// Lets a line that the monitor takes interrupt a core, from the state after reset.
    pub fn open_mediated(&self, core: usize, line: u16) {
        claim_line(core, line, LINE_PRIORITY);
    }

    /// Lets a line of the monitor's that is raised for a moment only interrupt a core.
    pub fn open_pulsed(&self, core: usize, line: u16) {
        configure(line, 2);
        claim_line(core, line, CONSOLE_PRIORITY);
    }

    /// Lets a line that was masked interrupt again, and at once if asked for.
    pub fn reopen(&self, line: u16, at_once: bool) {
        if at_once {
            write_bit(SET_PENDING, u32::from(line));
        }
        set_enabled(u32::from(line), true);
    }

    /// Silences a line that the monitor takes, in any state.
    pub fn close_mediated(&self, _core: usize, line: u16) {
        set_enabled(u32::from(line), false);
        write_bit(CLEAR_PENDING, u32::from(line));
        write_bit(CLEAR_ACTIVE, u32::from(line));
    }

    /// Gives a line to Linux: it finds it as after reset.
    pub fn open_direct(&self, line: u16) {
        let number = usize::from(line);
        registers().write_u8(PRIORITY.wrapping_add(number), version::NORMAL_PRIORITY);
        let offset = GROUP.wrapping_add(number / 32 * 4);
        modify(offset, 1_u32.wrapping_shl(u32::from(line) % 32), !0);
    }

    /// Silences a line of Linux's, in any state, and has it as after reset.
    pub fn close_direct(&self, _core: usize, line: u16) {
        self.close_mediated(0, line);
        configure(line, 0);
        self.open_direct(line);
    }

    /// Lets the serial port interrupt again, after it was claimed and served.
    pub fn complete_console(&self, _core: usize, line: u32) {
        version::end(line);
    }

    /// Masks a line that was claimed, and ends its handling.
    #[inline]
    pub fn mask(&self, _core: usize, line: u32) {
        set_enabled(line, false);
        complete_accesses();
        version::end(line);
    }

    /// Lets a masked line interrupt again.
    pub fn unmask(&self, _core: usize, line: u16) {
        set_enabled(u32::from(line), true);
    }
}

/// Whether the serial port may interrupt the core that serves it.
pub struct ConsoleGate {
    /// Its bit in the words that let it interrupt, and keep it from that.
    bit: u32,
    on: Register<u32>,
    off: Register<u32>,
    hidden: Cell<bool>,
}

impl ConsoleGate {
    /// The port's gate, open. There is none if the distributor has no registers for it.
    pub fn new() -> Option<Self> {
        let line = u32::from(BOARD.uart.line);
        let register =
            |first| registers().register(usize::wrapping_add(first, line as usize / 32 * 4));
        Some(Self {
            bit: 1_u32.wrapping_shl(line % 32),
            on: register(SET_ENABLE)?,
            off: register(CLEAR_ENABLE)?,
            hidden: Cell::new(false),
        })
    }

    /// Keeps the port from interrupting, or lets it.
    #[inline(always)]
    pub fn hide(&self, hide: bool) {
        if self.hidden.replace(hide) == hide {
            return;
        }
        let register = if hide { &self.off } else { &self.on };
        register.write(self.bit);
    }
}
