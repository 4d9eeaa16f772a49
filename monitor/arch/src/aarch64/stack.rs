//! The stack of the virtual core that runs, as its own translation shows it.

use crate::arch::guest_memory::Physical;
use crate::arch::register::{read, synchronize, write};
use crate::machine::PartitionView;
use core::arch::asm;
use partita_abi::crash::Record;

/// Of `PAR_EL1` (DDI 0487, D24.2.117): the translation failed.
const FAILED: u64 = 1;
/// Of `PAR_EL1`: the page.
const PAGE: u64 = 0x000f_ffff_ffff_f000;
/// Of `SPSR_EL3`: the level, and whether it uses the stack of user mode.
const LEVEL: u64 = 0xc;
const LEVEL_2: u64 = 0x8;
const OWN_STACK: u64 = 1;

/// The stack of the virtual core that runs, which is in a trap.
pub struct Stack<'a> {
    memory: Physical<'a>,
    status: u64,
}

impl<'a> Stack<'a> {
    /// Of the virtual core whose registers are in `record`.
    pub const fn of_running(view: &'a PartitionView, record: &Record) -> Self {
        Self {
            memory: Physical::of_running(view),
            status: record.status,
        }
    }

    /// Where it is.
    pub fn pointer(&self) -> u64 {
        let at_own_level = self.status & OWN_STACK != 0;
        match self.status & LEVEL {
            LEVEL_2 if at_own_level => read!("sp_el2"),
            0xc | 0x4 if at_own_level => read!("sp_el1"),
            _ => read!("sp_el0"),
        }
    }

    /// Reads words that lie in one page; returns whether they all are the partition's.
    pub fn read(&mut self, address: u64, words: &mut [u64]) -> bool {
        // The instruction's result is a register of the partition's.
        let before = read!("par_el1");
        // SAFETY: translations by the partition's own tables, in whose world this is, change only this register.
        unsafe {
            match self.status & LEVEL {
                LEVEL_2 => asm!("at s1e2r, {}", in(reg) address, options(nostack, preserves_flags)),
                0 => asm!("at s12e0r, {}", in(reg) address, options(nostack, preserves_flags)),
                _ => asm!("at s12e1r, {}", in(reg) address, options(nostack, preserves_flags)),
            }
        }
        synchronize();
        let found = read!("par_el1");
        write!("par_el1", before);
        if found & FAILED != 0 {
            return false;
        }
        self.memory.read_words(found & PAGE | address & 0xfff, words)
    }
}
