//! AArch64: the monitor at EL3. TrustZone or stage 2 keeps partitions apart.
//!
//! A trap saves the partition's registers ([`vector`]) and is answered ([`trap`]). How a virtual core gets
//! onto a core and off it is in [`switch`]; what it waits for in [`waiting`].

pub mod boot;
mod breakpoints;
pub mod call;
pub mod context;
pub mod controller;
pub mod cores;
mod floating_point;
mod guest;
pub mod guest_memory;
mod hypervisor;
pub mod images_device;
pub mod memory;
pub mod platform;
mod register;
#[cfg_attr(feature = "gicv2", path = "no_scalable.rs")]
mod scalable;
mod secure_hypervisor;
mod smmu;
pub mod stack;
mod stage_2;
mod switch;
pub mod timer;
mod translation;
pub mod trap;
pub mod vector;
mod waiting;

use core::arch::asm;

/// What cores are called here.
pub const CORES_IN_WORDS: &str = " cores";

/// A measure of how long this core has run: ticks of the system counter. What counts instructions belongs to
/// Linux.
#[inline(always)]
pub fn instructions() -> u64 {
    register::read!("cntpct_el0")
}

/// Interrupts another core, so that it looks at its mail.
#[inline]
pub fn interrupt(core: usize) {
    controller::Controller.interrupt(core);
}

/// Where the call is that is being answered: in front of where it returns to.
pub fn call_counter() -> u64 {
    register::read!("elr_el3").wrapping_sub(4)
}

/// The number of this core.
pub fn core_number() -> u64 {
    register::read!("mpidr_el1") & 0xff
}

/// Whether an interrupt of the monitor is pending on this core, while no partition's can be.
#[inline(always)]
pub fn is_interrupted() -> bool {
    // `ISR_EL1.F` (DDI 0487, D24.2.77).
    register::read!("isr_el1") & 1 << 6 != 0
}

/// No timer of this core interrupts any more, whoever's it is: a board that is being reset does not wait for one.
pub fn silence() {
    timer::silence();
    register::write!("cntp_ctl_el0", 0);
    register::write!("cntv_ctl_el0", 0);
    register::write!("cnthp_ctl_el2", 0);
    register::synchronize();
}

/// Stays here for good.
pub fn halt() -> ! {
    silence();
    loop {
        wait_for_interrupt();
    }
}

/// Takes all partitions' access to memory from this core: they have it by their world, which is not entered.
#[inline]
pub const fn shut_out() {}

/// While what this returns exists, the monitor reaches devices that a partition owns: it always does.
#[inline]
pub const fn reach_devices() -> impl Drop {
    struct Always;
    impl Drop for Always {
        fn drop(&mut self) {}
    }
    Always
}

/// Makes changes of instructions and translation visible to this core. Partitions do that among their cores by
/// themselves.
#[inline(always)]
pub const fn fence_all() {}

/// Sleeps until an interrupt is pending, whether or not it would be taken.
#[inline]
pub fn wait_for_interrupt() {
    // SAFETY: the core goes on at any interrupt that the controller signals to it. What it was to see before is
    // complete.
    unsafe { asm!("dsb sy", "wfi", options(nostack, preserves_flags)) };
}
