//! The way from one virtual core to another: who runs, what is saved, what is restored.
//!
//! This is the path from an interrupt to the real-time partition. What is rare stays out of line.

use super::{Hart, Slot, instruction_fence};
use crate::board::BOARD;
use crate::console;
use crate::context::Context;
use crate::csr::{self, status};
use crate::floating_point;
use crate::health;
use crate::mail::{Mailbox, state};
use crate::performance;
use crate::pmp;
use crate::vector_registers;
use core::ptr::null;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use partita_abi::health::Kind;
use partita_monitor_core::schedule::NOBODY;

impl Hart {
    /// Decides who runs and returns the context to enter. `started` is `minstret` at the trap.
    #[inline(always)]
    pub fn reschedule(&mut self, started: u64) -> *const Context {
        let mut started = started;
        loop {
            let context = self.turn(started);
            if !context.is_null() {
                return context;
            }
            started = csr::read!("minstret");
        }
    }

    /// Decides once. Returns null if it has to be decided again: because something came in meanwhile,
    /// or because there was nobody to enter. This is the path from an interrupt to the real-time
    /// partition, so what is rare stays out of line.
    #[inline(never)]
    fn turn(&mut self, started: u64) -> *const Context {
        let mailbox = self.mailbox();
        if mailbox.has_mail() {
            self.take_mail();
        }
        let now = self.now();
        if self.schedule.charge(now) {
            self.note_overrun();
        }
        let decision = self.schedule.choose(now);
        let chosen = decision.run;
        match self.slots.get(chosen) {
            Some(slot) if slot.loader.is_none() => {
                if slot.suspended {
                    self.end_suspend(chosen);
                }
            }
            _ => {
                self.set_timer(decision.until, now);
                self.run_nobody(chosen);
                return null();
            }
        }
        if mailbox.has_request(chosen) {
            return null();
        }
        if self.live == chosen {
            if !self.features.stimecmp() {
                self.fire_timer(now);
            }
            self.set_timer(decision.until, now);
            if mailbox.running.load(Relaxed) != chosen {
                self.publish(mailbox, chosen);
            }
            return self
                .slots
                .get(chosen)
                .map_or(null(), |slot| &raw const slot.context);
        }
        self.leave();
        self.enter(chosen, now);
        self.set_timer(decision.until, now);
        self.publish(mailbox, chosen);
        if mailbox.has_mail() {
            return null();
        }
        let Some(slot) = self.slots.get(chosen) else {
            return null();
        };
        let context = &raw const slot.context;
        if !slot.critical && console::needs_service() {
            console::serve(self);
        }
        // A run of 2^32 counts is not a switch.
        let length = csr::read!("minstret").wrapping_sub(started);
        self.switch_lengths.add(length as u32);
        context
    }

    /// Without `stimecmp`: the timer of the live virtual core may have fired.
    #[cold]
    #[inline(never)]
    fn fire_timer(&mut self, now: u64) {
        if self
            .slots
            .get(self.live)
            .is_some_and(|slot| slot.timer <= now)
        {
            csr::set!("mip", csr::interrupt::SUPERVISOR_TIMER);
        }
    }

    /// A virtual core goes on after a suspend call.
    #[cold]
    #[inline(never)]
    pub(super) fn end_suspend(&mut self, number: usize) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.suspended = false;
        }
        self.set_state(number, state::STARTED);
    }

    /// Says who runs. From here on other harts interrupt this one for it, and until here they did not,
    /// so all that they may have asked to be fenced is fenced now.
    #[inline(always)]
    fn publish(&self, mailbox: &Mailbox, chosen: usize) {
        mailbox.running.store(chosen, SeqCst);
        pmp::fence();
        instruction_fence();
    }

    #[cold]
    #[inline(never)]
    fn note_overrun(&mut self) {
        let Some(slot) = self.slots.get(self.schedule.running()) else {
            return;
        };
        // Loading counts against the budget, but it is no fault of the partition's.
        if slot.loader.is_none() {
            let partition = slot.resident.partition;
            health::raise(self, partition, Kind::BudgetOverrun, 0, 0, 0);
        }
    }

    /// There is no partition to enter now: load one, or sleep.
    #[cold]
    #[inline(never)]
    fn run_nobody(&mut self, chosen: usize) {
        if chosen == NOBODY {
            self.idle();
        } else {
            self.load(chosen);
        }
    }

    #[inline(always)]
    fn set_timer(&self, until: u64, now: u64) {
        let mut deadline = until.min(self.attention);
        if !self.features.stimecmp()
            && let Some(slot) = self.slots.get(self.live)
            && slot.timer > now
        {
            deadline = deadline.min(slot.timer);
        }
        self.deadline.write(deadline);
    }

    /// Takes the live virtual core off the hart, if any, and all partitions' access with it.
    #[inline(always)]
    pub(super) fn leave(&mut self) {
        let Some(slot) = self.slots.get_mut(self.live) else {
            return;
        };
        self.live = NOBODY;
        slot.context.save(&self.features);
        pmp::deactivate();
        if slot.direct_lines {
            self.gate.close(&mut slot.kept);
        }
        // One that may use floating point or vectors keeps its registers on the hart until another needs
        // them, whatever `FS` and `VS` say now: Linux turns them off over its users' live registers.
        if slot.context.supervisor.status & slot.forbidden != 0 {
            self.broke_its_word();
        }
    }

    /// The virtual core that was just left declares no floating point, or no vectors, and used them.
    #[cold]
    #[inline(never)]
    fn broke_its_word(&mut self) {
        let mut slots = self.slots.iter_mut();
        let used = |slot: &&mut Slot| slot.context.supervisor.status & slot.forbidden != 0;
        let Some(slot) = slots.find(used) else {
            return;
        };
        let counter = slot.context.supervisor.program_counter;
        let used = slot.context.supervisor.status & slot.forbidden;
        slot.context.supervisor.status &= !slot.forbidden;
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
    pub(super) fn look_at_the_end(&mut self) {
        let status = csr::read!("mstatus");
        let Some(slot) = self.slots.get(self.live) else {
            return;
        };
        let used = status & slot.forbidden;
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
        if used & status::FS != 0 && !self.floating_point.is_owned() {
            floating_point::restore(&floating_point::State::ZERO);
        }
        if BOARD.architecture.vector && used & status::VS != 0 && !self.vectors.is_owned() {
            vector_registers::clear();
        }
        csr::write!("mstatus", status);
    }

    /// Brings a virtual core onto the hart, which no other one is on.
    #[inline(always)]
    pub(super) fn enter(&mut self, chosen: usize, now: u64) {
        if self.undisturbed.wrapping_shr(chosen as u32) & 1 == 0 {
            self.switch_extensions(chosen);
        }
        let Some(slot) = self.slots.get(chosen) else {
            return;
        };
        if slot.direct_lines {
            self.gate.open(&slot.kept);
        }
        let external = slot.pending_lines != 0;
        slot.context
            .restore(&self.features, slot.timer <= now, external);
        if self.serves_console {
            // The serial port does not interrupt what is more critical than QM.
            self.gate.hide_console(slot.critical);
        }
        self.live = chosen;
    }

    /// Makes the floating-point and the vector registers, and the counters, right for a virtual core.
    #[inline(never)]
    fn switch_extensions(&mut self, chosen: usize) {
        let number = chosen as u32;
        if self.floating_point.undisturbed().wrapping_shr(number) & 1 == 0 {
            let change = self.floating_point.enter(chosen);
            if let Some(slot) = self.slots.get_mut(change.save) {
                floating_point::save(&mut slot.floating_point);
            }
            match self.slots.get(chosen) {
                Some(slot) if change.load => floating_point::restore(&slot.floating_point),
                _ => floating_point::restore(&floating_point::State::ZERO),
            }
        }
        if BOARD.architecture.vector && self.vectors.undisturbed().wrapping_shr(number) & 1 == 0 {
            let change = self.vectors.enter(chosen);
            if let Some(state) = self.vector_registers.get_mut(change.save) {
                vector_registers::save(state);
            }
            match self.vector_registers.get(chosen) {
                Some(state) if change.load => vector_registers::restore(state),
                _ => vector_registers::clear(),
            }
        }
        if performance::exist() && self.counters_used {
            self.switch_counters(chosen);
        }
        self.note_undisturbed();
    }

    /// Says who can be entered with everything as it is.
    pub(super) fn note_undisturbed(&mut self) {
        self.undisturbed = if self.counters_used {
            0
        } else {
            self.floating_point.undisturbed() & self.vectors.undisturbed()
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
