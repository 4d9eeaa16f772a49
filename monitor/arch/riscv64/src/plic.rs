//! The platform-level interrupt controller (RISC-V PLIC specification 1.0.0).

use crate::mmio::{Register, Registers};
use partita_board::Plic as Layout;
use spin::mutex::TicketMutex;

/// Held while a word of enable bits is read, changed and written.
static ENABLE_WORDS: TicketMutex<()> = TicketMutex::new(());

/// The board's interrupt controller.
#[derive(Clone, Copy)]
pub struct Plic {
    registers: Registers,
    lines: u16,
    max_priority: u32,
}

impl Plic {
    /// The controller described by the board.
    ///
    /// # Safety
    /// `layout` describes the controller of the board this runs on.
    pub const unsafe fn new(layout: &Layout) -> Self {
        Self {
            // SAFETY: the caller's promise.
            registers: unsafe { Registers::new(layout.window) },
            lines: layout.lines,
            max_priority: layout.max_priority,
        }
    }

    /// Silences every line and every context of `harts` harts.
    pub fn reset(&self, harts: usize) {
        for line in 1..=self.lines {
            self.set_priority(line, 0);
        }
        for context in 0..2 * harts {
            for word in 0..=usize::from(self.lines) / 32 {
                self.registers
                    .write_u32(Layout::enable_offset(context, word) as usize, 0);
            }
            self.set_threshold(context, self.max_priority);
        }
    }

    /// Sets a line's priority; 0 silences it.
    pub fn set_priority(&self, line: u16, priority: u32) {
        self.registers
            .write_u32(Layout::priority_offset(line) as usize, priority);
    }

    /// Enables or disables a line in a context. Harts take turns: a word holds the lines of several.
    pub fn set_enabled(&self, context: usize, line: u16, enabled: bool) {
        let _turn = ENABLE_WORDS.lock();
        let offset = Layout::enable_offset(context, usize::from(line) / 32) as usize;
        let bit = 1 << (line % 32);
        let word = self.registers.read_u32(offset);
        self.registers
            .write_u32(offset, if enabled { word | bit } else { word & !bit });
    }

    /// The register that holds the highest priority that a context does not see.
    pub fn threshold_register(&self, context: usize) -> Option<Register<u32>> {
        let offset = Layout::context_offset(context) as usize;
        self.registers.register(offset)
    }

    /// Hides lines up to `priority` from a context.
    #[inline]
    pub fn set_threshold(&self, context: usize, priority: u32) {
        self.registers
            .write_u32(Layout::context_offset(context) as usize, priority);
    }

    /// Takes the context's most urgent pending line; 0 if there is none.
    #[inline]
    pub fn claim(&self, context: usize) -> u32 {
        self.registers
            .read_u32(Layout::context_offset(context) as usize + 4)
    }

    /// Ends the handling of a line, which must be enabled in the context (section 9).
    #[inline]
    pub fn complete(&self, context: usize, line: u32) {
        self.registers
            .write_u32(Layout::context_offset(context) as usize + 4, line);
    }

    /// Reads a register on behalf of a partition.
    pub fn read(&self, offset: u64) -> u32 {
        self.registers.read_u32(offset as usize)
    }

    /// Writes a register on behalf of a partition, as the filter allowed it.
    pub fn write(&self, offset: u64, value: u32) {
        self.registers.write_u32(offset as usize, value);
    }
}
