//! The framing of all partitions' output on the one serial port, and of the input to it.
//!
//! Output is a sequence of records, one on a line, which a person can read as they are:
//!
//! ```text
//! [    1.234567890 linux] text of the line
//! [    1.240000100 linux] login: <US>
//! ```
//!
//! `seconds.nanoseconds` is machine time at the first byte of the record. A record that ends in
//! [`CONTINUED`] is the beginning of a line: the next record of that partition continues it. Bytes
//! below 0x20 other than tab, escape and backspace never come from a partition, so none can forge a
//! record. Lines of the monitor itself carry [`MONITOR`] as their name.
//!
//! Input goes to one partition, the one in focus. [`ESCAPE`] starts a command to the monitor: a
//! digit moves the focus to the partition of that index in the system table, [`COMMAND_END`] ends
//! the run with a status block, and a second [`ESCAPE`] is that byte itself.

/// The name under which the monitor prints its own lines.
pub const MONITOR: &str = "monitor";
/// Ends a record whose line goes on in the partition's next record (ASCII unit separator).
pub const CONTINUED: u8 = 0x1f;
/// Starts a command to the monitor in the input (ASCII group separator, Ctrl-]).
pub const ESCAPE: u8 = 0x1d;
/// After [`ESCAPE`]: print the status block and end the run.
pub const COMMAND_END: u8 = b'q';
/// The most bytes of a partition's text in one record.
pub const MAX_TEXT: usize = 240;

/// Depth of an emulated 16550's transmit FIFO in bytes, as the partition's device tree says.
pub const UART_FIFO_BYTES: u32 = 128;

/// Whether a partition's byte goes out as it is; all others are dropped, except a line feed, which
/// ends the record.
pub const fn passes(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x1b | 0x08 | 0x20..=0x7e | 0x80..=0xff)
}
