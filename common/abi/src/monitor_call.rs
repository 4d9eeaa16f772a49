//! The Partita SBI extension: what a partition may ask beyond the standard SBI.
//!
//! Called like any SBI extension (RISC-V SBI 2.0, chapter 3): `a7` holds [`EXTENSION`], `a6` the
//! function, `a0`… the arguments; an error returns in `a0`, a value in `a1`.

/// The extension id, in the range that SBI 2.0 (chapter 3.1) leaves to experimental extensions.
pub const EXTENSION: u64 = 0x0850_4152;

/// Adds to the caller's deadline record. `a0`: deadlines met, `a1`: deadlines missed, `a2`: the
/// worst wake-up latency in nanoseconds, each since the last report.
pub const REPORT_DEADLINES: u64 = 0;
/// Takes the next pending interrupt of the caller. Returns the line, or 0 if none is pending. The
/// line stays masked until [`INTERRUPT_COMPLETE`].
pub const INTERRUPT_CLAIM: u64 = 1;
/// Ends the handling of line `a0`, which the caller has claimed.
pub const INTERRUPT_COMPLETE: u64 = 2;
/// The caller cannot go on: it is stopped, and `a0` goes into the health event.
pub const PANIC: u64 = 3;
/// Starts the caller's watchdog: unless it is reset within `a0` nanoseconds, and again and again from
/// then on, that is a health event. 0 takes the time of the manifest, which is also the longest;
/// [`SHORTEST_WATCHDOG_NS`] is the shortest. It cannot be stopped.
pub const WATCHDOG_START: u64 = 4;
/// The shortest time of a watchdog in nanoseconds. Each time that one expires takes time from whoever is more
/// critical on its core.
pub const SHORTEST_WATCHDOG_NS: u64 = 1_000_000;
/// Resets the caller's watchdog.
pub const WATCHDOG_PET: u64 = 5;
/// Copies a boot measurement to the caller's memory: `a0` is its index, `a1` the address and `a2` the size of
/// a buffer for a [`Measurement`](crate::measurement::Measurement), at a multiple of 8. Returns the number of
/// measurements.
pub const MEASUREMENT: u64 = 6;
/// Takes the oldest health event of another partition that the manifest wants the caller to know of.
/// Returns `NOTIFICATION_VALID | partition << 8 | kind`, or 0 if there is none.
pub const NOTIFICATION_TAKE: u64 = 7;

/// Arm: writes to the caller's console: `x1` is the address and `x2` the size of the bytes. Returns how many were
/// taken.
pub const CONSOLE_WRITE: u64 = 8;
/// Arm: reads from the caller's console: `x1` is the address and `x2` the size of a buffer. Returns how many bytes
/// there were.
pub const CONSOLE_READ: u64 = 9;
/// Arm: writes the byte in `x1` to the caller's console.
pub const CONSOLE_WRITE_BYTE: u64 = 10;
/// Arm: gives other cores of the caller's partition a software interrupt: `x1` has a bit for each, by the partition's
/// own numbers. A core finds which interrupt that is in its device tree.
pub const CALL_CORES: u64 = 12;

/// Arm: what is added to the number of a call to make it a function identifier: a fast call with 64-bit arguments in
/// the range of OEM services (SMC Calling Convention 1.2, DEN0028, 2.5). Arguments are in `x1` to `x3`; an error
/// returns in `x0`, a value in `x1`, all other registers are preserved. Errors are those of the SBI.
pub const SMC_BASE: u64 = 0xc300_0000;

/// Arm: the function identifier of Linux's watchdog, whose stock driver calls it (Linux, `drivers/watchdog/arm_smc_wdt.c`):
/// `x1` is 0 to ask for the range of timeouts, 1 to set one, 2 to start or stop, 3 to reset it, 4 to ask for the time left.
pub const SMC_WATCHDOG: u64 = 0x8200_3d06;

/// Set in a value of [`NOTIFICATION_TAKE`] that is a notification.
pub const NOTIFICATION_VALID: u64 = 1 << 31;
/// What [`INTERRUPT_CLAIM`] returns, after all lines, when there are notifications to take. It needs no
/// completion.
pub const NOTIFICATION_LINE: u64 = 0xffff;
