//! The console of a partition that has a serial port for itself: its bytes come without a frame, and without a
//! time. They get the time of the latest record of the others.

use crate::splitter::{Record, Source};
use crate::threads::Chunk;
use partita_abi::console::{MAX_TEXT, passes};
use std::sync::mpsc::Sender;

/// The console, and what it has to be told.
pub(crate) struct OwnConsole {
    partition: usize,
    port: Sender<Chunk>,
    /// Whether anything came from it: before, what is sent may be lost.
    spoken: bool,
    held: Vec<Chunk>,
}

impl OwnConsole {
    pub(crate) const fn new(partition: usize, port: Sender<Chunk>) -> Self {
        Self {
            partition,
            port,
            spoken: false,
            held: Vec::new(),
        }
    }

    /// The partition.
    pub(crate) const fn partition(&self) -> usize {
        self.partition
    }

    /// Sends input, as soon as there is somebody who reads it.
    pub(crate) fn send(&mut self, chunk: Chunk) {
        if self.spoken {
            // It fails only if QEMU has closed its input, and then its output tells why.
            let _ = self.port.send(chunk);
        } else {
            self.held.push(chunk);
        }
    }

    /// Takes what came from the port and hands it on as the monitor would have framed it.
    pub(crate) fn push(&mut self, bytes: &[u8], time_ns: u64, mut record: impl FnMut(Record)) {
        self.spoken = true;
        for chunk in std::mem::take(&mut self.held) {
            self.send(chunk);
        }
        records(self.partition, bytes, time_ns, &mut record);
    }
}

fn records(partition: usize, bytes: &[u8], time_ns: u64, record: &mut impl FnMut(Record)) {
    let mut emit = |text: &[u8], continued| {
        record(Record {
            source: Source::Partition(partition),
            time_ns,
            text: text.to_vec(),
            continued,
        });
    };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let ends = line.ends_with(b"\n");
        let text: Vec<u8> = line.iter().copied().filter(|byte| passes(*byte)).collect();
        let mut pieces = text.chunks(MAX_TEXT).peekable();
        if pieces.peek().is_none() && ends {
            emit(b"", false);
        }
        while let Some(piece) = pieces.next() {
            emit(piece, !ends || pieces.peek().is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::records;
    use crate::joiner::Joiner;
    use crate::splitter::Source;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            records(1, chunk, 5, &mut |record| {
                assert_eq!((record.source, record.time_ns), (Source::Partition(1), 5));
                lines.extend(joiner.push(record, |_| {}));
            });
        }
        lines.extend(joiner.finish());
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_the_same_however_their_bytes_arrive() {
        let text = b"one\r\n\r\ntwo \x01words\r\nlog";
        let whole = lines(&[text]);
        assert_eq!(whole, ["one", "", "two words", "log"]);
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&single), whole);
    }

    #[test]
    fn a_long_line_stays_one() {
        let long = [b'x'; 1000];
        assert_eq!(lines(&[&long, b"\n"]), [String::from_utf8_lossy(&long)]);
    }
}
