//! What a virtual core waits for, and whether it has come.

use crate::cores::Core;
use partita_monitor_core::schedule::Activity;

impl Core {
    /// Sleeps until an interrupt of the monitor's is pending, or one of the live virtual core's that can end its
    /// waiting.
    pub fn sleep(&self) {
        let waits = self.schedule.activity(self.live) == Activity::Waiting;
        self.arch.gate.sleep(waits);
    }

    /// Wakes the live virtual core if an interrupt that it enabled is pending. Returns whether it did.
    pub fn wake_live(&mut self) -> bool {
        if self.schedule.activity(self.live) != Activity::Waiting || !self.arch.gate.is_pending() {
            return false;
        }
        self.schedule.wake(self.live);
        true
    }

    /// Answers the monitor's interrupts that are pending. Its timer needs no answer: whoever calls this decides
    /// anew.
    pub fn answer_interrupts(&mut self) {
        self.arch.gate.drop_foreign();
        self.external_interrupt();
        if self.needs_attention() {
            self.attend();
        }
    }

    /// The running virtual core has nothing to do until an interrupt. Returns false if one is pending,
    /// so that there is nothing to wait for.
    #[inline]
    pub fn wait_running(&mut self) -> bool {
        if self.arch.gate.is_pending() {
            return false;
        }
        let live = self.live;
        let Some(slot) = self.slots.get(live) else {
            return false;
        };
        self.schedule.wait(live, slot.timer);
        self.schedule.activity(live) == Activity::Waiting
    }
}
