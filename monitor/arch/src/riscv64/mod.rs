//! RISC-V: the monitor in machine mode, with PMP as the only isolation.
//!
//! A trap saves the partition's registers ([`vector`]) and is answered ([`trap`]). How a virtual core gets
//! onto a hart and off it is in [`switch`]; what it waits for in [`waiting`].

pub mod boot;
pub mod call;
pub mod context;
pub mod controller;
pub mod cores;
mod counters;
pub mod csr;
pub mod fault;
mod floating_point;
pub mod guest_memory;
pub mod memory;
mod performance;
pub mod platform;
pub mod pmp;
pub mod stack;
mod switch;
pub mod timer;
pub mod trap;
pub mod vector;
mod vector_registers;
mod waiting;

use core::arch::asm;

/// What cores are called here.
pub const CORES_IN_WORDS: &str = " harts";

/// Instructions that this hart has executed.
#[inline(always)]
pub fn instructions() -> u64 {
    csr::read!("minstret")
}

/// Where the call is that is being answered.
pub fn call_counter() -> u64 {
    csr::read!("mepc")
}

/// The number of this hart.
pub fn core_number() -> u64 {
    csr::read!("mhartid")
}

/// Interrupts another hart, so that it looks at its mail.
#[inline]
pub fn interrupt(hart: usize) {
    timer::Aclint.interrupt(hart);
}

/// Whether an interrupt of the monitor is pending on this hart.
#[inline(always)]
pub fn is_interrupted() -> bool {
    csr::read!("mip") & csr::interrupt::MACHINE != 0
}

/// Nothing interrupts this hart any more.
pub fn silence() {
    csr::write!("mie", 0);
}

/// Stays here for good.
pub fn halt() -> ! {
    silence();
    loop {
        wait_for_interrupt();
    }
}

/// Takes all partitions' access to memory from this hart.
#[inline]
pub fn shut_out() {
    pmp::deactivate();
    pmp::fence();
}

/// While what this returns exists, the monitor reaches devices that a partition owns.
#[inline]
pub fn reach_devices() -> impl Drop {
    pmp::lift()
}

/// Makes changes of instructions, translation and protection visible to this hart.
#[inline(always)]
pub fn fence_all() {
    pmp::fence();
    instruction_fence();
}

/// Makes changed instructions visible to this hart (unprivileged specification, Zifencei).
#[inline]
pub fn instruction_fence() {
    // SAFETY: a fence only orders.
    unsafe { asm!("fence.i", options(nostack, preserves_flags)) };
}

/// Sleeps until a machine interrupt is pending, whether or not it would be taken.
#[inline]
pub fn wait_for_interrupt() {
    // SAFETY: the hart goes on at any pending interrupt that is enabled in `mie`.
    unsafe { asm!("wfi", options(nomem, nostack, preserves_flags)) };
}
