//! All partitions' lines on one serial port.
//!
//! Each source (the monitor and every partition) has a queue of its own, so that one source cannot
//! tear or delay another's line, and a full queue pushes back on its own source only. Bytes are sent
//! later and a few at a time, by [`Console::drain`]: the work for each call is bounded whatever
//! the sources wrote. The framing is the one of [`partita_abi::console`].

use crate::text::Text;
use partita_abi::console::{CONTINUED, MAX_TEXT, passes};
use partita_abi::name::Name;
use partita_abi::{MAX_PARTITIONS, console};

/// Number of sources: the monitor is the first, partition `i` is source `i + 1`.
pub const SOURCES: usize = MAX_PARTITIONS + 1;
/// Bytes that a source can have waiting.
const QUEUE_BYTES: usize = 4096;
/// Room that a byte may need at most: a record's time, the byte, and the record's end.
const RESERVE: usize = 8 + 1 + 2;
/// A started line goes out without its end when nothing has been added for so long.
const STALE_NS: u64 = 10_000_000;

/// A serial port as the console needs it.
pub trait SerialPort {
    /// Sends a byte, or returns false if the port is busy.
    fn try_send(&mut self, byte: u8) -> bool;
}

struct Source {
    bytes: [u8; QUEUE_BYTES],
    head: usize,
    length: usize,
    /// Records in the queue that have their end.
    complete: usize,
    /// Bytes of text in the record that has no end yet; `None` if there is no such record.
    open: Option<usize>,
    last_byte_ns: u64,
    dropped: u32,
}

impl Source {
    const fn new() -> Self {
        Self {
            bytes: [0; QUEUE_BYTES],
            head: 0,
            length: 0,
            complete: 0,
            open: None,
            last_byte_ns: 0,
            dropped: 0,
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut((self.head + self.length) % QUEUE_BYTES) {
            *place = byte;
            self.length += 1;
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<u8> {
        if self.length == 0 {
            return None;
        }
        let byte = self.bytes.get(self.head).copied();
        self.head = (self.head + 1) % QUEUE_BYTES;
        self.length -= 1;
        byte
    }

    fn has_room(&self) -> bool {
        self.length + RESERVE <= QUEUE_BYTES
    }

    fn end_record(&mut self) {
        self.push(b'\n');
        self.open = None;
        self.complete += 1;
    }

    fn break_record(&mut self) {
        self.push(CONTINUED);
        self.end_record();
    }
}

/// What is on the wire now.
enum Sending {
    Nothing,
    Tag { source: usize, sent: usize },
    Body { source: usize },
}

/// The queues of all sources, and what is being sent.
pub struct Console {
    sources: [Source; SOURCES],
    names: [Option<Name>; SOURCES],
    /// Sources by falling criticality: who is sent first.
    order: [u8; SOURCES],
    tag: Text<64>,
    sending: Sending,
}

impl Console {
    /// A console with empty queues.
    pub const fn new() -> Self {
        Self {
            sources: [const { Source::new() }; SOURCES],
            names: [None; SOURCES],
            order: [0, 1, 2, 3, 4, 5, 6, 7, 8],
            tag: Text::new(),
            sending: Sending::Nothing,
        }
    }

    /// The source of a partition.
    pub const fn source_of(partition: usize) -> usize {
        partition + 1
    }

    /// Names a source, and says that it is sent as the `rank`th of all.
    pub fn name(&mut self, source: usize, name: Name, rank: usize) {
        if let Some(place) = self.names.get_mut(source) {
            *place = Some(name);
        }
        if let Some(place) = self.order.get_mut(rank) {
            *place = source as u8;
        }
    }

    /// Takes a byte from a source at machine time `now_ns`. Returns false, and takes nothing, if the
    /// source's queue is full.
    #[inline]
    pub fn put(&mut self, source: usize, byte: u8, now_ns: u64) -> bool {
        let Some(source) = self.sources.get_mut(source) else {
            return true;
        };
        if !source.has_room() {
            return false;
        }
        if byte != b'\n' && !passes(byte) {
            return true;
        }
        source.last_byte_ns = now_ns;
        let written = match source.open {
            Some(written) => written,
            None => {
                for part in now_ns.to_le_bytes() {
                    source.push(part);
                }
                0
            }
        };
        if byte == b'\n' {
            source.end_record();
            return true;
        }
        source.push(byte);
        source.open = Some(written + 1);
        if written + 1 == MAX_TEXT {
            source.break_record();
        }
        true
    }

    /// Whether a source has room for some dozens of bytes.
    #[inline]
    pub fn is_ready(&self, source: usize) -> bool {
        self.sources
            .get(source)
            .is_none_or(|source| source.length + 4 * RESERVE <= QUEUE_BYTES)
    }

    /// Counts bytes that a source has lost.
    pub fn count_dropped(&mut self, source: usize, bytes: u32) {
        if let Some(source) = self.sources.get_mut(source) {
            source.dropped = source.dropped.saturating_add(bytes);
        }
    }

    /// Bytes that a source has lost.
    pub fn dropped(&self, source: usize) -> u32 {
        self.sources.get(source).map_or(0, |source| source.dropped)
    }

    /// Puts a whole line of the monitor itself. It is dropped whole if there is no room for it.
    pub fn monitor_line(&mut self, line: &[u8], now_ns: u64) {
        let fits = self
            .sources
            .first()
            .is_some_and(|source| source.length + line.len() + RESERVE <= QUEUE_BYTES);
        if !fits {
            self.count_dropped(0, line.len() as u32);
            return;
        }
        for byte in line {
            self.put(0, *byte, now_ns);
        }
        self.put(0, b'\n', now_ns);
    }

    /// Sends started lines that have waited for their end too long.
    #[inline]
    pub fn flush_stale(&mut self, now_ns: u64) {
        for source in &mut self.sources {
            if source.open.is_some() && now_ns.wrapping_sub(source.last_byte_ns) > STALE_NS {
                source.break_record();
            }
        }
    }

    /// Sends all started lines, finished or not.
    pub fn flush(&mut self) {
        for source in &mut self.sources {
            if source.open.is_some() {
                source.break_record();
            }
        }
    }

    /// Whether there is something that can be sent now.
    #[inline]
    pub fn has_output(&self) -> bool {
        !matches!(self.sending, Sending::Nothing)
            || self.sources.iter().any(|source| source.complete != 0)
    }

    /// Whether there is anything that has not been sent, finished lines or not.
    pub fn has_unsent(&self) -> bool {
        self.has_output() || self.sources.iter().any(|source| source.open.is_some())
    }

    /// Sends at most `limit` bytes, and stops early when the port is busy or nothing is left.
    #[inline]
    pub fn drain(&mut self, port: &mut impl SerialPort, limit: usize) {
        for _ in 0..limit {
            if !self.send_one(port) {
                return;
            }
        }
    }

    fn send_one(&mut self, port: &mut impl SerialPort) -> bool {
        match self.sending {
            Sending::Nothing => self.start_record(),
            Sending::Tag { source, sent } => match self.tag.as_bytes().get(sent) {
                Some(byte) => {
                    let done = port.try_send(*byte);
                    if done {
                        self.sending = Sending::Tag {
                            source,
                            sent: sent + 1,
                        };
                    }
                    done
                }
                None => {
                    self.sending = Sending::Body { source };
                    true
                }
            },
            Sending::Body { source } => {
                let Some(queue) = self.sources.get_mut(source) else {
                    return false;
                };
                let Some(byte) = queue.bytes.get(queue.head).copied() else {
                    return false;
                };
                if !port.try_send(byte) {
                    return false;
                }
                queue.pop();
                if byte == b'\n' {
                    queue.complete = queue.complete.saturating_sub(1);
                    self.sending = Sending::Nothing;
                }
                true
            }
        }
    }

    fn start_record(&mut self) -> bool {
        let ready = |number: &u8| {
            self.sources
                .get(usize::from(*number))
                .is_some_and(|source| source.complete != 0)
        };
        let Some(number) = self.order.iter().copied().find(ready).map(usize::from) else {
            return false;
        };
        let Some(source) = self.sources.get_mut(number) else {
            return false;
        };
        let mut time = [0; 8];
        for part in &mut time {
            *part = source.pop().unwrap_or(0);
        }
        let time = u64::from_le_bytes(time);
        self.tag = Text::new();
        self.tag
            .byte(b'[')
            .decimal_padded(time / 1_000_000_000, 5, b' ')
            .byte(b'.')
            .decimal_padded(time % 1_000_000_000, 9, b'0')
            .byte(b' ');
        match self.names.get(number).and_then(Option::as_ref) {
            Some(name) => self.tag.text(name.as_str()),
            None => self.tag.text(console::MONITOR),
        };
        self.tag.text("] ");
        self.sending = Sending::Tag {
            source: number,
            sent: 0,
        };
        true
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Console, SerialPort};
    use partita_abi::name::Name;
    use proptest::prelude::*;

    /// A port that is busy every third time.
    #[derive(Default)]
    struct Port {
        sent: Vec<u8>,
        calls: usize,
    }

    impl SerialPort for Port {
        fn try_send(&mut self, byte: u8) -> bool {
            self.calls += 1;
            if self.calls.is_multiple_of(3) {
                return false;
            }
            self.sent.push(byte);
            true
        }
    }

    fn console() -> Console {
        let mut console = Console::new();
        console.name(1, Name::new("low").unwrap(), 2);
        console.name(2, Name::new("high").unwrap(), 1);
        console
    }

    fn all_output(console: &mut Console) -> String {
        let mut port = Port::default();
        while console.has_output() {
            console.drain(&mut port, 16);
        }
        String::from_utf8(port.sent).unwrap()
    }

    fn put(console: &mut Console, source: usize, text: &str, now_ns: u64) {
        for byte in text.bytes() {
            assert!(console.put(source, byte, now_ns));
        }
    }

    #[test]
    fn lines_of_two_sources_do_not_mix_and_the_critical_one_goes_first() {
        let mut console = console();
        put(&mut console, 1, "hello ", 1_000_000_001);
        put(&mut console, 2, "urgent\n", 2_000_000_000);
        put(&mut console, 1, "world\n", 3_000_000_000);
        assert_eq!(
            all_output(&mut console),
            "[    2.000000000 high] urgent\n[    1.000000001 low] hello world\n"
        );
    }

    #[test]
    fn a_prompt_goes_out_after_a_while_and_is_marked_as_continued() {
        let mut console = console();
        put(&mut console, 1, "login: ", 0);
        console.flush_stale(1000);
        assert!(!console.has_output());
        console.flush_stale(20_000_000);
        assert_eq!(
            all_output(&mut console),
            "[    0.000000000 low] login: \u{1f}\n"
        );
    }

    #[test]
    fn a_full_queue_pushes_back_on_its_own_source_only() {
        let mut console = console();
        let taken = (0..100_000).take_while(|_| console.put(1, b'x', 0)).count();
        assert!(taken > 3000 && !console.is_ready(1));
        assert!(console.put(2, b'y', 0) && console.is_ready(2));
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_partition_can_forge_a_record(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut console = console();
            for byte in &bytes {
                console.put(1, *byte, 7);
            }
            console.flush();
            let mut port = Port::default();
            while console.has_output() {
                console.drain(&mut port, 16);
            }
            for line in port.sent.split_inclusive(|byte| *byte == b'\n') {
                prop_assert!(line.starts_with(b"[    0.000000007 low] "));
            }
            let text: Vec<u8> = port.sent.split(|byte| *byte == b'\n')
                .filter_map(|line| line.strip_prefix(b"[    0.000000007 low] "))
                .flat_map(|line| match line.split_last() {
                    Some((&0x1f, rest)) => rest.to_vec(),
                    _ => [line, b"\n"].concat(),
                })
                .collect();
            let expected: Vec<u8> = bytes.iter().copied()
                .filter(|byte| *byte == b'\n' || partita_abi::console::passes(*byte)).collect();
            prop_assert_eq!(text, expected);
        }
    }
}
