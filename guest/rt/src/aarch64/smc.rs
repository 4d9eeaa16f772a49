//! Calls of the monitor by `smc` (SMC Calling Convention, DEN0028, 1.2) and of PSCI (DEN0022).

use core::arch::asm;
use partita_abi::monitor_call as abi;
use sbi_spec::binary::{Error, SbiRet};

/// PSCI: ends this partition.
const SYSTEM_OFF: u64 = 0x8400_0008;
/// PSCI: restarts this partition.
const SYSTEM_RESET: u64 = 0x8400_0009;

/// Any call: the values of `x0` and `x1` after it.
///
/// # Safety
///
/// The call may write to the partition's memory or start a core at an address; what it is asked for must not
/// break what Rust assumes of memory that this program owns.
pub unsafe fn call(function: u64, arguments: [u64; 3]) -> (u64, u64) {
    let (first, second);
    // SAFETY: SMCCC 1.2, 2.7: `x4` and up are preserved, and so is what lies beyond the registers named here.
    // The effect of the call is the caller's duty.
    unsafe {
        asm!(
            "smc #0",
            inlateout("x0") function => first,
            inlateout("x1") arguments[0] => second,
            inlateout("x2") arguments[1] => _,
            inlateout("x3") arguments[2] => _,
            options(nostack),
        );
    }
    (first, second)
}

/// A call of the Partita range; the errors are those of the SBI.
///
/// # Errors
///
/// The monitor's answer.
///
/// # Safety
///
/// As for [`call`].
pub(crate) unsafe fn partita(function: u64, arguments: [usize; 3]) -> Result<usize, Error> {
    let arguments = arguments.map(|argument| argument as u64);
    // SAFETY: the caller's promise.
    let (error, value) = unsafe { call(abi::SMC_BASE | function, arguments) };
    SbiRet {
        error: error as usize,
        value: value as usize,
    }
    .into_result()
}

/// Writes to the console. Returns how many bytes were taken, which may be fewer than offered.
///
/// # Errors
///
/// The monitor's answer.
pub fn console_write(bytes: &[u8]) -> Result<usize, Error> {
    // SAFETY: the call reads `bytes`. Translation is off: an address is a physical address.
    unsafe { partita(abi::CONSOLE_WRITE, [bytes.as_ptr().addr(), bytes.len(), 0]) }
}

/// Reads what was typed for this partition. Returns how many bytes there were.
///
/// # Errors
///
/// The monitor's answer.
pub fn console_read(bytes: &mut [u8]) -> Result<usize, Error> {
    let arguments = [bytes.as_mut_ptr().addr(), bytes.len(), 0];
    // SAFETY: the call writes to `bytes` only, which is borrowed for it.
    unsafe { partita(abi::CONSOLE_READ, arguments) }
}

/// Ends this partition, and nothing else. Returns only if the monitor refuses.
pub fn system_off() {
    // SAFETY: it ends this program, or does nothing.
    unsafe { call(SYSTEM_OFF, [0; 3]) };
}

/// Restarts this partition, and nothing else. Returns only if the monitor refuses.
pub fn system_reset() {
    // SAFETY: it ends this program, or does nothing.
    unsafe { call(SYSTEM_RESET, [0; 3]) };
}
