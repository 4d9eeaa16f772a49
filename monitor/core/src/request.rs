//! What a partition may ask of the monitor by Partita's own calls ([`partita_abi::monitor_call`]), however its
//! architecture makes a call.
//!
//! [`decode`] changes nothing and touches no memory. A [`Request`] proves that its arguments are within the
//! caller's own partition.

use crate::memory::{Memory, MemoryRange};
use partita_abi::measurement::Measurement;
use partita_abi::monitor_call;

/// A request whose arguments are sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Write bytes to the console. Fewer may be taken: return the number taken.
    ConsoleWrite {
        /// Where the bytes are.
        bytes: MemoryRange,
    },
    /// Read input from the console, as much as there is. Return the number of bytes read.
    ConsoleRead {
        /// Where the bytes go.
        buffer: MemoryRange,
    },
    /// Write one byte to the console.
    ConsoleWriteByte {
        /// The byte.
        byte: u8,
    },
    /// Add to the caller's deadline record.
    ReportDeadlines {
        /// Deadlines met since the last report.
        met: u64,
        /// Deadlines missed since the last report.
        missed: u64,
        /// The worst wake-up latency since the last report.
        worst_latency_ns: u64,
    },
    /// Take the next pending interrupt of the caller.
    InterruptClaim,
    /// End the handling of an interrupt. Whether the caller has claimed it is left to check.
    InterruptComplete {
        /// The line, not 0.
        line: u32,
    },
    /// Copy a boot measurement. Whether there is one with this index is left to check.
    Measurement {
        /// Its index.
        index: u64,
        /// Where it goes: room for a [`Measurement`], at a multiple of 8.
        buffer: MemoryRange,
    },
    /// The caller cannot go on.
    Panic {
        /// The caller's own code.
        code: u64,
    },
    /// Start the caller's watchdog, or start it again with another time.
    WatchdogStart {
        /// The time in nanoseconds; 0 for that of the manifest, which is also the longest.
        timeout_ns: u64,
    },
    /// Reset the caller's watchdog.
    WatchdogPet,
    /// Take the oldest health event that the caller is to be told of.
    NotificationTake,
}

/// Why a request fails. The numbers are those of the SBI (RISC-V SBI 2.0, chapter 3, table 1) on every architecture,
/// so that partitions need to know one set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It failed.
    Failed,
    /// There is no such call.
    NotSupported,
    /// An argument is outside what the partition owns, or reserved.
    InvalidParameter,
    /// An address is outside what the partition owns.
    InvalidAddress,
}

impl Failure {
    /// The number of the cause in a health event: that of the failure without its sign.
    #[inline]
    #[must_use]
    pub const fn cause(self) -> u32 {
        match self {
            Self::Failed => 1,
            Self::NotSupported => 2,
            Self::InvalidParameter => 3,
            Self::InvalidAddress => 5,
        }
    }

    /// What the caller is told.
    #[inline]
    #[must_use]
    pub const fn code(self) -> u64 {
        (self.cause() as u64).wrapping_neg()
    }
}

/// Finds the request with this number of [`monitor_call`] and checks its arguments.
///
/// # Errors
/// Why it fails. [`Failure::InvalidAddress`] is for the address in the second argument.
#[inline]
pub fn decode(number: u64, arguments: [u64; 3], memory: &Memory<'_>) -> Result<Request, Failure> {
    let [first, second, third] = arguments;
    match number {
        monitor_call::REPORT_DEADLINES => Ok(Request::ReportDeadlines {
            met: first,
            missed: second,
            worst_latency_ns: third,
        }),
        monitor_call::INTERRUPT_CLAIM => Ok(Request::InterruptClaim),
        monitor_call::INTERRUPT_COMPLETE => match u32::try_from(first) {
            Ok(line) if line != 0 => Ok(Request::InterruptComplete { line }),
            _ => Err(Failure::InvalidParameter),
        },
        monitor_call::PANIC => Ok(Request::Panic { code: first }),
        monitor_call::MEASUREMENT => {
            const BYTES: u64 = size_of::<Measurement>() as u64;
            if third < BYTES || !second.is_multiple_of(8) {
                return Err(Failure::InvalidParameter);
            }
            match memory.writable(second, BYTES) {
                Some(buffer) => Ok(Request::Measurement {
                    index: first,
                    buffer,
                }),
                None => Err(Failure::InvalidAddress),
            }
        }
        monitor_call::WATCHDOG_START => Ok(Request::WatchdogStart { timeout_ns: first }),
        monitor_call::WATCHDOG_PET => Ok(Request::WatchdogPet),
        monitor_call::NOTIFICATION_TAKE => Ok(Request::NotificationTake),
        _ => Err(Failure::NotSupported),
    }
}
