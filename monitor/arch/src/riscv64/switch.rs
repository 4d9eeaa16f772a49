//! How a virtual core gets onto a hart and off it: what is saved, what is restored.
//!
//! This is on the path from an interrupt to the real-time partition. What is rare stays out of line.

use crate::arch::controller::{self, Kept};
use crate::arch::csr::{self, interrupt, status};
use crate::arch::floating_point;
use crate::arch::performance;
use crate::arch::pmp;
use crate::arch::vector_registers;
use crate::board::BOARD;
use crate::cores::{Core, Slot};
use crate::health;
use partita_abi::health::Kind;
use partita_monitor_core::schedule::{NEVER, NOBODY};
use partita_virtual_riscv64::counters::firmware_event;

impl Core {
    /// Puts a virtual core into the state in which it starts at `address`.
    pub fn start_context(&mut self, number: usize, address: u64, argument: u64) {
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        let extensions = (status::FS_INITIAL | status::VS_INITIAL) & !slot.arch.forbidden;
        slot.context.start(
            address,
            slot.resident.number as u64,
            argument,
            slot.wfi_traps,
            extensions,
        );
        slot.arch.repeated_faults = 0;
        slot.arch.kept = Kept::RESET;
        if slot.direct_lines {
            self.arch.gate.restart();
        }
        slot.arch.floating_point = floating_point::State::ZERO;
        if BOARD.architecture.vector
            && let Some(state) = self.large.vector_registers.get_mut(number)
        {
            state.clear();
        }
    }

    /// The timer of the live virtual core fired, which has no `stimecmp`.
    pub fn show_timer(&self) {
        csr::set!("mip", interrupt::SUPERVISOR_TIMER);
    }

    /// A line of the live virtual core is pending, or a notice.
    #[inline]
    pub fn show_interrupt(&self) {
        csr::set!("mip", interrupt::SUPERVISOR_EXTERNAL);
    }

    /// The live virtual core has taken a line of its.
    pub fn line_taken(&self, more: bool) {
        if !more {
            csr::clear!("mip", interrupt::SUPERVISOR_EXTERNAL);
        }
    }

    /// A virtual core gets a software interrupt.
    pub fn show_software_interrupt(&mut self, number: usize) {
        if self.live == number {
            csr::set!("mip", interrupt::SUPERVISOR_SOFTWARE);
        } else if let Some(slot) = self.slots.get_mut(number) {
            slot.context.supervisor.pending |= interrupt::SUPERVISOR_SOFTWARE;
        }
        self.count(number, firmware_event::IPI_RECEIVED);
    }

    /// Decides whether the serial port may interrupt this hart.
    #[inline(always)]
    pub fn hide_console(&self, hide: bool) {
        self.arch.gate.hide_console(hide);
    }

    /// Answers a request of [`crate::mail::CONTROLLER`].
    pub fn answer_controller(&mut self, number: usize) {
        if let Some(slot) = self.slots.get_mut(number) {
            let is_live = self.live == number;
            controller::answer_request(&self.arch.gate, self.id, is_live, &mut slot.arch.kept);
        }
    }

    /// Drops whatever of a virtual core is on the hart, without keeping it.
    pub fn forget(&mut self, number: usize) {
        if self.live == number {
            self.look_at_the_end();
            self.live = NOBODY;
            csr::write!("sie", 0);
            if self.features.stimecmp() {
                csr::write!("0x14d", NEVER);
            }
            if self.slots.get(number).is_some_and(|slot| slot.direct_lines) {
                self.arch.gate.shut();
            }
        }
        // Nobody finds what it left in its registers. `FS` and `VS` of whoever is live stay as they are.
        let status = csr::read!("mstatus");
        if self.arch.floating_point.forget(number) {
            floating_point::restore(&floating_point::State::ZERO);
        }
        if BOARD.architecture.vector && self.arch.vectors.forget(number) {
            vector_registers::clear();
        }
        csr::write!("mstatus", status);
        self.note_undisturbed();
        self.forget_counters(number);
    }

    /// Takes the live virtual core off the hart, if any, and all partitions' access with it.
    #[inline(always)]
    pub fn leave(&mut self) {
        let Some(slot) = self.slots.get_mut(self.live) else {
            return;
        };
        self.live = NOBODY;
        slot.context.save(&self.features);
        pmp::deactivate();
        if slot.direct_lines {
            self.arch.gate.close(&mut slot.arch.kept);
        }
        // One that may use floating point or vectors keeps its registers on the hart until another needs
        // them, whatever `FS` and `VS` say now: Linux turns them off over its users' live registers.
        if slot.context.supervisor.status & slot.arch.forbidden != 0 {
            self.broke_its_word();
        }
    }

    /// The virtual core that was just left declares no floating point, or no vectors, and used them.
    #[cold]
    #[inline(never)]
    fn broke_its_word(&mut self) {
        let mut slots = self.slots.iter_mut();
        let used = |slot: &&mut Slot| slot.context.supervisor.status & slot.arch.forbidden != 0;
        let Some(slot) = slots.find(used) else {
            return;
        };
        let counter = slot.context.supervisor.program_counter;
        let used = slot.context.supervisor.status & slot.arch.forbidden;
        slot.context.supervisor.status &= !slot.arch.forbidden;
        let partition = slot.resident.partition;
        self.clear_after(used);
        health::raise(
            self,
            partition,
            Kind::FloatingPoint,
            used_part(used),
            0,
            counter,
        );
    }

    /// The live virtual core ends: whether it used what it declares not to use is seen now or never.
    fn look_at_the_end(&mut self) {
        let status = csr::read!("mstatus");
        let Some(slot) = self.slots.get(self.live) else {
            return;
        };
        let used = status & slot.arch.forbidden;
        if used != 0 {
            let partition = slot.resident.partition;
            csr::clear!("mstatus", used);
            self.clear_after(used);
            let counter = csr::read!("mepc");
            health::raise(
                self,
                partition,
                Kind::FloatingPoint,
                used_part(used),
                0,
                counter,
            );
        }
    }

    /// What was left in registers that are nobody's is not for the next one.
    fn clear_after(&self, used: u64) {
        let status = csr::read!("mstatus");
        if used & status::FS != 0 && !self.arch.floating_point.is_owned() {
            floating_point::restore(&floating_point::State::ZERO);
        }
        if BOARD.architecture.vector && used & status::VS != 0 && !self.arch.vectors.is_owned() {
            vector_registers::clear();
        }
        csr::write!("mstatus", status);
    }

    /// Brings a virtual core onto the hart that does not run, so that lines reach it without the monitor.
    #[cold]
    #[inline(never)]
    pub fn enter_to_show(&mut self, number: usize) {
        let now = self.now();
        self.enter(number, now);
    }

    /// Brings a virtual core onto the hart, which no other one is on.
    #[inline(always)]
    pub fn enter(&mut self, chosen: usize, now: u64) {
        if self.arch.undisturbed.wrapping_shr(chosen as u32) & 1 == 0 {
            self.switch_extensions(chosen);
        }
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        if slot.direct_lines {
            self.arch.gate.open(&slot.arch.kept);
        }
        let external = slot.pending_lines != 0;
        slot.context
            .restore(&self.features, slot.timer <= now, external);
        if self.serves_console {
            // The serial port does not interrupt what is more critical than QM.
            self.hide_console(slot.critical);
        }
        self.live = chosen;
    }

    /// Makes the floating-point and the vector registers, and the counters, right for a virtual core.
    #[inline(never)]
    fn switch_extensions(&mut self, chosen: usize) {
        let number = chosen as u32;
        if self.arch.floating_point.undisturbed().wrapping_shr(number) & 1 == 0 {
            let change = self.arch.floating_point.enter(chosen);
            if let Some(slot) = self.slots.get_mut(change.save) {
                floating_point::save(&mut slot.arch.floating_point);
            }
            match self.slots.get(chosen) {
                Some(slot) if change.load => floating_point::restore(&slot.arch.floating_point),
                _ => floating_point::restore(&floating_point::State::ZERO),
            }
        }
        if BOARD.architecture.vector
            && self.arch.vectors.undisturbed().wrapping_shr(number) & 1 == 0
        {
            let change = self.arch.vectors.enter(chosen);
            if let Some(state) = self.large.vector_registers.get_mut(change.save) {
                vector_registers::save(state);
            }
            match self.large.vector_registers.get(chosen) {
                Some(state) if change.load => vector_registers::restore(state),
                _ => vector_registers::clear(),
            }
        }
        if performance::exist() && self.arch.counters_used {
            self.switch_counters(chosen);
        }
        self.note_undisturbed();
    }

    /// Says who can be entered with everything as it is.
    pub fn note_undisturbed(&mut self) {
        self.arch.undisturbed = if self.arch.counters_used {
            0
        } else {
            self.arch.floating_point.undisturbed() & self.arch.vectors.undisturbed()
        };
    }
}

/// What a partition used that it must not, as the event's cause tells it.
const fn used_part(used: u64) -> u32 {
    if used & status::FS != 0 {
        Kind::CAUSE_FLOATING_POINT
    } else {
        Kind::CAUSE_VECTOR
    }
}
