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
