//! The core that runs this code, and the partition's other cores.

use crate::smc;
use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use partita_abi::monitor_call::{CALL_CORES, SMC_BASE};

/// Functions of PSCI (DEN0022, 5.1).
mod function {
    pub const CPU_SUSPEND: u64 = 0xc400_0001;
    pub const CPU_OFF: u64 = 0x8400_0002;
    pub const CPU_ON: u64 = 0xc400_0003;
    pub const AFFINITY_INFO: u64 = 0xc400_0004;
    pub const SYSTEM_SUSPEND: u64 = 0xc400_000e;
}

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

/// The stack of a further core. It has to be a static, and serves one core at a time.
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

    /// Leaves a function where `partita_start_hart` finds it. Returns the top of the stack.
    fn prepare(&'static mut self, main: extern "C" fn(usize) -> !) -> u64 {
        let top = BYTES - 16;
        self.0[top..top + size_of::<usize>()].copy_from_slice(&(main as usize).to_le_bytes());
        (&raw mut self.0[top]) as u64
    }
}

impl<const BYTES: usize> Default for Stack<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts the partition's core with this number, by the machine's count, in `main`, which gets the number. Returns
/// what PSCI answers: 0 if it is done.
pub fn start<const BYTES: usize>(
    number: usize,
    stack: &'static mut Stack<BYTES>,
    main: extern "C" fn(usize) -> !,
) -> i64 {
    let arguments = [number as u64, start_address(), stack.prepare(main)];
    // SAFETY: the core takes the stack, which is borrowed for ever, and calls the function that is stored there.
    unsafe { smc::call(function::CPU_ON, arguments).0 as i64 }
}

/// What PSCI answers if a core that runs is to be started: -4. It must run.
#[must_use]
pub fn start_again(number: usize) -> i64 {
    // SAFETY: a core that runs is not started.
    unsafe { smc::call(function::CPU_ON, [number as u64, start_address(), 0]).0 as i64 }
}

/// Stops the core that runs this code. Returns only if the monitor refuses.
pub fn stop() {
    // SAFETY: it ends what runs here.
    unsafe { smc::call(function::CPU_OFF, [0; 3]) };
}

/// The state of a core of the partition (`AFFINITY_INFO`): 0 on, 1 off, 2 on its way.
#[must_use]
pub fn state(number: usize) -> i64 {
    // SAFETY: it only tells.
    unsafe { smc::call(function::AFFINITY_INFO, [number as u64, 0, 0]).0 as i64 }
}

/// Gives cores of the partition a software interrupt: a bit for each, by the partition's own numbers. Returns 0 or an
/// error.
pub fn call(cores: u64) -> i64 {
    // SAFETY: it only interrupts.
    unsafe { smc::call(SMC_BASE | CALL_CORES, [cores, 0, 0]).0 as i64 }
}

/// Power states of `CPU_SUSPEND` (DEN0022, 5.4): everything is kept; nothing is, and the core goes on as if started.
mod power_state {
    pub const STANDBY: u64 = 0;
    pub const POWER_DOWN: u64 = 1 << 16;
}

/// Suspends this core, keeping its state, until it is interrupted. Returns 0 or an error.
pub fn standby() -> i64 {
    // SAFETY: it only waits.
    unsafe { smc::call(function::CPU_SUSPEND, [power_state::STANDBY, 0, 0]).0 as i64 }
}

/// Suspends this core without keeping its state until it is interrupted. It goes on in `main`. Returns the answer if
/// that is refused.
pub fn power_down<const BYTES: usize>(
    stack: &'static mut Stack<BYTES>,
    main: extern "C" fn(usize) -> !,
) -> i64 {
    let context = stack.prepare(main);
    let arguments = [power_state::POWER_DOWN, start_address(), context];
    // SAFETY: as for `start`; what runs here never goes on.
    unsafe { smc::call(function::CPU_SUSPEND, arguments).0 as i64 }
}

/// Puts the partition to sleep, all other cores of which must be off, until this core is interrupted. It goes on in
/// `main`. Returns the answer if it is refused.
pub fn suspend_all<const BYTES: usize>(
    stack: &'static mut Stack<BYTES>,
    main: extern "C" fn(usize) -> !,
) -> i64 {
    let arguments = [start_address(), stack.prepare(main), 0];
    // SAFETY: as for `start`; what runs here never goes on.
    unsafe { smc::call(function::SYSTEM_SUSPEND, arguments).0 as i64 }
}

fn start_address() -> u64 {
    partita_start_hart as *const () as u64
}

unsafe extern "C" {
    /// The first instructions of a further core, in `start`.
    fn partita_start_hart();
}
