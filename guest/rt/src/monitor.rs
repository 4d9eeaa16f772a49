//! Monitor calls of Partita's own.

#[cfg(target_arch = "riscv64")]
use crate::sbi::partita;
#[cfg(target_arch = "aarch64")]
use crate::smc::partita;
pub use partita_abi::health::Kind;
pub use partita_abi::measurement::Measurement;
use partita_abi::monitor_call as abi;
use sbi_spec::binary::Error;
use zerocopy::FromZeros as _;

/// Adds to this partition's deadline record what happened since the last report.
///
/// # Errors
///
/// That the monitor is not Partita.
pub fn report_deadlines(met: u64, missed: u64, worst_latency_ns: u64) -> Result<(), Error> {
    call(abi::REPORT_DEADLINES, [met, missed, worst_latency_ns]).map(drop)
}

/// Takes the next pending device interrupt: its line, or `None`. The line stays masked until
/// [`interrupt_complete`].
///
/// # Errors
///
/// That the monitor is not Partita.
pub fn interrupt_claim() -> Result<Option<usize>, Error> {
    call(abi::INTERRUPT_CLAIM, [0; 3]).map(|line| (line != 0).then_some(line))
}

/// Ends the handling of `line`, so that it may interrupt again.
///
/// # Errors
///
/// That the line was not claimed, or that the monitor is not Partita.
pub fn interrupt_complete(line: usize) -> Result<(), Error> {
    call(abi::INTERRUPT_COMPLETE, [line as u64, 0, 0]).map(drop)
}

/// The boot measurement with this index, and how many there are. The first one, 0, is always there.
///
/// # Errors
///
/// That there is none with this index, or that the monitor is not Partita.
pub fn measurement(index: usize) -> Result<(Measurement, usize), Error> {
    let mut measurement = Measurement::new_zeroed();
    let arguments = [
        index,
        // Translation is off in a partition of this runtime: an address is a physical address.
        (&raw mut measurement).addr(),
        size_of::<Measurement>(),
    ];
    // SAFETY: the call writes to `measurement` only, any bytes of which are one.
    let answer = unsafe { partita(abi::MEASUREMENT, arguments) };
    answer.map(|count| (measurement, count))
}

/// Starts this partition's watchdog: unless [`watchdog_reset`] is called within `timeout_ns`, and again and
/// again from then on, that is a health event. `None` takes the time of the manifest, which is the longest
/// too. Nothing stops it.
///
/// # Errors
///
/// That the manifest gives the partition no watchdog, or that the monitor is not Partita.
pub fn watchdog_start(timeout_ns: Option<u64>) -> Result<(), Error> {
    call(abi::WATCHDOG_START, [timeout_ns.unwrap_or(0), 0, 0]).map(drop)
}

/// Resets this partition's watchdog.
///
/// # Errors
///
/// That the monitor is not Partita.
pub fn watchdog_reset() -> Result<(), Error> {
    call(abi::WATCHDOG_PET, [0; 3]).map(drop)
}

/// A health event of another partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// The index of that partition, in the order of the manifest.
    pub partition: usize,
    /// What was found; `None` for what this program does not know.
    pub kind: Option<Kind>,
}

/// Takes the oldest health event of another partition that the manifest wants this one to be told of. When
/// there is one to take, [`interrupt_claim`] returns [`NOTIFICATION_LINE`], which needs no completion.
///
/// # Errors
///
/// That the monitor is not Partita.
pub fn notification_take() -> Result<Option<Notification>, Error> {
    let value = call(abi::NOTIFICATION_TAKE, [0; 3])? as u64;
    let notification = Notification {
        partition: (value >> 8 & 0xff) as usize,
        kind: Kind::from_number(value as u8),
    };
    Ok((value & abi::NOTIFICATION_VALID != 0).then_some(notification))
}

/// Stops this partition, with `code` in its health event. Waits for ever if nobody stops it.
pub fn panic(code: u64) -> ! {
    // Without Partita below there is nobody to tell; the last line on the console has said it.
    let _ = call(abi::PANIC, [code, 0, 0]);
    crate::hart::disable_interrupts();
    loop {
        crate::hart::wait_for_interrupt();
    }
}

/// What [`interrupt_claim`] returns, after all lines, when there are notifications to take.
pub const NOTIFICATION_LINE: usize = abi::NOTIFICATION_LINE as usize;

fn call(function: u64, arguments: [u64; 3]) -> Result<usize, Error> {
    // SAFETY: only used for calls that leave this program's memory and cores as they are.
    unsafe { partita(function, arguments.map(|value| value as usize)) }
}
