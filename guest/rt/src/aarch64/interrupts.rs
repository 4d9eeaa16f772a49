//! The interrupts by which the monitor reaches this partition, and the interrupt controller's interface of this
//! core: registers of the core (GICv3, IHI 0069, chapter 12) or of a device (GICv2, IHI 0048, 4.4). With a GICv2 whose
//! distributor this partition reaches, the monitor acknowledges interrupts, and what is active tells which it is.

use crate::device_tree;
use crate::hart;
use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

/// No interrupt has this number.
const NONE: u32 = u32::MAX;

/// Where the interface is that is a device; 0 if there is none.
static DEVICE: AtomicUsize = AtomicUsize::new(0);

/// Where the distributor is that belongs to it; 0 if it is out of reach, and the device acknowledges.
static DISTRIBUTOR: AtomicUsize = AtomicUsize::new(0);

/// Registers of that device.
mod register {
    /// `GICC_PMR`: what has a lower priority than this is kept back.
    pub const PRIORITY_MASK: usize = 0x04;
    /// `GICC_BPR`: which bits of a priority preempt.
    pub const BINARY_POINT: usize = 0x08;
    /// `GICC_IAR`: takes the pending interrupt with the highest priority.
    pub const ACKNOWLEDGE: usize = 0x0c;
    /// `GICC_EOIR`: ends it.
    pub const END: usize = 0x10;
    /// `GICD_ISACTIVER0`, of the distributor: which of the first 32 are taken.
    pub const ACTIVE: usize = 0x300;
}

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
    let window = |index| {
        let found = device_tree::window(tree, b"interrupt-controller", b"arm,gic-400", index);
        found.unwrap_or(0) as usize
    };
    let (distributor, device) = match (window(0), window(1)) {
        (device, 0) => (0, device),
        both => both,
    };
    DISTRIBUTOR.store(distributor, Relaxed);
    DEVICE.store(device, Relaxed);
    let is_physical = device_tree::says(tree, b"timer", b"registers", b"cntp");
    hart::use_physical_timer(is_physical);
    set(&TIMER, b"timer", 0);
    set(&EXTERNAL, b"partita", 0);
    set(&SOFTWARE, b"partita", 1);
}

/// Where the interface is, if it is a device; else 0.
#[must_use]
pub fn interface() -> usize {
    DEVICE.load(Relaxed)
}

/// The register of the device with this offset, if the interface is a device.
fn device(offset: usize) -> Option<*mut u32> {
    let base = DEVICE.load(Relaxed);
    (base != 0).then(|| core::ptr::with_exposed_provenance_mut(base + offset))
}

/// Lets this core's interface hand on interrupts of every priority.
pub fn open() {
    if let (Some(mask), Some(point)) = (
        device(register::PRIORITY_MASK),
        device(register::BINARY_POINT),
    ) {
        // SAFETY: this core's own interface, at the place that the device tree tells.
        unsafe {
            mask.write_volatile(0xff);
            point.write_volatile(0);
        }
        return;
    }
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

/// Takes the pending interrupt with the highest priority, or finds the one that the monitor has taken; one from 1020
/// on is none.
pub fn acknowledge() -> u32 {
    let distributor = DISTRIBUTOR.load(Relaxed);
    if distributor != 0 {
        let register = core::ptr::with_exposed_provenance::<u32>(distributor + register::ACTIVE);
        // SAFETY: reading the register at the place that the device tree tells changes nothing.
        let active = unsafe { register.read_volatile() };
        let mut reasons = [Reason::Timer, Reason::External, Reason::Software]
            .into_iter()
            .filter_map(number);
        return reasons
            .find(|number| {
                active
                    .checked_shr(*number)
                    .is_some_and(|bits| bits & 1 != 0)
            })
            .unwrap_or(NONE);
    }
    if let Some(acknowledge) = device(register::ACKNOWLEDGE) {
        // SAFETY: as in `open`: from here on the interrupt is active, until `complete`.
        return unsafe { acknowledge.read_volatile() } & 0x3ff;
    }
    let interrupt: u64;
    // SAFETY: ICC_IAR1_EL1: from here on the interrupt is active, until `complete`.
    unsafe {
        asm!("mrs {}, S3_0_C12_C12_0", "dsb sy", out(reg) interrupt, options(nostack, preserves_flags));
    }
    interrupt as u32 & 0xff_ffff
}

/// Ends what [`acknowledge`] began.
pub fn complete(interrupt: u32) {
    if let Some(end) = device(register::END) {
        // SAFETY: as in `open`, for an interrupt that was acknowledged.
        unsafe { end.write_volatile(interrupt) };
        return;
    }
    // SAFETY: ICC_EOIR1_EL1, for an interrupt that was acknowledged.
    unsafe {
        asm!("msr S3_0_C12_C12_1, {}", in(reg) u64::from(interrupt), options(nostack, preserves_flags));
    }
}
