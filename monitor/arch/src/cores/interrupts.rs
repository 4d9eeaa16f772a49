//! The monitor's own interrupts, and waiting for them.

use super::Core;
use crate::arch;
use crate::arch::controller::Controller;
use crate::board::BOARD;
use crate::console;
use crate::health;
use crate::mail;
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::health::Kind;
use partita_monitor_core::schedule::Activity;
use partita_monitor_core::storm::Verdict;

impl Core {
    /// Sleeps until an interrupt is pending, and answers it.
    pub(super) fn idle(&mut self) {
        let mailbox = self.mailbox();
        mailbox.running.store(mail::IDLE, SeqCst);
        self.show_lines();
        if self.serves_console {
            self.hide_console(false);
            console::serve(self);
        }
        if !mailbox.has_mail() && !self.wake_live() {
            self.sleep();
            self.answer_interrupts();
            self.wake_live();
        }
        // Whoever is live may go on without being entered anew.
        if self.serves_console && self.slots.get(self.live).is_some_and(|slot| slot.critical) {
            self.hide_console(true);
        }
    }

    /// While the core idles, a virtual core that waits for lines of its own must see them: they show
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
            self.clear();
            self.enter_to_show(number);
            arch::fence_all();
        }
    }

    /// Takes the lines that are pending for the monitor on this core, a bounded number of them.
    #[inline]
    pub fn external_interrupt(&mut self) {
        let line = Controller.claim(self.id);
        if line != 0 {
            self.take_lines(line);
        }
    }

    /// Takes a line that was claimed, and those that are pending then.
    #[inline(never)]
    fn take_lines(&mut self, claimed: u32) {
        let mut line = claimed;
        for _ in 0..4 {
            if line == u32::from(BOARD.uart.line) {
                console::serve_interrupt(self);
                Controller.complete_console(self.id, line);
                return;
            }
            let owner = self.machine.mediated.get(line as usize).copied().flatten();
            Controller.mask(self.id, line);
            if arch::platform::is_of_iommu(line) {
                self.post_device_events();
            }
            if let Some(owner) = owner.filter(|owner| usize::from(owner.core) == self.id) {
                self.mediated_interrupt(usize::from(owner.slot), 1 << (owner.bit % 32), line);
            }
            line = Controller.claim(self.id);
            if line == 0 {
                return;
            }
        }
    }

    /// Devices reached for what they may not: their partition is to look when it would run, as this must not take time
    /// from others. The line stays masked until then.
    #[cold]
    fn post_device_events(&self) {
        if let Some(streams) = self.machine.table.streams.first() {
            let place = self.machine.partition(streams.partition.into()).place(0);
            let (core, slot) = (usize::from(place.core), usize::from(place.slot));
            self.post(core, slot, mail::DEVICE_EVENTS);
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
}
