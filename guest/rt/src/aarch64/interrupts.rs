//! The interrupts by which the monitor reaches this partition, and the interrupt controller's registers of this
//! core (GICv3, IHI 0069, chapter 12).

use crate::device_tree;
use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// No interrupt has this number.
const NONE: u32 = u32::MAX;

static TIMER: AtomicU32 = AtomicU32::new(NONE);
static EXTERNAL: AtomicU32 = AtomicU32::new(NONE);
static SOFTWARE: AtomicU32 = AtomicU32::new(NONE);

/// Why the monitor interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The timer has fired.
    Timer,
    /// A line of a device is pending, or a notification: [`interrupt_claim`](crate::monitor::interrupt_claim)
    /// tells which.
    External,
    /// Another core of this partition has called.
    Software,
}

/// The interrupt of this reason; `None` if the device tree does not tell it.
#[must_use]
pub fn number(reason: Reason) -> Option<u32> {
    let number = match reason {
        Reason::Timer => &TIMER,
        Reason::External => &EXTERNAL,
        Reason::Software => &SOFTWARE,
    };
    Some(number.load(Relaxed)).filter(|number| *number != NONE)
}

/// The reason of an interrupt.
#[must_use]
pub fn reason(interrupt: u32) -> Option<Reason> {
    [Reason::Timer, Reason::External, Reason::Software]
        .into_iter()
        .find(|reason| number(*reason) == Some(interrupt))
}

/// Takes the numbers from the device tree.
pub(crate) fn learn(tree: &[u8]) {
    let set = |place: &AtomicU32, node: &[u8], index| {
        if let Some(number) = device_tree::interrupt(tree, node, index) {
            place.store(number, Relaxed);
        }
    };
    set(&TIMER, b"timer", 0);
    set(&EXTERNAL, b"partita", 0);
    set(&SOFTWARE, b"partita", 1);
}

/// Lets this core's interface hand on interrupts of every priority.
pub fn open() {
    // SAFETY: this core's own registers of the secure world, and nobody relies on their values yet.
    unsafe {
        asm!(
            "mrs {value}, S3_0_C12_C12_5", // ICC_SRE_EL1
            "orr {value}, {value}, #1",
            "msr S3_0_C12_C12_5, {value}",
            "isb",
            "msr S3_0_C4_C6_0, {lowest}",   // ICC_PMR_EL1
            "msr S3_0_C12_C12_3, xzr",      // ICC_BPR1_EL1
            "msr S3_0_C12_C12_7, {one}",    // ICC_IGRPEN1_EL1
            "isb",
            value = out(reg) _,
            lowest = in(reg) 0xff_u64,
            one = in(reg) 1_u64,
            options(nostack, preserves_flags),
        );
    }
}

/// Takes a pending interrupt without a handler, while interrupts are off, and says why it came.
pub fn take() -> Option<Reason> {
    let interrupt = acknowledge();
    let reason = reason(interrupt);
    if reason.is_some() {
        complete(interrupt);
    }
    reason
}

/// Takes the pending interrupt with the highest priority; one from 1020 on is none.
pub(crate) fn acknowledge() -> u32 {
    let interrupt: u64;
    // SAFETY: ICC_IAR1_EL1: from here on the interrupt is active, until `complete`.
    unsafe {
        asm!("mrs {}, S3_0_C12_C12_0", "dsb sy", out(reg) interrupt, options(nostack, preserves_flags));
    }
    interrupt as u32 & 0xff_ffff
}

/// Ends what [`acknowledge`] began.
pub(crate) fn complete(interrupt: u32) {
    // SAFETY: ICC_EOIR1_EL1, for an interrupt that was acknowledged.
    unsafe {
        asm!("msr S3_0_C12_C12_1, {}", in(reg) u64::from(interrupt), options(nostack, preserves_flags));
    }
}
