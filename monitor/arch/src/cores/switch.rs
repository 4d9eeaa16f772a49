//! Who runs: the way from a trap to the virtual core that the schedule chooses.
//!
//! This is the path from an interrupt to the real-time partition. What is rare stays out of line.

use super::Core;
use crate::arch;
use crate::arch::context::Context;
use crate::console;
use crate::health;
use crate::mail::{Mailbox, state};
use core::ptr::null;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use partita_abi::health::Kind;
use partita_monitor_core::schedule::NOBODY;

impl Core {
    /// Decides who runs and returns the context to enter. `started` is [`arch::instructions`] at the trap.
    #[inline(always)]
    pub fn reschedule(&mut self, started: u64) -> *const Context {
        let mut started = started;
        loop {
            let context = self.turn(started);
            if !context.is_null() {
                return context;
            }
            started = arch::instructions();
        }
    }

    /// Decides once. Returns null if it has to be decided again: because something came in meanwhile,
    /// or because there was nobody to enter. This is the path from an interrupt to the real-time
    /// partition, so what is rare stays out of line.
    #[inline(never)]
    #[unsafe(link_section = ".text.path")]
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
            if !self.features.own_timers() {
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
        let length = arch::instructions().wrapping_sub(started);
        self.switch_lengths.add(length as u32);
        context
    }

    /// The timer of the live virtual core may have fired, which the monitor keeps.
    #[cold]
    #[inline(never)]
    fn fire_timer(&mut self, now: u64) {
        if self
            .slots
            .get(self.live)
            .is_some_and(|slot| slot.timer <= now)
        {
            self.show_timer();
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

    /// Says who runs. From here on other cores interrupt this one for it, and until here they did not,
    /// so all that they may have asked to be fenced is fenced now.
    #[inline(always)]
    fn publish(&self, mailbox: &Mailbox, chosen: usize) {
        mailbox.running.store(chosen, SeqCst);
        arch::fence_all();
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

    /// Takes the live virtual core off the core where that is not on the path to a real-time partition.
    #[cold]
    #[inline(never)]
    pub(super) fn clear(&mut self) {
        self.leave();
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
        if !self.features.own_timers()
            && let Some(slot) = self.slots.get(self.live)
            && slot.timer > now
        {
            deadline = deadline.min(slot.timer);
        }
        self.timer.set(deadline);
    }
}
