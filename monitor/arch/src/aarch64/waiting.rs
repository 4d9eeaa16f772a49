//! What a virtual core waits for, and whether it has come.

use crate::arch::context::Shape;
use crate::arch::register::read;
use crate::cores::Core;
use partita_monitor_core::schedule::{Activity, NEVER};

impl Core {
    /// Sleeps until an interrupt of the monitor's is pending, or one of the live virtual core's that can end its
    /// waiting.
    pub fn sleep(&self) {
        let waits = self.schedule.activity(self.live) == Activity::Waiting;
        self.arch.gate.sleep(waits);
    }

    /// Wakes the live virtual core if an interrupt that it enabled is pending. Returns whether it did.
    pub fn wake_live(&mut self) -> bool {
        let live = self.live;
        let is_pending = self.slots.get(live).is_some_and(|slot| {
            self.schedule.activity(live) == Activity::Waiting
                && self.arch.gate.is_pending(slot.context.shape)
        });
        if is_pending {
            self.schedule.wake(live);
        }
        is_pending
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
        let live = self.live;
        let Some(slot) = self.slots.get(live) else {
            return false;
        };
        if self.arch.gate.is_pending(slot.context.shape) {
            return false;
        }
        let until = match slot.context.shape {
            Shape::Guest => own_timers(),
            _ => slot.timer,
        };
        self.schedule.wait(live, until);
        self.schedule.activity(live) == Activity::Waiting
    }
}

/// When the first of the timers interrupts that the live Linux has itself: while another one is on the core, they do not.
fn own_timers() -> u64 {
    /// Of the control registers (DDI 0487, D24.10.15): it counts, and is not masked.
    const RUNS: u64 = 1;
    const CONTROL: u64 = 3;
    let of = |control: u64, compare: u64| {
        if control & CONTROL == RUNS {
            compare
        } else {
            NEVER
        }
    };
    let virtual_timer = of(read!("cntv_ctl_el0"), read!("cntv_cval_el0"));
    virtual_timer.min(of(read!("cntp_ctl_el0"), read!("cntp_cval_el0")))
}
