//! The stack of a virtual core, for its crash record.

use crate::arch::guest_memory::Physical;
use crate::arch::register::{read, synchronize, write};
use crate::cores::Slot;
use core::arch::asm;
use partita_abi::crash::{Record, STACK_WORDS};

/// Of `PAR_EL1` (DDI 0487, D24.2.117): the translation failed.
const FAILED: u64 = 1;
/// Of `PAR_EL1`: the page.
const PAGE: u64 = 0x000f_ffff_ffff_f000;
/// Of `SPSR_EL3`: the level.
const LEVEL: u64 = 0xc;
const LEVEL_1: u64 = 0x4;
const LEVEL_2: u64 = 0x8;

/// Bytes of a page.
const PAGE_BYTES: u64 = 4096;

/// Reads the stack of the virtual core that runs, by its own tables and with its own rights. Returns how many words
/// were used.
pub fn read(slot: &Slot, record: &mut Record) -> usize {
    let Some(view) = slot.context.view else {
        return 0;
    };
    let memory = Physical::of_running(view);
    let status = record.status;
    let mut address = record.scratch & !7;
    let mut words = 0;
    // At most two rounds: the words lie in two pages at most.
    while words < STACK_WORDS {
        let in_page = (PAGE_BYTES - address % PAGE_BYTES) as usize / 8;
        let end = STACK_WORDS.min(words.saturating_add(in_page));
        let (Some(physical), Some(place)) =
            (translate(status, address), record.stack.get_mut(words..end))
        else {
            break;
        };
        if !memory.read_words(physical, place) {
            break;
        }
        address = address.wrapping_add(8 * place.len() as u64);
        words = end;
    }
    // A stack that was not used yet is zero, and nobody needs to be told that.
    let used = record.stack.iter().take(words).rposition(|word| *word != 0);
    used.map_or(0, |last| last.saturating_add(1))
}

/// The physical address behind one that the virtual core reads.
fn translate(status: u64, address: u64) -> Option<u64> {
    // The instruction's result is a register of the partition's.
    let before = read!("par_el1");
    // SAFETY: translations by the partition's own tables, in whose world this is, change only this register.
    unsafe {
        match status & LEVEL {
            LEVEL_2 => asm!("at s1e2r, {}", in(reg) address, options(nostack, preserves_flags)),
            LEVEL_1 => asm!("at s12e1r, {}", in(reg) address, options(nostack, preserves_flags)),
            _ => asm!("at s12e0r, {}", in(reg) address, options(nostack, preserves_flags)),
        }
    }
    synchronize();
    let found = read!("par_el1");
    write!("par_el1", before);
    (found & FAILED == 0).then_some((found & PAGE) | (address % PAGE_BYTES))
}
