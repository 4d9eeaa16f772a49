//! The stack of a virtual core, for its crash record.

use crate::arch::guest_memory::Physical;
use crate::cores::Slot;
use partita_abi::crash::{Record, STACK_WORDS};
use partita_virtual_riscv64::remember::RememberedWalk;
use partita_virtual_riscv64::walk::{AccessKind, Translation};

/// Bytes of a page.
const PAGE: u64 = 4096;

/// Reads the stack of the virtual core that runs, by its own tables and with its own rights.
pub fn read(slot: &Slot, record: &mut Record) -> usize {
    let Some(view) = slot.context.view else {
        return 0;
    };
    let translation = Translation::of_trap(record.translation, record.status);
    let memory = Physical::of_running(view);
    let mut address = record.registers[1] & !7;
    let mut words = 0;
    let mut remembered = RememberedWalk::new();
    // At most two rounds: the words lie in two pages at most.
    while words < STACK_WORDS {
        let in_page = (PAGE - address % PAGE) as usize / 8;
        let end = STACK_WORDS.min(words + in_page);
        let (Ok(physical), Some(place)) = (
            remembered.walk_anew(&memory, &translation, address, AccessKind::Load),
            record.stack.get_mut(words..end),
        ) else {
            break;
        };
        if !memory.read_words(physical.0, place) {
            break;
        }
        address = address.wrapping_add(8 * place.len() as u64);
        words = end;
    }
    // A stack that was not used yet is zero, and nobody needs to be told that.
    let used = record.stack.iter().take(words).rposition(|word| *word != 0);
    used.map_or(0, |last| last.saturating_add(1))
}
