//! What a virtual core waits for, and the monitor's own interrupts.

use crate::arch::csr::{self, interrupt};
use crate::arch::timer::Aclint;
use crate::arch::wait_for_interrupt;
use crate::cores::Core;
use partita_monitor_core::schedule::{Activity, NEVER};

impl Core {
    /// Sleeps until an interrupt of the monitor is pending, or one of the live virtual core that can end its
    /// waiting.
    pub fn sleep(&self) {
        let enabled = csr::read!("sie");
        if self.schedule.activity(self.live) != Activity::Waiting {
            csr::write!("sie", 0);
        }
        wait_for_interrupt();
        csr::write!("sie", enabled);
    }

    /// Wakes the live virtual core if an interrupt that it enabled is pending. Returns whether it did.
    pub fn wake_live(&mut self) -> bool {
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
