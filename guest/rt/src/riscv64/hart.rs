//! The hart that runs this code, and the partition's other harts.

use crate::sbi;
use core::arch::asm;
use sbi_spec::binary::Error;

/// Interrupt sources of S-mode, as bits of `sie` and `sip` (RISC-V privileged 1.12, chapter 4.1.3).
pub mod source {
    /// Another hart's inter-processor interrupt.
    pub const SOFTWARE: usize = 1 << 1;
    /// The timer.
    pub const TIMER: usize = 1 << 5;
    /// A device.
    pub const EXTERNAL: usize = 1 << 9;
}

/// The time since the machine's start, in ticks of the platform's time base.
#[must_use]
pub fn time() -> u64 {
    let ticks;
    // SAFETY: reads a counter; no memory or register is changed.
    unsafe { asm!("csrr {}, time", out(reg) ticks, options(nomem, nostack, preserves_flags)) };
    ticks
}

/// Instructions retired. Under `-icount shift=0` QEMU counts one instruction per virtual nanosecond.
#[must_use]
pub fn instructions_retired() -> u64 {
    let count;
    // SAFETY: reads a counter; no memory or register is changed.
    unsafe { asm!("csrr {}, instret", out(reg) count, options(nomem, nostack, preserves_flags)) };
    count
}

/// Makes the timer interrupt pending once [`time`] reaches `deadline`, and not before. `u64::MAX` turns it off.
pub fn set_timer(deadline: u64) {
    // The TIME extension has no error for a caller to handle (RISC-V SBI 2.0, chapter 6.1).
    let _ = sbi::set_timer(deadline);
}

/// Waits until an enabled interrupt is pending; it may return earlier. In a partition that shares its
/// core this is what gives the core to the others.
pub fn wait_for_interrupt() {
    // SAFETY: a hint; memory is not declared untouched, as an interrupt handler may run.
    unsafe { asm!("wfi", options(nostack, preserves_flags)) };
}

/// Lets this hart take interrupts (`sstatus.SIE`).
pub fn enable_interrupts() {
    // SAFETY: the vector was set before any partition code ran and saves every register.
    unsafe { asm!("csrsi sstatus, 2", options(nostack, preserves_flags)) };
}

/// Keeps this hart from taking interrupts. Returns whether it took them before.
pub fn disable_interrupts() -> bool {
    let status: usize;
    // SAFETY: clears one status bit; no memory access moves across the call.
    unsafe { asm!("csrrci {}, sstatus, 2", out(reg) status, options(nostack, preserves_flags)) };
    status & 2 != 0
}

/// Enables the interrupt `sources` (bits of [`source`]) on this hart.
pub fn enable_sources(sources: usize) {
    // SAFETY: sets enable bits; the vector saves every register.
    unsafe { asm!("csrs sie, {}", in(reg) sources, options(nostack, preserves_flags)) };
}

/// Disables the interrupt `sources` (bits of [`source`]) on this hart.
pub fn disable_sources(sources: usize) {
    // SAFETY: clears enable bits.
    unsafe { asm!("csrc sie, {}", in(reg) sources, options(nostack, preserves_flags)) };
}

/// The pending interrupt sources of this hart, as bits of [`source`].
#[must_use]
pub fn pending_sources() -> usize {
    let pending;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, sip", out(reg) pending, options(nomem, nostack, preserves_flags)) };
    pending
}

/// Takes back the inter-processor interrupt that was sent to this hart.
pub fn clear_software_interrupt() {
    // SAFETY: clears `sip.SSIP`, the one pending bit that S-mode may write.
    unsafe { asm!("csrci sip, 2", options(nostack, preserves_flags)) };
}

/// The stack of a further hart. It has to be a static, and serves one hart once.
#[repr(C, align(16))]
pub struct Stack<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Stack<BYTES> {
    /// An empty stack.
    #[must_use]
    pub const fn new() -> Self {
        assert!(
            BYTES >= 1024 && BYTES.is_multiple_of(16),
            "a stack needs 1024 bytes and a multiple of 16"
        );
        Self([0; BYTES])
    }
}

impl<const BYTES: usize> Default for Stack<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts the partition's hart `hart` in `main`, which gets the hart id.
///
/// # Errors
///
/// What the monitor answers to `hart_start`: for instance that the hart is not this partition's, or
/// that it runs already.
pub fn start<const BYTES: usize>(
    hart: usize,
    stack: &'static mut Stack<BYTES>,
    main: extern "C" fn(hart: usize) -> !,
) -> Result<(), Error> {
    let top = BYTES - 16;
    stack.0[top..top + size_of::<usize>()].copy_from_slice(&(main as usize).to_le_bytes());
    let top = &raw mut stack.0[top] as usize;
    // SAFETY: `partita_start_hart` takes `top` as its stack pointer and calls the function stored
    // there; the stack is borrowed for ever, so nothing else uses it.
    unsafe { sbi::hart_start(hart, partita_start_hart as *const () as usize, top) }
}

unsafe extern "C" {
    /// The first instructions of a further hart, in `start`.
    fn partita_start_hart();
}
