//! Standard SBI calls (RISC-V SBI 2.0). Hart ids are the partition's own, virtual ones.

use core::arch::asm;
use partita_abi::monitor_call;
use sbi_spec::binary::{Error, SbiRet};
use sbi_spec::{base, dbcn, hsm, rfnc, spi, srst, time};

pub use sbi_spec::hsm::hart_state;
pub use sbi_spec::srst::{
    RESET_REASON_NO_REASON, RESET_REASON_SYSTEM_FAILURE, RESET_TYPE_COLD_REBOOT,
    RESET_TYPE_SHUTDOWN, RESET_TYPE_WARM_REBOOT,
};

/// Any SBI call.
///
/// # Safety
///
/// The call may write to the partition's memory or start a hart at an address; what it is asked for
/// must not break what Rust assumes of memory that this program owns.
pub unsafe fn call(extension: usize, function: usize, arguments: [usize; 6]) -> SbiRet {
    let (error, value);
    // SAFETY: the binary encoding of SBI 2.0, chapter 3: all registers but a0 and a1 are preserved.
    // The effect of the call is the caller's duty.
    unsafe {
        asm!(
            "ecall",
            inlateout("a0") arguments[0] => error,
            inlateout("a1") arguments[1] => value,
            in("a2") arguments[2],
            in("a3") arguments[3],
            in("a4") arguments[4],
            in("a5") arguments[5],
            in("a6") function,
            in("a7") extension,
            options(nostack),
        );
    }
    SbiRet { error, value }
}

/// A call that neither writes to memory nor starts code.
pub(crate) fn harmless(
    extension: usize,
    function: usize,
    arguments: [usize; 3],
) -> Result<usize, Error> {
    let [first, second, third] = arguments;
    // SAFETY: only used for calls that leave this program's memory and harts as they are.
    unsafe { call(extension, function, [first, second, third, 0, 0, 0]) }.into_result()
}

/// A call of the Partita extension.
///
/// # Safety
///
/// As for [`call`].
pub(crate) unsafe fn partita(function: u64, arguments: [usize; 3]) -> Result<usize, Error> {
    let [first, second, third] = arguments;
    let arguments = [first, second, third, 0, 0, 0];
    // SAFETY: the caller's promise.
    unsafe {
        call(
            monitor_call::EXTENSION as usize,
            function as usize,
            arguments,
        )
    }
    .into_result()
}

/// Whether `extension` is there: 0 if not.
#[must_use]
pub fn probe_extension(extension: usize) -> usize {
    harmless(base::EID_BASE, base::PROBE_EXTENSION, [extension, 0, 0]).unwrap_or(0)
}

/// The SBI version: major number in bits 30–24, minor in 23–0.
#[must_use]
pub fn specification_version() -> usize {
    harmless(base::EID_BASE, base::GET_SBI_SPEC_VERSION, [0; 3]).unwrap_or(0)
}

/// The id of who implements the SBI.
#[must_use]
pub fn implementation() -> usize {
    harmless(base::EID_BASE, base::GET_SBI_IMPL_ID, [0; 3]).unwrap_or(0)
}

/// Makes the timer interrupt pending once [`time`](crate::hart::time) reaches `deadline`, and not
/// before. `u64::MAX` turns it off.
///
/// # Errors
///
/// The SBI's answer.
pub fn set_timer(deadline: u64) -> Result<(), Error> {
    harmless(time::EID_TIME, time::SET_TIMER, [deadline as usize, 0, 0]).map(drop)
}

/// Sends an inter-processor interrupt to hart `base + n` for each bit `n` of `mask`.
///
/// # Errors
///
/// The SBI's answer, for instance that one of the harts does not exist.
pub fn send_ipi(mask: usize, base: usize) -> Result<(), Error> {
    harmless(spi::EID_SPI, spi::SEND_IPI, [mask, base, 0]).map(drop)
}

/// Executes `fence.i` on the harts of `mask` and `base`.
///
/// # Errors
///
/// The SBI's answer.
pub fn remote_fence_i(mask: usize, base: usize) -> Result<(), Error> {
    harmless(rfnc::EID_RFNC, rfnc::REMOTE_FENCE_I, [mask, base, 0]).map(drop)
}

/// Executes `sfence.vma` for `size` bytes from `start` on the harts of `mask` and `base`.
///
/// # Errors
///
/// The SBI's answer.
pub fn remote_sfence_vma(mask: usize, base: usize, start: usize, size: usize) -> Result<(), Error> {
    // SAFETY: a fence changes no memory.
    unsafe {
        call(
            rfnc::EID_RFNC,
            rfnc::REMOTE_SFENCE_VMA,
            [mask, base, start, size, 0, 0],
        )
    }
    .into_result()
    .map(drop)
}

/// Starts a hart at `address` with `opaque` in `a1`. [`hart::start`](crate::hart::start) is the safe
/// way.
///
/// # Errors
///
/// The SBI's answer.
///
/// # Safety
///
/// The code at `address` must be written for the state in which SBI 2.0, chapter 9.1, starts a hart.
pub unsafe fn hart_start(hart: usize, address: usize, opaque: usize) -> Result<(), Error> {
    // SAFETY: the code that runs is the caller's duty.
    unsafe {
        call(
            hsm::EID_HSM,
            hsm::HART_START,
            [hart, address, opaque, 0, 0, 0],
        )
    }
    .into_result()
    .map(drop)
}

/// Stops this hart. Returns only if the SBI refuses.
#[must_use]
pub fn hart_stop() -> Error {
    match harmless(hsm::EID_HSM, hsm::HART_STOP, [0; 3]) {
        Err(error) => error,
        Ok(_) => Error::Failed,
    }
}

/// The state of a hart, one of [`hart_state`].
///
/// # Errors
///
/// That the partition has no such hart.
pub fn hart_status(hart: usize) -> Result<usize, Error> {
    harmless(hsm::EID_HSM, hsm::HART_GET_STATUS, [hart, 0, 0])
}

/// Suspends this hart until an interrupt, keeping its state (the default retentive suspend).
///
/// # Errors
///
/// The SBI's answer.
pub fn hart_suspend() -> Result<(), Error> {
    harmless(hsm::EID_HSM, hsm::HART_SUSPEND, [0; 3]).map(drop)
}

/// Ends or restarts this partition, and nothing else. Returns only if the SBI refuses.
#[must_use]
pub fn system_reset(kind: u32, reason: u32) -> Error {
    match harmless(
        srst::EID_SRST,
        srst::SYSTEM_RESET,
        [kind as usize, reason as usize, 0],
    ) {
        Err(error) => error,
        Ok(_) => Error::Failed,
    }
}

/// Writes to the debug console. Returns how many bytes were taken, which may be fewer than offered.
///
/// # Errors
///
/// The SBI's answer.
pub fn console_write(bytes: &[u8]) -> Result<usize, Error> {
    // Translation is off in a partition of this runtime: an address is a physical address.
    harmless(
        dbcn::EID_DBCN,
        dbcn::CONSOLE_WRITE,
        [bytes.len(), bytes.as_ptr() as usize, 0],
    )
}

/// Reads what was typed for this partition. Returns how many bytes there were.
///
/// # Errors
///
/// The SBI's answer.
pub fn console_read(bytes: &mut [u8]) -> Result<usize, Error> {
    let arguments = [bytes.len(), bytes.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the call writes to `bytes` only, which is borrowed for it.
    unsafe { call(dbcn::EID_DBCN, dbcn::CONSOLE_READ, arguments) }.into_result()
}
