//! Records, joined to the lines that their partitions wrote.

use crate::splitter::{Record, Source};

/// The longest line in bytes that is kept together, so that a partition that never ends its line
/// cannot fill the host's memory.
const MAX_LINE: usize = 16 * 1024;

/// A line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who wrote it.
    pub source: Source,
    /// Machine time of its first byte in nanoseconds.
    pub time_ns: u64,
    /// Its text as it came; what is not UTF-8 is replaced.
    pub text: String,
    /// Whether it was cut: it was too long, or the run ended within it.
    pub continued: bool,
}

impl Line {
    /// The index of the partition that wrote it.
    pub const fn partition(&self) -> Option<usize> {
        match self.source {
            Source::Partition(index) => Some(index),
            Source::Monitor | Source::Machine => None,
        }
    }
}

/// A part of a line, told as soon as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Who wrote it.
    pub source: Source,
    /// Machine time of the line's first byte in nanoseconds.
    pub time_ns: u64,
    /// Its bytes.
    pub text: &'a [u8],
    /// Whether it is the line's first piece.
    pub starts_line: bool,
    /// Whether it is the line's last piece.
    pub ends_line: bool,
}

#[derive(Clone, Debug)]
struct Open {
    source: Source,
    time_ns: u64,
    text: Vec<u8>,
}

impl Open {
    fn line(self, continued: bool) -> Line {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        Line {
            source: self.source,
            time_ns: self.time_ns,
            text,
            continued,
        }
    }
}

/// Joins records to lines.
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    open: Vec<Open>,
}

impl Joiner {
    /// Takes the next record and hands on its piece, and the line if it is complete now.
    pub fn push(&mut self, record: Record, piece: impl FnOnce(&Piece<'_>)) -> Option<Line> {
        let Record {
            source,
            time_ns,
            text,
            continued,
        } = record;
        let before = self.open.iter().position(|open| open.source == source);
        let starts_line = before.is_none();
        let mut open = match before {
            Some(index) => self.open.swap_remove(index),
            None => Open {
                source,
                time_ns,
                text: Vec::new(),
            },
        };
        let cut = continued && open.text.len() + text.len() > MAX_LINE;
        let ends_line = !continued || cut;
        piece(&Piece {
            source,
            time_ns: open.time_ns,
            text: &text,
            starts_line,
            ends_line,
        });
        open.text.extend_from_slice(&text);
        if ends_line {
            return Some(open.line(cut));
        }
        self.open.push(open);
        None
    }

    /// The lines that no record has ended, in the order of their first bytes.
    pub fn finish(&mut self) -> Vec<Line> {
        let mut open = std::mem::take(&mut self.open);
        open.sort_by_key(|open| open.time_ns);
        open.into_iter().map(|open| open.line(true)).collect()
    }
}
