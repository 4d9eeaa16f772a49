//! Crash records, put together from the monitor's lines.

use partita_abi::MAX_PARTITIONS;
use partita_abi::crash::Record;
use partita_abi::health::{Action, Kind};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// Collects the crash records that the monitor tells.
#[derive(Clone, Debug, Default)]
pub struct CrashCollector {
    /// What was told of each partition's record so far.
    open: [Vec<u8>; MAX_PARTITIONS],
    whole: Vec<(usize, Record)>,
}

impl CrashCollector {
    /// Looks at a line of the monitor: whether it is about a crash record.
    pub fn push(&mut self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix("crash ") else {
            return false;
        };
        let mut words = rest.split(' ');
        let (Some(partition), Some(offset), Some(hex), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return false;
        };
        let (Ok(partition), Ok(offset), Some(bytes)) = (
            partition.parse::<usize>(),
            usize::from_str_radix(offset, 16),
            from_hex(hex),
        ) else {
            return false;
        };
        let Some(open) = self.open.get_mut(partition) else {
            return false;
        };
        if offset == 0 {
            open.clear();
        }
        if offset != open.len() {
            // A line was lost on the way: what follows is of no use without it.
            open.clear();
            return true;
        }
        open.extend(bytes);
        if let Some(record) = Record::read(open) {
            open.clear();
            self.whole.push((partition, record));
        }
        true
    }

    /// The records that were told whole, in their order, each with the number of its partition.
    pub fn records(&self) -> &[(usize, Record)] {
        &self.whole
    }

    /// The latest record of a partition.
    pub fn latest(&self, partition: usize) -> Option<&Record> {
        let mut latest = self.whole.iter().rev();
        latest
            .find(|(number, _)| *number == partition)
            .map(|(_, record)| record)
    }
}

/// Reads bytes that are written as two hexadecimal digits each.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8))
        .collect()
}

/// The latest crash record of a partition: the event, and the record itself for `partita crash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CrashReport {
    /// What was found, such as `access-fault`.
    pub kind: String,
    /// What followed: `restart`, `halt`, `stop-system`, `reset-system`, or `log`.
    pub action: String,
    /// Machine time in nanoseconds.
    pub time_ns: u64,
    /// Which of the partition's starts it was, from 1.
    pub boots: u32,
    /// How often the board was started since; then the time counts from an earlier start.
    pub board_starts: u32,
    /// The whole record, two hexadecimal digits for each byte.
    pub record: String,
}

impl CrashReport {
    /// What a record says at first sight.
    pub fn new(record: &Record) -> Self {
        let mut hex = String::new();
        for byte in record.used() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self {
            kind: Kind::from_number(record.event.kind)
                .map_or("unknown", Kind::name)
                .to_owned(),
            action: Action::from_number(record.action)
                .map_or("unknown", Action::name)
                .to_owned(),
            time_ns: record.event.time_ns,
            boots: record.boots,
            board_starts: record.board_starts,
            record: hex,
        }
    }
}
