//! The witness on Arm, at S-EL1. It has a device whose line nobody raises.

use crate::arguments::Arguments;
use crate::vector_registers;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::interrupts::{self, Reason};
use partita_guest_rt::trap::{self, Cause, TrapFrame};
use partita_guest_rt::{hart, monitor};

/// What the registers hold; no other partition of the tests has it.
const OWN: u64 = 0x7717_7e55_7717_7e55;

/// When the timer may interrupt.
static RELEASE: AtomicU64 = AtomicU64::new(u64::MAX);
/// What came without cause: interrupts that nobody asked for.
static STRANGE: AtomicUsize = AtomicUsize::new(0);

/// Translation is off, so memory knows no atomic operations; all of this runs on one core.
fn count(place: &AtomicUsize) {
    place.store(place.load(SeqCst) + 1, SeqCst);
}

/// Only the timer may interrupt, and not before its time.
fn handle(frame: &mut TrapFrame, cause: Cause) {
    match cause {
        Cause::Interrupt(Reason::Timer) => {
            hart::set_timer(u64::MAX);
            if hart::time() < RELEASE.load(SeqCst) {
                count(&STRANGE);
            }
        }
        Cause::Interrupt(Reason::External) => {
            let _ = monitor::interrupt_claim();
            count(&STRANGE);
        }
        Cause::Interrupt(Reason::Software) => count(&STRANGE),
        Cause::Exception(_) => trap::unexpected(frame),
    }
}

/// Takes interrupts from here on, and fills the registers. Returns whether it has a device that it can make
/// interrupt.
pub fn prepare(_: &Arguments<'_>) -> bool {
    trap::set_handler(handle);
    vector_registers::turn_on();
    interrupts::open();
    write_registers();
    false
}

/// Makes the device interrupt.
pub const fn raise_alarm(_: u64) {}

/// Interrupts of the device that were taken.
pub const fn alarms() -> usize {
    0
}

/// Interrupts that nobody asked for.
pub fn strange() -> usize {
    STRANGE.load(SeqCst)
}

/// Waits, and takes what is pending.
pub fn wait(ticks: u64) {
    RELEASE.store(ticks, SeqCst);
    hart::set_timer(ticks);
    while hart::time() < ticks {
        hart::wait_for_interrupt();
        if hart::time() >= ticks {
            // The way there is the same each time: nobody else's interrupt came in between.
            break;
        }
        hart::enable_interrupts();
        hart::disable_interrupts();
    }
    hart::enable_interrupts();
    hart::disable_interrupts();
}

/// Fills the registers.
pub fn write_registers() {
    // SAFETY: registers that neither Rust nor the runtime uses.
    unsafe {
        asm!(
            "msr tpidr_el0, {own}",
            "msr tpidrro_el0, {own}",
            "msr tpidr_el1, {own}",
            "msr far_el1, {own}",
            "msr afsr0_el1, xzr",
            "msr mair_el1, {own}",
            // A breakpoint of somebody else's would stop it.
            "msr daifclr, #8",
            own = in(reg) OWN,
            options(nostack)
        );
    }
    vector_registers::fill(OWN);
}

/// Whether the registers have kept what they were filled with.
pub fn registers_hold() -> bool {
    let differences: u64;
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "mov {all}, xzr",
            ".irp register, tpidr_el0, tpidrro_el0, tpidr_el1, far_el1, mair_el1",
            "mrs {one}, \\register",
            "eor {one}, {one}, {own}",
            "orr {all}, {all}, {one}",
            ".endr",
            all = out(reg) differences,
            one = out(reg) _,
            own = in(reg) OWN,
            options(nostack)
        );
    }
    differences | vector_registers::differences(OWN) == 0
}
