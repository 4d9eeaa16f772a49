//! An APLIC that sends messages to an IMSIC (RISC-V Advanced Interrupt Architecture 1.0).
//!
//! Lines that the monitor takes stay in the APLIC's machine-level domain and go to the machine-level
//! interrupt file of their hart, with their own number as identity. Lines of a Linux are delegated to the
//! supervisor-level domain, where it configures them through the monitor. The supervisor-level interrupt file
//! of a hart belongs to the Linux there. Its `eidelivery` is the gate: it hides what is pending from whoever
//! else runs, and `mstateen0` keeps them from the file's registers.

use crate::arch::csr;
use crate::board::BOARD;
use crate::cores::Core;
use crate::machine::{PartitionView, Place};
use crate::mmio::Registers;
use crate::report;
use core::arch::asm;
use partita_board::{Aia as Layout, Controller as BoardController, Window};
use partita_virtual_riscv64::aplic::{ReadEffect, WriteEffect};

pub use partita_virtual_riscv64::aplic::AplicFilter as Filter;

/// The identity of the serial port at the machine-level interrupt file: above that of every line, so that
/// the threshold can hide it alone (a lower identity is more urgent, 3.8.3).
const CONSOLE_IDENTITY: u32 = 127;

/// `domaincfg`: interrupts are enabled, and delivered by messages (4.5.1).
const DELIVER_MESSAGES: u32 = 1 << 8 | 1 << 2;
/// `sourcecfg`: delegated to the first child domain (4.5.2).
const DELEGATED: u32 = 1 << 10;
/// `sourcecfg`: asserted while high. All lines of the boards are.
const LEVEL_HIGH: u32 = 6;
/// `target`: the place of the hart index (4.5.16.2).
const HART_INDEX_SHIFT: u32 = 18;

/// Writes zero to a register and returns what was there.
macro_rules! take {
    ($register:literal) => {{
        let value: u64;
        // SAFETY: as for `csr::write`; only the interrupts of a lower privilege level are concerned, and those
        // that the monitor claims.
        unsafe {
            asm!(concat!("csrrw {}, ", $register, ", zero"), out(reg) value, options(nostack, preserves_flags));
        }
        value
    }};
}

/// The priorities of local interrupts, as `siselect` numbers them (5.2).
mod priority {
    /// Every one, eight in each second number.
    pub const ALL: core::ops::Range<u64> = 0x30..0x40;
    /// Those that are delegated.
    pub const ZERO_TO_SEVEN: u64 = 0x30;
    pub const EIGHT_TO_FIFTEEN: u64 = 0x32;
}

/// Registers of an interrupt file, as `miselect` and `siselect` number them (3.8).
mod file {
    pub const DELIVERY: u64 = 0x70;
    pub const THRESHOLD: u64 = 0x72;
    pub const PENDING: u64 = 0x80;
    pub const ENABLE: u64 = 0xc0;
}

/// `mstateen0`: `senvcfg` may be used by everybody (Smstateen 1.0).
const STATE_FOR_ALL: u64 = 1 << 62;
/// `mstateen0`: the interrupt file, and the registers through which it is reached, may be used.
const STATE_OF_FILE: u64 = 1 << 58 | 1 << 59 | 1 << 60;

/// What the board says of its controller.
#[inline(always)]
fn layout() -> &'static Layout {
    match &BOARD.architecture.controller {
        BoardController::Aia(layout) => layout,
        BoardController::Plic(_) => report::fatal("this firmware is for a board with an IMSIC"),
    }
}

/// The machine-level domain.
#[inline(always)]
fn machine() -> Registers {
    // SAFETY: the board's own interrupt controller.
    unsafe { Registers::new(layout().machine_domain) }
}

/// The supervisor-level domain.
#[inline(always)]
fn supervisor() -> Registers {
    // SAFETY: the board's own interrupt controller.
    unsafe { Registers::new(layout().supervisor_domain) }
}

/// The board's interrupt controller.
#[derive(Clone, Copy)]
pub struct Controller;

impl Controller {
    /// Silences every line, and tells the controller where the interrupt files are.
    pub fn reset(&self, _harts: usize) {
        let files = |window: Window| (window.base >> 12) as u32;
        let addresses = [
            (Layout::MACHINE_ADDRESS, files(layout().machine_files)),
            (
                Layout::MACHINE_ADDRESS_HIGH,
                layout().hart_index_bits() << Layout::HART_INDEX_BITS_SHIFT,
            ),
            (Layout::SUPERVISOR_ADDRESS, files(layout().supervisor_files)),
            (Layout::SUPERVISOR_ADDRESS_HIGH, 0),
        ];
        for (offset, value) in addresses {
            machine().write_u32(offset, value);
        }
        for domain in [&machine(), &supervisor()] {
            for line in 1..=layout().lines {
                domain.write_u32(Layout::CLEAR_ENABLE_NUMBER, u32::from(line));
                domain.write_u32(Layout::CLEAR_PENDING_NUMBER, u32::from(line));
                domain.write_u32(Layout::source_offset(line), 0);
            }
            domain.write_u32(Layout::DOMAIN_CONFIGURATION, DELIVER_MESSAGES);
        }
    }

    /// Lets the serial port interrupt the monitor on a hart.
    pub fn open_console(&self, hart: usize, line: u16) {
        self.open(hart, line, CONSOLE_IDENTITY);
    }

    /// Lets a line that the monitor takes interrupt a hart, from the state after reset. Called on that hart.
    pub fn open_mediated(&self, hart: usize, line: u16) {
        // A message that came before the line was silenced is not the new owner's.
        csr::write!("0x350", file::PENDING + 2 * (u64::from(line) / 64));
        csr::clear!("0x351", 1 << (line % 64));
        csr::write!("0x350", file::THRESHOLD);
        self.open(hart, line, u32::from(line));
    }

    fn open(&self, hart: usize, line: u16, identity: u32) {
        machine().write_u32(Layout::source_offset(line), LEVEL_HIGH);
        let target = (hart as u32) << HART_INDEX_SHIFT | identity;
        machine().write_u32(Layout::target_offset(line), target);
        self.unmask(hart, line);
    }

    /// Silences a line that the monitor takes, in any state.
    pub fn close_mediated(&self, _hart: usize, line: u16) {
        machine().write_u32(Layout::CLEAR_ENABLE_NUMBER, u32::from(line));
        machine().write_u32(Layout::CLEAR_PENDING_NUMBER, u32::from(line));
    }

    /// Silences a line of a Linux, in any state, and leaves it to the domain where Linux configures it.
    pub fn close_direct(&self, _hart: usize, line: u16) {
        let number = u32::from(line);
        machine().write_u32(Layout::CLEAR_ENABLE_NUMBER, number);
        machine().write_u32(Layout::source_offset(line), DELEGATED);
        supervisor().write_u32(Layout::CLEAR_ENABLE_NUMBER, number);
        supervisor().write_u32(Layout::CLEAR_PENDING_NUMBER, number);
        supervisor().write_u32(Layout::source_offset(line), 0);
    }

    /// Takes the most urgent line that is pending for the monitor on its own hart; 0 if there is none.
    #[inline]
    pub fn claim(&self, _hart: usize) -> u32 {
        // Writing `mtopei` claims the interrupt that is read (3.10).
        match (take!("0x35c") >> 16) as u32 & 0x7ff {
            CONSOLE_IDENTITY => u32::from(BOARD.uart.line),
            line => line,
        }
    }

    /// Lets the serial port interrupt again, after it was claimed and served. Its message was sent once, so
    /// the line is looked at again (4.7).
    pub fn complete_console(&self, _hart: usize, line: u32) {
        machine().write_u32(Layout::SET_PENDING_NUMBER, line);
    }

    /// Masks a line that was claimed.
    #[inline]
    pub fn mask(&self, _hart: usize, line: u32) {
        machine().write_u32(Layout::CLEAR_ENABLE_NUMBER, line);
    }

    /// Lets a masked line interrupt again: now, if it is still high (4.7).
    pub fn unmask(&self, _hart: usize, line: u16) {
        machine().write_u32(Layout::SET_ENABLE_NUMBER, u32::from(line));
        machine().write_u32(Layout::SET_PENDING_NUMBER, u32::from(line));
    }
}

/// What a virtual core with direct lines keeps of the controller while it is not live.
#[derive(Clone, Copy)]
pub struct Kept {
    /// `siselect`.
    select: u64,
    /// `eidelivery` of the supervisor-level interrupt file.
    delivery: u64,
    /// Priorities of the local interrupts, by which whoever runs takes them in another order.
    priorities: [u64; 2],
}

impl Kept {
    /// As after reset: the virtual core opens its gate itself.
    pub const RESET: Self = Self {
        select: 0,
        delivery: 0,
        priorities: [0; 2],
    };
}

/// What a switch uses of the controller on one hart. `miselect` always selects the threshold of the hart's
/// machine-level interrupt file, outside of the methods that say otherwise.
pub struct Gate {
    /// The highest identity of an interrupt file.
    identities: u64,
}

impl Gate {
    /// The gate of a hart, closed for its Linux and open for the monitor. Made by that hart.
    pub fn new(_hart: usize) -> Self {
        let gate = Self {
            identities: u64::from(layout().identities),
        };
        if csr::probe!("0x30c").is_none() {
            report::fatal("the harts need Smstateen to keep interrupt files apart");
        }
        csr::write!("0x30c", STATE_FOR_ALL);
        gate.clear_machine_file();
        gate.restart();
        gate
    }

    /// Enables all identities of lines at the machine-level file, with none pending.
    fn clear_machine_file(&self) {
        for word in 0..=self.identities / 64 {
            csr::write!("0x350", file::PENDING.wrapping_add(word.wrapping_mul(2)));
            csr::write!("0x351", 0);
            csr::write!("0x350", file::ENABLE.wrapping_add(word.wrapping_mul(2)));
            let used = word <= u64::from(CONSOLE_IDENTITY) / 64;
            csr::write!("0x351", if used { u64::MAX } else { 0 });
        }
        csr::write!("0x350", file::DELIVERY);
        csr::write!("0x351", 1);
        csr::write!("0x350", file::THRESHOLD);
        csr::write!("0x351", 0);
    }

    /// Brings the supervisor-level file to the state after reset. Not while its owner is live.
    pub fn restart(&self) {
        csr::write!("0x150", file::DELIVERY);
        csr::write!("0x151", 0);
        csr::write!("0x150", file::THRESHOLD);
        csr::write!("0x151", 0);
        for select in priority::ALL.step_by(2) {
            csr::write!("0x150", select);
            csr::write!("0x151", 0);
        }
        for word in 0..=self.identities / 64 {
            csr::write!("0x150", file::ENABLE.wrapping_add(word.wrapping_mul(2)));
            csr::write!("0x151", 0);
            csr::write!("0x150", file::PENDING.wrapping_add(word.wrapping_mul(2)));
            csr::write!("0x151", 0);
        }
    }

    /// Hides the direct interrupts of the virtual core that leaves, and its file from who comes.
    #[inline(always)]
    pub fn close(&self, kept: &mut Kept) {
        kept.select = csr::read!("0x150");
        csr::write!("0x150", file::DELIVERY);
        kept.delivery = take!("0x151");
        csr::write!("0x150", priority::ZERO_TO_SEVEN);
        kept.priorities[0] = take!("0x151");
        csr::write!("0x150", priority::EIGHT_TO_FIFTEEN);
        kept.priorities[1] = take!("0x151");
        csr::write!("0x30c", STATE_FOR_ALL);
    }

    /// Shows the direct interrupts of the virtual core that comes.
    #[inline(always)]
    pub fn open(&self, kept: &Kept) {
        csr::write!("0x150", priority::ZERO_TO_SEVEN);
        csr::write!("0x151", kept.priorities[0]);
        csr::write!("0x150", priority::EIGHT_TO_FIFTEEN);
        csr::write!("0x151", kept.priorities[1]);
        csr::write!("0x150", file::DELIVERY);
        csr::write!("0x151", kept.delivery);
        csr::write!("0x150", kept.select);
        csr::write!("0x30c", STATE_FOR_ALL | STATE_OF_FILE);
    }

    /// Hides the direct interrupts of a virtual core that is gone for good.
    pub fn shut(&self) {
        let mut gone = Kept::RESET;
        self.close(&mut gone);
    }

    /// Decides whether the serial port may interrupt this hart.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        let threshold = if hide { CONSOLE_IDENTITY } else { 0 };
        csr::write!("0x351", u64::from(threshold));
    }
}

/// The registers that the monitor stands in for, as no partition can reach them directly.
pub fn window() -> Window {
    layout().supervisor_domain
}

/// What a partition owns of the controller: `lines`, one bit each, and the interrupt files of its harts.
pub fn filter(places: &[Place], lines: [u32; 32]) -> Filter {
    let mut filter = Filter::new(lines, layout().identities);
    for place in places {
        let _in_range = filter.add_hart(u32::from(place.core));
    }
    filter
}

/// Reads a register for the running partition: `offset` in [`window`].
pub fn read(_hart: &Core, filter: &Filter, offset: u64) -> u32 {
    match filter.read(offset) {
        ReadEffect::Hardware { offset, mask } => supervisor().read_u32(offset as usize) & mask,
        ReadEffect::Zero => 0,
    }
}

/// Writes a register for the running partition, as far as it owns it. Returns false if the write is to
/// be reported.
pub fn write(
    _hart: &Core,
    _view: &PartitionView,
    filter: &Filter,
    offset: u64,
    value: u32,
) -> bool {
    match filter.write(offset, value) {
        WriteEffect::Write { offset, value } => {
            supervisor().write_u32(offset as usize, value);
        }
        WriteEffect::Ignored => {}
        WriteEffect::Denied => return false,
    }
    true
}

/// Answers [`crate::mail::CONTROLLER`], which nobody sends: a partition reaches all its interrupt files itself.
pub fn answer_request(_gate: &Gate, _hart: usize, _is_live: bool, _kept: &mut Kept) {}
