//! The bytes of the serial port, split into the records that the monitor framed.
//!
//! The framing is [`partita_abi::console`]'s. No partition can forge a record, because none can send a
//! line feed; what is not a record (a line from before the monitor's start, or a damaged one) is kept
//! as the machine's own output. The result does not depend on how the bytes arrive in chunks.

use partita_abi::console::{CONTINUED, MONITOR};

/// The longest line that is waited for; a longer one is no record.
const MAX_LINE: usize = 4096;

/// Who wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The partition of this index in the system table.
    Partition(usize),
    /// The monitor.
    Monitor,
    /// Nobody who could be told: it was not in a record.
    Machine,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who wrote it.
    pub source: Source,
    /// Machine time of its first byte in nanoseconds; 0 for [`Source::Machine`].
    pub time_ns: u64,
    /// Its text.
    pub text: Vec<u8>,
    /// Whether the line goes on in the next record of the same source.
    pub continued: bool,
}

/// Splits a stream of bytes into records.
#[derive(Clone, Debug)]
pub struct Splitter {
    names: Vec<String>,
    line: Vec<u8>,
}

impl Splitter {
    /// A splitter for a system with these partitions, in the order of its system table.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            names: names.into_iter().collect(),
            line: Vec::new(),
        }
    }

    /// How many partitions it knows.
    pub const fn partitions(&self) -> usize {
        self.names.len()
    }

    /// Takes the next bytes and hands on the records that they complete.
    pub fn push(&mut self, bytes: &[u8], mut record: impl FnMut(Record)) {
        for byte in bytes {
            if *byte == b'\n' {
                record(self.take());
            } else {
                self.line.push(*byte);
                if self.line.len() == MAX_LINE {
                    record(machine(std::mem::take(&mut self.line), true));
                }
            }
        }
    }

    /// Hands on what is left at the end of the stream.
    pub fn finish(&mut self, mut record: impl FnMut(Record)) {
        if !self.line.is_empty() {
            record(self.take());
        }
    }

    fn take(&mut self) -> Record {
        let line = std::mem::take(&mut self.line);
        self.parse(&line).unwrap_or_else(|| {
            let end = line.strip_suffix(b"\r").unwrap_or(&line);
            machine(end.to_vec(), false)
        })
    }

    fn parse(&self, line: &[u8]) -> Option<Record> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let rest = line.strip_prefix(b"[")?.trim_ascii_start();
        let head_end = rest.iter().position(|byte| *byte == b']')?;
        let (head, text) = rest.split_at_checked(head_end)?;
        let (time, name) = std::str::from_utf8(head).ok()?.split_once(' ')?;
        // An empty text may lose its space on the way.
        let text = match text {
            b"]" => b"",
            _ => text.strip_prefix(b"] ")?,
        };
        let source = if name == MONITOR {
            Source::Monitor
        } else {
            Source::Partition(self.names.iter().position(|known| known == name)?)
        };
        let (text, continued) = match text.strip_suffix(&[CONTINUED]) {
            Some(text) => (text, true),
            None => (text, false),
        };
        Some(Record {
            source,
            time_ns: nanoseconds(time)?,
            text: text.to_vec(),
            continued,
        })
    }
}

const fn machine(text: Vec<u8>, continued: bool) -> Record {
    Record {
        source: Source::Machine,
        time_ns: 0,
        text,
        continued,
    }
}

/// Reads `seconds.nanoseconds`, the latter with all nine digits.
fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.len() != 9 || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(fraction.parse().ok()?)
}
