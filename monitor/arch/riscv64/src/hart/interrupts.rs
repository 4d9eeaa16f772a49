//! Interrupts of machine mode, and waiting for them.

use super::{Hart, wait_for_interrupt};
use crate::board::BOARD;
use crate::console;
use crate::controller::Controller;
use crate::csr::{self, interrupt};
use crate::health;
use crate::mail;
use crate::pmp;
use crate::shared;
use crate::timer::Aclint;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::health::Kind;
use partita_monitor_core::schedule::{Activity, NEVER};
use partita_monitor_core::storm::Verdict;

impl Hart {
    /// Sleeps until an interrupt is pending, and answers it.
    pub(super) fn idle(&mut self) {
        let mailbox = self.mailbox();
        mailbox.running.store(mail::IDLE, SeqCst);
        self.show_lines();
        if self.serves_console {
            self.gate.hide_console(false);
            console::serve(self);
        }
        if !mailbox.has_mail() && !self.wake_live() {
            // An interrupt of the partition that is live ends the sleep only if it can end its waiting.
            let enabled = csr::read!("sie");
            if self.schedule.activity(self.live) != Activity::Waiting {
                csr::write!("sie", 0);
            }
            wait_for_interrupt();
            csr::write!("sie", enabled);
            self.answer_interrupts();
            self.wake_live();
        }
        // Whoever is live may go on without being entered anew.
        if self.serves_console && self.slots.get(self.live).is_some_and(|slot| slot.critical) {
            self.gate.hide_console(true);
        }
    }

    /// While the hart idles, a virtual core that waits for lines of its own must see them: they show
    /// only while it is live.
    fn show_lines(&mut self) {
        let waits = |number: &usize| {
            let waiting = self.schedule.activity(*number) == Activity::Waiting;
            waiting
                && self
                    .slots
                    .get(*number)
                    .is_some_and(|slot| slot.direct_lines && slot.loader.is_none())
        };
        if let Some(number) = (0..self.schedule.count()).find(waits)
            && number != self.live
        {
            self.leave();
            let now = self.now();
            self.enter(number, now);
            pmp::fence();
        }
    }

    /// Wakes the live virtual core if an interrupt that it enabled is pending. Returns whether it did.
    fn wake_live(&mut self) -> bool {
        if self.schedule.activity(self.live) != Activity::Waiting {
            return false;
        }
        let pending = csr::read!("mip") & csr::read!("mie") & interrupt::SUPERVISOR != 0;
        if pending {
            self.schedule.wake(self.live);
        }
        pending
    }

    /// Answers the machine interrupts that are pending. The machine timer needs no answer: whoever
    /// calls this decides anew.
    pub fn answer_interrupts(&mut self) {
        let pending = csr::read!("mip");
        if pending & interrupt::MACHINE_SOFTWARE != 0 {
            Aclint.clear_interrupt(self.id);
        }
        if pending & interrupt::MACHINE_EXTERNAL != 0 {
            self.external_interrupt();
        }
        if self.needs_attention() {
            self.attend();
        }
    }

    /// Takes the lines that are pending for the monitor on this hart, a bounded number of them.
    #[inline(never)]
    pub fn external_interrupt(&mut self) {
        for _ in 0..4 {
            let line = Controller.claim(self.id);
            if line == 0 {
                return;
            }
            if line == u32::from(BOARD.uart.line) {
                console::serve_interrupt(self);
                Controller.complete_console(self.id, line);
                return;
            }
            let owner = self.machine.mediated.get(line as usize).copied().flatten();
            Controller.mask(self.id, line);
            if let Some(owner) = owner.filter(|owner| usize::from(owner.hart) == self.id) {
                self.mediated_interrupt(usize::from(owner.slot), 1 << (owner.bit % 32), line);
            }
        }
    }

    /// A line of a virtual core came: it is for it now, or it waits because it came too often.
    fn mediated_interrupt(&mut self, number: usize, bit: u64, line: u32) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        // Its partition's other virtual cores may still be about to stop: the next life must not find this.
        if !shared::of(slot.resident.partition).takes_interrupts() {
            return;
        }
        let verdict = slot.storm.count(now);
        if verdict == Verdict::Deliver {
            self.interrupt_slot(number, bit);
            return;
        }
        slot.held_lines |= bit;
        let (until, partition) = (slot.storm.ends_at(), slot.resident.partition);
        self.attend_at(until);
        if verdict == Verdict::HoldAndTell {
            health::raise(self, partition, Kind::Storm, 0, u64::from(line), 0);
        }
    }

    /// The running virtual core has nothing to do until an interrupt. Returns false if one is pending,
    /// so that there is nothing to wait for.
    #[inline]
    pub fn wait_running(&mut self) -> bool {
        let enabled = csr::read!("mie") & interrupt::SUPERVISOR;
        if csr::read!("mip") & enabled != 0 {
            return false;
        }
        let deadline = if enabled & interrupt::SUPERVISOR_TIMER == 0 {
            NEVER
        } else if self.features.stimecmp() {
            csr::read!("0x14d")
        } else {
            self.slots.get(self.live).map_or(NEVER, |slot| slot.timer)
        };
        self.schedule.wait(self.live, deadline);
        self.schedule.activity(self.live) == Activity::Waiting
    }
}
