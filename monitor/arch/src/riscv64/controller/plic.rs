//! The platform-level interrupt controller (RISC-V PLIC specification 1.0.0).
//!
//! A hart's M-mode context has the lines that the monitor takes, its S-mode context those that reach its
//! Linux without the monitor. The threshold of the S-mode context is the gate: it hides them from whoever
//! else runs.

use crate::arch::pmp;
use crate::board::BOARD;
use crate::cores::Core;
use crate::machine::{PartitionView, Place};
use crate::mail;
use crate::mmio::{Register, Registers};
use crate::report;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use partita_abi::MAX_CORES;
use partita_board::{Controller as BoardController, Plic as Layout, Window};
use partita_virtual_riscv64::plic::{ReadEffect, WriteEffect};
use spin::mutex::TicketMutex;

pub use partita_virtual_riscv64::plic::PlicFilter as Filter;

/// The priority of the monitor's serial port: the lowest. Mediated lines have the highest.
const CONSOLE_PRIORITY: u32 = 1;

/// Held while a word of enable bits is read, changed and written.
static ENABLE_WORDS: TicketMutex<()> = TicketMutex::new(());

/// What a partition last wrote to the threshold of each hart's S-mode context from another hart.
static THRESHOLDS: [AtomicU32; MAX_CORES] = [const { AtomicU32::new(0) }; MAX_CORES];

/// What the board says of its controller.
#[inline(always)]
fn layout() -> &'static Layout {
    match &BOARD.architecture.controller {
        BoardController::Plic(layout) => layout,
        BoardController::Aia(_) => report::fatal("this firmware is for a board with a PLIC"),
    }
}

/// Its registers.
#[inline(always)]
fn registers() -> Registers {
    // SAFETY: the board's own interrupt controller.
    unsafe { Registers::new(layout().window) }
}

/// The board's interrupt controller.
#[derive(Clone, Copy)]
pub struct Controller;

impl Controller {
    /// Silences every line and every context of `harts` harts.
    pub fn reset(&self, harts: usize) {
        for line in 1..=layout().lines {
            self.set_priority(line, 0);
        }
        for context in 0..layout().contexts(harts) {
            for word in 0..=usize::from(layout().lines) / 32 {
                registers().write_u32(Layout::enable_offset(context, word) as usize, 0);
            }
            let threshold = Layout::context_offset(context) as usize;
            registers().write_u32(threshold, layout().max_priority);
        }
    }

    /// Lets the serial port interrupt the monitor on a hart.
    pub fn open_console(&self, hart: usize, line: u16) {
        self.set_priority(line, CONSOLE_PRIORITY);
        self.set_enabled(layout().machine_context(hart), line, true);
    }

    /// Lets a line that the monitor takes interrupt a hart, from the state after reset.
    pub fn open_mediated(&self, hart: usize, line: u16) {
        self.unmask(hart, line);
    }

    /// Silences a line that the monitor takes, in any state.
    pub fn close_mediated(&self, hart: usize, line: u16) {
        let _lifted = pmp::lift();
        self.set_enabled(layout().machine_context(hart), line, false);
    }

    /// Silences a line of a Linux that lives on a hart, in any state. If it was claimed and not completed
    /// it would stay silent for ever, so it is completed; only an enabled line can be (PLIC specification,
    /// chapter 9). The context's threshold hides it meanwhile.
    pub fn close_direct(&self, hart: usize, line: u16) {
        let _lifted = pmp::lift();
        let context = layout().supervisor_context(hart);
        self.set_enabled(context, line, true);
        self.complete(context, u32::from(line));
        self.set_enabled(context, line, false);
        self.set_priority(line, 0);
    }

    /// Takes the most urgent line that is pending for the monitor on its own hart; 0 if there is none.
    #[inline]
    pub fn claim(&self, hart: usize) -> u32 {
        let context = layout().machine_context(hart);
        registers().read_u32(Layout::context_offset(context) as usize + 4)
    }

    /// Lets the serial port interrupt again, after it was claimed and served.
    pub fn complete_console(&self, hart: usize, line: u32) {
        self.complete(layout().machine_context(hart), line);
    }

    /// Masks a line that was claimed. It is completed first: a completion of a line that is not enabled
    /// is ignored (PLIC specification, chapter 9).
    #[inline]
    pub fn mask(&self, hart: usize, line: u32) {
        let context = layout().machine_context(hart);
        self.complete(context, line);
        let _lifted = pmp::lift();
        self.set_enabled(context, line as u16, false);
    }

    /// Lets a masked line interrupt again. Not while a partition with direct lines is live.
    pub fn unmask(&self, hart: usize, line: u16) {
        self.set_enabled(layout().machine_context(hart), line, true);
        // QEMU's PLIC does not look at a line that is enabled while it is pending, but does at each write
        // of a priority.
        self.set_priority(line, layout().max_priority);
    }

    fn set_priority(&self, line: u16, priority: u32) {
        registers().write_u32(Layout::priority_offset(line) as usize, priority);
    }

    /// Enables or disables a line in a context. Harts take turns: a word holds the lines of several.
    fn set_enabled(&self, context: usize, line: u16, enabled: bool) {
        let _turn = ENABLE_WORDS.lock();
        let offset = Layout::enable_offset(context, usize::from(line) / 32) as usize;
        let bit = 1 << (line % 32);
        let word = registers().read_u32(offset);
        registers().write_u32(offset, if enabled { word | bit } else { word & !bit });
    }

    /// Ends the handling of a line, which must be enabled in the context (chapter 9).
    #[inline]
    fn complete(&self, context: usize, line: u32) {
        registers().write_u32(Layout::context_offset(context) as usize + 4, line);
    }
}

/// What a virtual core with direct lines keeps of the controller while it is not live.
#[derive(Clone, Copy)]
pub struct Kept {
    /// The threshold of the hart's S-mode context.
    threshold: u32,
}

impl Kept {
    /// As after reset: the virtual core opens its gate itself.
    pub const RESET: Self = Self { threshold: 0 };
}

/// What a switch uses of the controller on one hart.
pub struct Gate {
    /// The highest priority, which hides all lines as a threshold.
    hides_all: u32,
    /// The threshold of the hart's S-mode context.
    supervisor: Register<u32>,
    /// The threshold of the hart's M-mode context.
    machine: Register<u32>,
}

impl Gate {
    /// The gate of a hart, closed for its S-mode context and open for the monitor. Made by that hart.
    pub fn new(hart: usize) -> Self {
        let threshold = |context| {
            let offset = Layout::context_offset(context) as usize;
            registers().register(offset)
        };
        let (Some(supervisor), Some(machine)) = (
            threshold(layout().supervisor_context(hart)),
            threshold(layout().machine_context(hart)),
        ) else {
            report::fatal("the interrupt controller has no registers for this hart")
        };
        machine.write(0);
        Self {
            hides_all: layout().max_priority,
            supervisor,
            machine,
        }
    }

    /// Brings what a virtual core left in the controller to the state after reset: there is nothing.
    pub fn restart(&self) {}

    /// Hides the direct lines of the virtual core that leaves. Its protection entries are off already.
    #[inline(always)]
    pub fn close(&self, kept: &mut Kept) {
        pmp::fence();
        kept.threshold = self.supervisor.read();
        self.supervisor.write(self.hides_all);
    }

    /// Shows the direct lines of the virtual core that comes.
    #[inline(always)]
    pub fn open(&self, kept: &Kept) {
        self.supervisor.write(kept.threshold);
    }

    /// Hides the direct lines of a virtual core that is gone for good.
    pub fn shut(&self) {
        pmp::deactivate();
        pmp::fence();
        self.supervisor.write(self.hides_all);
    }

    /// Decides whether the serial port may interrupt this hart.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        self.machine.write(if hide { CONSOLE_PRIORITY } else { 0 });
    }
}

/// The registers that the monitor stands in for, where a partition cannot reach them directly.
pub fn window() -> Window {
    layout().window
}

/// What a partition owns of the controller: `lines`, one bit each, and the S-mode contexts of its harts.
pub fn filter(places: &[Place], lines: [u32; 32]) -> Filter {
    let layout = layout();
    let mut filter = Filter::new(lines, layout.max_priority.saturating_sub(1));
    for place in places {
        let context = layout.supervisor_context(usize::from(place.core)) as u32;
        let _in_range = filter.add_context(context);
    }
    filter
}

/// Reads a register for the running partition: `offset` in [`window`].
pub fn read(hart: &Core, filter: &Filter, offset: u64) -> u32 {
    let (registers, layout) = (registers(), layout());
    let _lifted = pmp::lift();
    match filter.read(layout.supervisor_context(hart.id) as u32, offset) {
        ReadEffect::Hardware { offset, mask } => registers.read_u32(offset as usize) & mask,
        ReadEffect::Threshold { context } => {
            THRESHOLDS[layout.hart_of(context as usize) % MAX_CORES].load(SeqCst)
        }
        ReadEffect::Zero => 0,
    }
}

/// Writes a register for the running partition, as far as it owns it. Returns false if the write is to
/// be reported.
pub fn write(hart: &Core, view: &PartitionView, filter: &Filter, offset: u64, value: u32) -> bool {
    let (registers, layout) = (registers(), layout());
    let _lifted = pmp::lift();
    match filter.write(layout.supervisor_context(hart.id) as u32, offset, value) {
        WriteEffect::Write { offset, value } => registers.write_u32(offset as usize, value),
        WriteEffect::Threshold { context, value } => {
            let target = layout.hart_of(context as usize);
            THRESHOLDS[target % MAX_CORES].store(value, SeqCst);
            let mut places = view.places.iter().take(view.virtual_cores);
            if let Some(place) = places.find(|place| usize::from(place.core) == target) {
                hart.post(target, usize::from(place.slot), mail::CONTROLLER);
            }
        }
        WriteEffect::Ignored => {}
        WriteEffect::Denied => return false,
    }
    true
}

/// Answers [`mail::CONTROLLER`]: the virtual core's partition set its threshold from another hart.
pub fn answer_request(gate: &Gate, hart: usize, is_live: bool, kept: &mut Kept) {
    let threshold = THRESHOLDS[hart % MAX_CORES].load(SeqCst);
    if is_live {
        let _lifted = pmp::lift();
        gate.supervisor.write(threshold);
    } else {
        kept.threshold = threshold;
    }
}
