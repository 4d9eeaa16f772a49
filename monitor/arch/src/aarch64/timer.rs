//! The system counter, and the secure physical timer of each core, which is the monitor's (DDI 0487, D12).

use crate::arch::register::{read, synchronize, write};
use crate::arch::wait_for_interrupt;
use crate::board::BOARD;

/// Its interrupt on each core, by the Base System Architecture (DEN0094, table 4).
pub const INTERRUPT: u32 = 29;

/// In `CNTPS_CTL_EL1`: it counts, and interrupts.
const ENABLED: u64 = 1;

/// Machine time in ticks: the same on all cores (D12.1.2). It is not read before what comes before it is done.
#[inline(always)]
pub fn count() -> u64 {
    synchronize();
    read!("cntpct_el0")
}

/// Machine time in ticks.
#[inline(always)]
pub fn now() -> u64 {
    count()
}

/// Machine time in nanoseconds.
pub fn now_ns() -> u64 {
    BOARD.ticks_to_ns(now())
}

/// Silences the timer of this core: whoever decides who runs sets it again.
#[inline(always)]
pub fn silence() {
    write!("cntps_ctl_el1", 0);
}

/// A core's clock and timer.
pub struct CoreTimer;

impl CoreTimer {
    /// That of the calling core, whatever its number.
    pub fn new(_: usize) -> Self {
        silence();
        Self
    }

    /// Machine time in ticks.
    #[inline(always)]
    #[expect(
        clippy::unused_self,
        reason = "other architectures have registers in it"
    )]
    pub fn now(&self) -> u64 {
        count()
    }

    /// The timer interrupts from `ticks` on.
    #[inline(always)]
    #[expect(
        clippy::unused_self,
        reason = "other architectures have registers in it"
    )]
    pub fn set(&self, ticks: u64) {
        write!("cntps_cval_el1", ticks);
        write!("cntps_ctl_el1", ENABLED);
    }

    /// The timer interrupts from `ticks` on, or before.
    pub fn bring_forward(&self, ticks: u64) {
        if read!("cntps_ctl_el1") & ENABLED == 0 || ticks < read!("cntps_cval_el1") {
            self.set(ticks);
        }
    }

    /// Sleeps until `ticks`, whatever else interrupts.
    pub fn sleep_until(&self, ticks: u64) {
        self.set(ticks);
        while count() < ticks {
            wait_for_interrupt();
        }
    }
}
