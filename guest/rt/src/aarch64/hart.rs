//! The core that runs this code.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether the timer is in the registers of the physical timer: those of the secure one are undefined where EL2 exists
/// in the secure world.
static IS_PHYSICAL: AtomicBool = AtomicBool::new(false);

/// Chooses the registers of the timer, as the device tree tells.
pub(crate) fn use_physical_timer(is_physical: bool) {
    IS_PHYSICAL.store(is_physical, Relaxed);
}

/// The time since the machine's start, in ticks of the platform's time base.
#[must_use]
pub fn time() -> u64 {
    let ticks;
    // SAFETY: reads a counter, not before what comes before it; no memory or register is changed.
    unsafe {
        asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags))
    };
    ticks
}

/// Ticks of [`time`] in a second.
#[must_use]
pub fn time_hz() -> u64 {
    let rate;
    // SAFETY: reads a register that the firmware has set.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) rate, options(nomem, nostack, preserves_flags)) };
    rate
}

/// Makes the timer interrupt once [`time`] reaches `deadline`, and not before. `u64::MAX` turns it off.
pub fn set_timer(deadline: u64) {
    let enable = u64::from(deadline != u64::MAX);
    if IS_PHYSICAL.load(Relaxed) {
        // SAFETY: the physical timer, for which the monitor stands in.
        unsafe {
            asm!(
                "msr cntp_cval_el0, {deadline}",
                "msr cntp_ctl_el0, {enable}",
                "isb",
                deadline = in(reg) deadline,
                enable = in(reg) enable,
                options(nostack, preserves_flags),
            );
        }
        return;
    }
    // SAFETY: the secure physical timer, which the monitor keeps for each partition.
    unsafe {
        asm!(
            "msr cntps_cval_el1, {deadline}",
            "msr cntps_ctl_el1, {enable}",
            "isb",
            deadline = in(reg) deadline,
            enable = in(reg) enable,
            options(nostack, preserves_flags),
        );
    }
}

/// Waits until an interrupt is pending; it may return earlier. In a partition that shares its core this is
/// what gives the core to the others.
pub fn wait_for_interrupt() {
    // SAFETY: a hint; memory is not declared untouched, as an interrupt handler may run.
    unsafe { asm!("dsb sy", "wfi", options(nostack, preserves_flags)) };
}

/// Lets this core take interrupts (`PSTATE.I`).
pub fn enable_interrupts() {
    // SAFETY: the vector was set before any partition code ran and saves every register.
    unsafe { asm!("msr daifclr, #2", options(nostack, preserves_flags)) };
}

/// Keeps this core from taking interrupts. Returns whether it took them before.
pub fn disable_interrupts() -> bool {
    let before: u64;
    // SAFETY: sets one mask bit; no memory access moves across the call.
    unsafe {
        asm!("mrs {}, daif", "msr daifset, #2", out(reg) before, options(nostack, preserves_flags))
    };
    before & 1 << 7 == 0
}
