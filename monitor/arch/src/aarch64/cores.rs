//! What a core keeps of itself and of each virtual core, beyond what every architecture does.

use crate::arch::breakpoints::Breakpoints;
use crate::arch::context::Shape;
use crate::arch::controller::{Gate, Kept, Private, Virtual, software};
use crate::arch::floating_point;
use crate::arch::hypervisor;
use crate::arch::register::secure_configuration::SECURE_HYPERVISOR;
use crate::arch::scalable::Scalable;
use crate::arch::secure_hypervisor::Displaced;
use crate::arch::stage_2::Root;
use crate::arch::vector;
use crate::cores::Core;
use crate::machine::Resident;
use crate::report;
use partita_abi::MAX_SHARING;
use partita_abi::table::FloatingPoint;
use partita_monitor_core::schedule::NOBODY;
use partita_virtual_aarch64::timer::Timer;

/// Of a virtual core.
pub struct SlotState {
    /// What it has of the interrupt controller while it is not live.
    pub kept: Kept,
    /// The virtual interface of a program behind stage 2, while it is not on the core.
    pub interface: Virtual,
    /// Its interrupts that became pending since, one bit each.
    pub raised: u32,
    /// The private lines of a Linux behind stage 2, while they are not on the core.
    pub private: Private,
    /// The breakpoints of a Linux behind stage 2, while they are not on the core.
    pub breakpoints: Breakpoints,
    /// What EL2 holds while it is live, if that is the monitor's.
    pub hypervisor: hypervisor::Registers,
    /// Its timer; for programs.
    pub timer: Timer,
    /// The first of the software interrupts that it gets; for programs.
    pub interrupts: u32,
    /// Whether it may use floating point.
    pub floats: bool,
    /// Whether its floating-point registers come to the core with it, and not at the first use.
    pub eager: bool,
    /// What translates it; for programs.
    pub root: Root,
    /// Its floating-point registers, while they are not on the core.
    pub floating_point: floating_point::State,
}

impl SlotState {
    /// Of one that was never started.
    pub const fn new() -> Self {
        Self {
            kept: Kept::RESET,
            interface: Virtual::RESET,
            raised: 0,
            private: Private::RESET,
            breakpoints: Breakpoints::NONE,
            hypervisor: hypervisor::Registers::NONE,
            timer: Timer::RESET,
            interrupts: software::TIMER,
            floats: false,
            eager: false,
            root: Root::NONE,
            floating_point: floating_point::State::ZERO,
        }
    }
}

/// Of a core.
pub struct CoreState {
    /// The core's side of the interrupt controller.
    pub gate: Gate,
    /// The slot whose floating-point registers are on the core, or [`NOBODY`].
    pub floats_of: usize,
    /// The slot whose translations the core may have of the secure world, or [`NOBODY`].
    pub secure_of: usize,
    /// The slot whose virtual interface is on the core, or [`NOBODY`].
    pub interface_of: usize,
    /// The slot whose private lines are on the core, or [`NOBODY`].
    pub private_of: usize,
    /// The normal world's registers of EL2, while a program of the secure one has stage 2.
    pub hypervisor: Displaced,
}

impl CoreState {
    /// Of a core that has just started.
    pub fn new(id: usize) -> Self {
        Self {
            gate: Gate::new(id),
            floats_of: NOBODY,
            secure_of: NOBODY,
            interface_of: NOBODY,
            private_of: NOBODY,
            hypervisor: Displaced::NOTHING,
        }
    }
}

/// Of a core, and behind all that a switch uses.
pub struct LargeState {
    /// What the normal world has of registers that floating point is a part of.
    pub scalable: Scalable,
}

impl LargeState {
    /// Writes the first state to its place.
    ///
    /// # Safety
    /// `place` is a core's own, and valid for writes.
    pub const unsafe fn write(place: *mut Self) {
        // SAFETY: the caller's promise; zero is a value of it.
        unsafe { place.write_bytes(0, 1) };
    }
}

impl Core {
    /// Prepares a virtual core that lives on this core.
    pub fn settle_slot(&mut self, number: usize, residents: &[Option<Resident>; MAX_SHARING]) {
        let machine = self.machine;
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        let view = machine.partition(slot.resident.partition);
        slot.context.stack = vector::stack_top(self.id);
        let Some(entry) = machine.table.partitions.get(slot.resident.partition) else {
            return;
        };
        let shape = Shape::of(entry);
        slot.context
            .configure(shape, slot.wfi_traps, &machine.features);
        slot.arch.floats = entry.floating_point != FloatingPoint::None as u8;
        slot.arch.eager = entry.floating_point == FloatingPoint::Eager as u8;
        slot.arch.root = view.arch.root;
        if shape.has_stage_2() {
            slot.arch.hypervisor = hypervisor::Registers::new(
                shape,
                view.arch.root.normal,
                slot.resident.number as u64,
                slot.context.switched.configuration,
            );
        }
        if shape == Shape::Guest {
            // Only one on the core can be shown its lines while the core idles: it has devices, others have none.
            let others = residents.iter().flatten().skip(number.wrapping_add(1));
            slot.direct_lines = !others
                .map(|other| machine.partition(other.partition))
                .any(|other| !other.is_program);
        }
        if view.is_program {
            let core = machine.table.virtual_cores.get(slot.resident.virtual_core);
            let first = core.map_or(0, |core| u32::from(core.protection_slot));
            let second = software::TIMER + software::STRIDE;
            if first != software::TIMER && (first != second || shape == Shape::Program) {
                report::fatal("a program is to be told by interrupts that are not for programs");
            }
            slot.arch.interrupts = first;
            if slot.arch.root.secure != 0 {
                slot.context.switched.configuration |= SECURE_HYPERVISOR;
            }
        }
        if !Scalable::IS_SWITCHED
            && view.is_program
            && slot.arch.floats
            && machine.features.scalable_vectors
        {
            report::fatal(
                "a program uses floating point on a core with scalable vectors, which are not switched",
            );
        }
    }

    /// All virtual cores that live here are prepared.
    pub fn settled(&self) {
        if self
            .slots
            .iter()
            .any(|slot| slot.context.shape.has_stage_2())
        {
            hypervisor::take(&self.features);
        }
    }
}
