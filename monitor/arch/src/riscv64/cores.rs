//! What a hart keeps of itself and of each virtual core, beyond what every architecture does.

use crate::arch::controller::{Gate, Kept};
use crate::arch::csr::status;
use crate::arch::floating_point;
use crate::arch::pmp;
use crate::arch::vector;
use crate::arch::vector_registers;
use crate::cores::Core;
use crate::machine::Resident;
use crate::report;
use partita_abi::MAX_SHARING;
use partita_monitor_core::ownership::Ownership;
use partita_monitor_core::schedule::NOBODY;
use partita_virtual_riscv64::counters::Counters;

/// Of a virtual core.
pub struct SlotState {
    /// Denied accesses of its, one after another, at the instruction that was injected last.
    pub repeated_faults: u16,
    /// What it has of the interrupt controller while it is not live.
    pub kept: Kept,
    /// Bits of `mstatus` that it has promised to leave off: `FS`, `VS`.
    pub forbidden: u64,
    /// Its floating-point registers, while they are not on the hart.
    pub floating_point: floating_point::State,
    /// Its performance counters.
    pub counters: Counters,
}

impl SlotState {
    /// Of one that was never started.
    pub const fn new() -> Self {
        Self {
            repeated_faults: 0,
            kept: Kept::RESET,
            forbidden: 0,
            floating_point: floating_point::State::ZERO,
            counters: Counters::new(),
        }
    }
}

/// Of a hart.
#[repr(C)]
pub struct CoreState {
    /// The slots that can be entered with floating-point and vector registers, and counters, as they are,
    /// one bit each.
    pub undisturbed: u8,
    /// Whose floating-point registers are on the hart.
    pub floating_point: Ownership,
    /// Whose vector registers are on the hart.
    pub vectors: Ownership,
    /// The slot whose performance counters are on the hart, or [`NOBODY`].
    pub counters_on: usize,
    /// Whether any slot uses hardware counters.
    pub counters_used: bool,
    /// The hart's side of the interrupt controller.
    pub gate: Gate,
}

impl CoreState {
    /// Of a hart that has just started.
    pub fn new(id: usize) -> Self {
        Self {
            undisturbed: 0,
            floating_point: Ownership::new(),
            vectors: Ownership::new(),
            counters_on: NOBODY,
            counters_used: false,
            gate: Gate::new(id),
        }
    }
}

/// Of a hart, and behind all that a switch uses.
pub struct LargeState {
    /// The slots' vector registers, while they are not on the hart.
    pub vector_registers: [vector_registers::State; MAX_SHARING],
}

impl LargeState {
    /// Writes the first state to its place: it has no room on the stack.
    ///
    /// # Safety
    /// `place` is a hart's own, and valid for writes.
    pub unsafe fn write(place: *mut Self) {
        for slot in 0..MAX_SHARING {
            // SAFETY: the caller's promise.
            unsafe {
                (&raw mut (*place).vector_registers[slot]).write(vector_registers::State::new());
            }
        }
    }
}

impl Core {
    /// Prepares a virtual core that lives on this hart.
    pub fn settle_slot(&mut self, number: usize, residents: &[Option<Resident>; MAX_SHARING]) {
        let machine = self.machine;
        let protections = |resident: &Resident| {
            let core = machine.table.virtual_cores.get(resident.virtual_core)?;
            let first = usize::from(core.protection_slot);
            Some((first, machine.table.protections_of(core)))
        };
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        let resident = slot.resident;
        let view = machine.partition(resident.partition);
        if view.floating_point {
            self.arch.floating_point.add_user(number);
        } else {
            slot.arch.forbidden |= status::FS;
        }
        if view.vectors {
            check_vectors();
            self.arch.vectors.add_user(number);
        } else {
            slot.arch.forbidden |= status::VS;
        }
        slot.context.stack = vector::stack_top(self.id);
        // A trapped `wfi` is an illegal instruction. Others are an event where they are no part of how
        // the partition works: Linux finds out by them what the hart can do.
        let takes_illegal = slot.wfi_traps || view.is_program;
        slot.context.configure(takes_illegal, &machine.features);
        let Some((first, entries)) = protections(&resident) else {
            return;
        };
        let end = first.saturating_add(entries.len());
        let exclusive = residents
            .iter()
            .flatten()
            .filter(|other| other.virtual_core != resident.virtual_core)
            .filter_map(&protections)
            .all(|(other, others)| end <= other || other.saturating_add(others.len()) <= first);
        match pmp::Plan::new(entries, first, exclusive) {
            Some(plan) => {
                plan.install(first, entries.len());
                slot.context.protection = plan;
            }
            None => report::fatal("a protection entry does not fit the hardware"),
        }
    }

    /// All virtual cores that live here are prepared.
    pub fn settled(&mut self) {
        self.note_undisturbed();
    }
}

/// A partition with vectors lives on this hart, which has to have them, of a width that can be saved.
fn check_vectors() {
    match vector_registers::width() {
        0 => report::fatal("a partition that uses vectors has a hart without them"),
        1..=vector_registers::MOST_BYTES => {}
        _ => {
            report::fatal("the vector registers of a hart are wider than the monitor has room for")
        }
    }
}
