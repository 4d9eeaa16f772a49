//! What a core looks at when the time has come: the end of the run, watchdogs, interrupts that wait for
//! the end of a storm. It is the machine timer's nearest other business, so that it costs a switch nothing.

use super::Core;
use crate::board::BOARD;
use crate::health;
use crate::report;
use crate::shared;
use partita_abi::health::{Kind, State};
use partita_abi::monitor_call::SHORTEST_WATCHDOG_NS;

impl Core {
    /// Does what is due, and finds out when the next thing is.
    #[cold]
    #[inline(never)]
    pub fn attend(&mut self) {
        let now = self.now();
        if now >= self.end_ticks {
            report::finish(self);
        }
        for number in 0..self.schedule.count() {
            self.end_storm(number, now);
        }
        for partition in 0..self.machine.table.partitions.len() {
            let shared = shared::of(partition);
            if shared.watchdog.has_expired(self.id, now) && shared.state() == State::Running {
                let goes_on = health::raise(self, partition, Kind::Watchdog, 0, 0, 0);
                if goes_on {
                    // It was only told, and will be again.
                    shared.watchdog.reset(now);
                }
            }
        }
        let mut next = self.end_ticks;
        for slot in &self.slots {
            if slot.held_lines != 0 {
                next = next.min(slot.storm.ends_at());
            }
        }
        for shared in &shared::PARTITIONS {
            next = next.min(shared.watchdog.deadline_on(self.id));
        }
        self.attention = next;
    }

    /// Starts a partition's watchdog with `timeout_ns`: at most the manifest's time, for which 0 stands, and
    /// at least [`SHORTEST_WATCHDOG_NS`].
    /// Returns whether it has one.
    pub fn start_watchdog(&mut self, partition: usize, timeout_ns: u64) -> bool {
        let Some(entry) = self.machine.table.partitions.get(partition) else {
            return false;
        };
        let longest = entry.watchdog_ns;
        if longest == 0 {
            return false;
        }
        let timeout_ns = if timeout_ns == 0 { longest } else { timeout_ns };
        // A shorter one could expire without end in the time of who is more critical.
        let timeout_ns = timeout_ns.min(longest).max(SHORTEST_WATCHDOG_NS);
        let timeout = BOARD.ns_to_ticks(timeout_ns);
        let now = self.now();
        let watchdog = &shared::of(partition).watchdog;
        watchdog.start(self.id, timeout, now);
        self.attend_at(now.saturating_add(timeout));
        true
    }

    /// Something on this core is due at `ticks`: the machine timer interrupts then, however this trap ends.
    pub fn attend_at(&mut self, ticks: u64) {
        self.attention = self.attention.min(ticks);
        self.timer.bring_forward(ticks);
    }

    /// Lets the virtual core have the lines that waited for the end of a storm.
    fn end_storm(&mut self, number: usize, now: u64) {
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        if slot.held_lines != 0 && slot.storm.ends_at() <= now {
            let held = core::mem::take(&mut slot.held_lines);
            slot.storm.release(now, held.count_ones());
            self.interrupt_slot(number, held);
        }
    }

    /// Lines of a virtual core are pending, or notices.
    pub(super) fn interrupt_slot(&mut self, number: usize, lines: u64) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.pending_lines |= lines;
        }
        if self.live == number {
            self.show_interrupt();
        }
        self.schedule.wake(number);
    }
}
