//! Linux's watchdog by calls (Linux, `drivers/watchdog/arm_smc_wdt.c`): one function, whose first argument says what is
//! wanted. Times are in seconds.
//!
//! As on other architectures a kernel that has gone wrong cannot help itself: the watchdog is never stopped once it
//! runs, and the time that it may take is bounded by the manifest.

use super::{Call, answer};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// What is wanted of a watchdog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Tell the shortest and the longest time.
    Tell,
    /// Take this time from now on.
    SetTime {
        /// The time.
        seconds: u32,
    },
    /// Start.
    Start,
    /// Stop.
    Stop,
    /// Begin to wait anew.
    Reset,
    /// Tell what is left of the time.
    Left,
}

/// Finds out what is wanted.
pub(super) fn asked(what: u64, argument: u64) -> Call {
    Call::Watchdog(match (what as u32, argument as u32) {
        (0, _) => Wish::Tell,
        (1, seconds) => Wish::SetTime { seconds },
        (2, 0) => Wish::Stop,
        (2, 1) => Wish::Start,
        (3, _) => Wish::Reset,
        (4, _) => Wish::Left,
        _ => return Call::Answer(answer::INVALID_PARAMETERS),
    })
}

/// The shortest and the longest time of a watchdog that the manifest gives `longest_ns`, in seconds.
#[must_use]
pub const fn range(longest_ns: u64) -> (u64, u64) {
    let longest = longest_ns / SECOND;
    (1, if longest == 0 { 1 } else { longest })
}

/// A time that is within the range, in nanoseconds.
#[must_use]
pub fn time(seconds: u32, longest_ns: u64) -> Option<u64> {
    let (shortest, longest) = range(longest_ns);
    let seconds = u64::from(seconds);
    (seconds >= shortest && seconds <= longest).then(|| seconds.saturating_mul(SECOND))
}

/// A time in whole seconds, as the driver takes it.
#[must_use]
pub const fn seconds(time_ns: u64) -> u64 {
    time_ns / SECOND
}
