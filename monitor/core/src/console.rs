//! All partitions' lines on one serial port.
//!
//! Each source (the monitor and every partition) has a queue of its own, so that one source cannot
//! tear or delay another's line, and a full queue pushes back on its own source only. Bytes are sent
//! later and a few at a time, by [`Console::drain`]: the work for each call is bounded whatever
//! the sources wrote. The framing is the one of [`partita_abi::console`].

use crate::crash::CrashLine;
use crate::queue::Queue;
use crate::stamp::Stamp;
use crate::text::Text;
use partita_abi::console::{CONTINUED, MAX_TEXT, UART_FIFO_BYTES, passes};
use partita_abi::crash::Record;
use partita_abi::name::Name;
use partita_abi::{MAX_PARTITIONS, console};

/// Number of sources: the monitor is the first, partition `i` is source `i + 1`.
pub const SOURCES: usize = MAX_PARTITIONS + 1;
/// Room that a byte may need at most: a record's time, the byte, and the record's end.
const RESERVE: usize = 8 + 1 + 2;
/// Room that makes a source ready for a whole FIFO of its driver, each byte a record of its own.
const READY: usize = UART_FIFO_BYTES as usize * RESERVE;
/// A started line goes out without its end after so long.
const STALE_NS: u64 = 10_000_000;
/// Bytes that are sent in a call that prepares a tag.
const WITH_TAG: usize = 1;
/// In [`Console::sending`]: no record.
const NOTHING: usize = usize::MAX;
/// In [`Console::sending`]: a line of a crash record.
const CRASH: usize = usize::MAX - 1;
/// What comes between the time and the text of such a line.
const CRASH_LABEL: &[u8] = b" monitor] crash ";
/// Lines of others that go before a line of a crash record, as long as there are any.
const PATIENCE: u8 = 8;

/// A serial port as the console needs it.
pub trait SerialPort {
    /// How many bytes it takes at once now.
    fn room(&mut self) -> usize;
    /// Sends a byte, for which there is room.
    fn send(&mut self, byte: u8);
}

/// Where crash records are.
pub trait CrashRecords {
    /// Copies bytes of a partition's record from `offset` on. Returns how many it has from there on.
    fn copy(&self, partition: usize, offset: usize, to: &mut [u8]) -> usize;
}

#[repr(C)]
struct Source {
    /// Records in the queue that have their end.
    complete: usize,
    /// One more than the bytes of text in the record that has no end yet; 0 if there is none.
    open: usize,
    first_byte_ns: u64,
    opened_ns: u64,
    dropped: u32,
    queue: Queue,
}

impl Source {
    const fn new() -> Self {
        Self {
            queue: Queue::new(),
            complete: 0,
            open: 0,
            first_byte_ns: 0,
            opened_ns: 0,
            dropped: 0,
        }
    }
}

impl Source {
    #[inline(never)]
    fn start_record(&mut self, now_ns: u64) {
        if self.first_byte_ns == 0 {
            self.first_byte_ns = now_ns.max(1);
        }
        for part in now_ns.to_le_bytes() {
            self.queue.push(part);
        }
        self.open = 1;
        self.opened_ns = now_ns;
    }
}

/// The queues of all sources, and what is being sent.
pub struct Console {
    sources: [Source; SOURCES],
    /// What comes between the time and the text of a record of each source.
    labels: [Text<40>; SOURCES],
    /// Sources by falling criticality: who is sent first.
    order: [u8; SOURCES],
    /// Finished records of all sources, the one being sent included.
    complete: usize,
    /// Sources whose record has no end yet.
    open: usize,
    stamp: Stamp,
    label_sent: usize,
    sending: usize,
    /// Partitions whose crash record is to be told, one bit each.
    crashes: u32,
    crash: CrashLine,
    /// Lines of others since the last line of a crash record.
    passed: u8,
}

impl Console {
    /// A console with empty queues.
    pub const fn new() -> Self {
        Self {
            sources: [const { Source::new() }; SOURCES],
            labels: [const { Text::new() }; SOURCES],
            order: [0, 1, 2, 3, 4, 5, 6, 7, 8],
            complete: 0,
            open: 0,
            stamp: Stamp::sent(),
            label_sent: 0,
            sending: NOTHING,
            crashes: 0,
            crash: CrashLine::new(),
            passed: 0,
        }
    }

    /// The source of a partition.
    pub const fn source_of(partition: usize) -> usize {
        partition.wrapping_add(1)
    }

    /// Names a source, and says that it is sent as the `rank`th of all.
    pub fn name(&mut self, source: usize, name: &Name, rank: usize) {
        self.label(source, name.letters());
        if let Some(place) = self.order.get_mut(rank) {
            *place = source as u8;
        }
    }

    #[inline(never)]
    fn label(&mut self, source: usize, name: &[u8]) {
        if let Some(label) = self.labels.get_mut(source) {
            label.clear();
            label.byte(b' ').bytes(name).text("] ");
        }
    }

    /// Takes a byte from a source; `now_ns` tells machine time, if it is asked. Returns false, and takes
    /// nothing, if the source's queue is full.
    #[inline(always)]
    pub fn put(&mut self, number: usize, byte: u8, now_ns: impl FnOnce() -> u64) -> bool {
        if let Some(source) = self.sources.get_mut(number)
            && matches!(byte, 0x20..=0x7e)
            && source.open.wrapping_sub(1) < MAX_TEXT - 2
            && source.queue.has_room(RESERVE)
        {
            // Plain text in the middle of a line: nearly every byte.
            source.queue.push(byte);
            source.open = source.open.saturating_add(1);
            return true;
        }
        self.put_any(number, byte, now_ns())
    }

    #[inline(never)]
    fn put_any(&mut self, number: usize, byte: u8, now_ns: u64) -> bool {
        let Some(source) = self.sources.get_mut(number) else {
            return true;
        };
        if !source.queue.has_room(RESERVE) {
            return false;
        }
        let ends = byte == b'\n';
        if !ends && !passes(byte) {
            return true;
        }
        if source.open == 0 {
            self.open = self.open.saturating_add(1);
            source.start_record(now_ns);
        }
        if !ends {
            source.queue.push(byte);
            source.open = source.open.saturating_add(1);
            if source.open <= MAX_TEXT {
                return true;
            }
            source.queue.push(CONTINUED);
        }
        source.queue.push(b'\n');
        source.open = 0;
        source.complete = source.complete.saturating_add(1);
        self.open = self.open.saturating_sub(1);
        self.complete = self.complete.saturating_add(1);
        true
    }

    /// Machine time at which a source first put a byte, in nanoseconds, or 0 if it has not; and bytes that it has lost.
    pub fn counts(&self, source: usize) -> (u64, u32) {
        self.sources
            .get(source)
            .map_or((0, 0), |source| (source.first_byte_ns, source.dropped))
    }

    /// Whether a source has room for what a 16550's driver sends at once.
    #[inline]
    pub fn is_ready(&self, source: usize) -> bool {
        self.sources
            .get(source)
            .is_none_or(|source| source.queue.has_room(READY))
    }

    /// Counts bytes that a source has lost.
    pub fn count_dropped(&mut self, source: usize, bytes: u32) {
        if let Some(source) = self.sources.get_mut(source) {
            source.dropped = source.dropped.saturating_add(bytes);
        }
    }

    /// Puts a whole line of the monitor itself. It is dropped whole if there is no room for it.
    pub fn monitor_line(&mut self, line: &[u8], now_ns: u64) {
        self.label(0, console::MONITOR.as_bytes());
        let fits = self
            .sources
            .first()
            .is_some_and(|source| source.queue.has_room(line.len() + RESERVE));
        if !fits {
            self.count_dropped(0, line.len() as u32);
            return;
        }
        for byte in line {
            self.put(0, *byte, || now_ns);
        }
        self.put(0, b'\n', || now_ns);
    }

    /// Has the crash record of a partition told, from its beginning.
    pub fn tell_crash(&mut self, partition: usize) {
        self.crashes |= 1 << (partition % MAX_PARTITIONS);
        if self.crash.partition == partition {
            self.crash.start_over();
        }
    }

    /// Whether the crash record of a partition has not been told to its end.
    pub const fn is_telling(&self, partition: usize) -> bool {
        self.crashes >> (partition % MAX_PARTITIONS) & 1 != 0
    }

    /// Sends lines that were started long ago.
    #[inline]
    pub fn flush_stale(&mut self, now_ns: u64) {
        if self.open != 0 {
            self.flush_older_than(now_ns.saturating_sub(STALE_NS));
        }
    }

    /// Sends all started lines, finished or not.
    pub fn flush(&mut self) {
        self.flush_older_than(u64::MAX);
    }

    fn flush_older_than(&mut self, time_ns: u64) {
        for source in &mut self.sources {
            if source.open != 0 && source.opened_ns < time_ns {
                source.queue.push(CONTINUED);
                source.queue.push(b'\n');
                source.open = 0;
                source.complete = source.complete.saturating_add(1);
                self.open = self.open.saturating_sub(1);
                self.complete = self.complete.saturating_add(1);
            }
        }
    }

    /// Whether there is something that can be sent now.
    #[inline]
    pub fn has_output(&self) -> bool {
        self.complete != 0 || self.crashes != 0
    }

    /// Whether there is anything that has not been sent, finished lines or not.
    #[inline]
    pub fn has_unsent(&self) -> bool {
        self.has_output() || self.open != 0
    }

    /// Sends at most `limit` bytes, and stops early when the port is busy, a record ends, or nothing is
    /// left. A call that has to prepare a tag sends only a few bytes, which bounds the work of each; it
    /// does send some, as a port that interrupts when it becomes empty has to be fed to interrupt again.
    pub fn drain(&mut self, port: &mut impl SerialPort, limit: usize, records: &impl CrashRecords) {
        let mut left = limit.min(port.room());
        if self.sending == NOTHING && left != 0 {
            self.start_record(records);
            left = left.min(WITH_TAG);
        }
        let label = match self.labels.get(self.sending) {
            Some(label) => label.as_bytes(),
            None if self.sending == CRASH => CRASH_LABEL,
            None => return,
        };
        while left != 0 {
            left -= 1;
            if let Some(byte) = self.stamp.next() {
                port.send(byte);
                continue;
            }
            if let Some(byte) = label.get(self.label_sent) {
                self.label_sent += 1;
                port.send(*byte);
                continue;
            }
            let byte = match self.sources.get_mut(self.sending) {
                Some(source) => source.queue.pop().unwrap_or(b'\n'),
                None => self.crash.next(),
            };
            port.send(byte);
            if byte == b'\n' {
                if let Some(source) = self.sources.get_mut(self.sending) {
                    source.complete = source.complete.saturating_sub(1);
                    self.complete = self.complete.saturating_sub(1);
                } else if self.crash.is_last {
                    self.crashes &= !(1 << (self.crash.partition % MAX_PARTITIONS));
                }
                self.sending = NOTHING;
                return;
            }
        }
    }

    /// Prepares the tag of the next finished record, if there is one.
    fn start_record(&mut self, records: &impl CrashRecords) {
        let ready = |number: &u8| {
            self.sources
                .get(usize::from(*number))
                .is_some_and(|source| source.complete != 0)
        };
        let ready = self.order.iter().copied().find(ready).map(usize::from);
        let mut time = [0; 8];
        let sending = if self.crashes != 0 && (ready.is_none() || self.passed >= PATIENCE) {
            self.start_crash_line(&mut time, records);
            CRASH
        } else {
            let Some(number) = ready else {
                return;
            };
            let Some(source) = self.sources.get_mut(number) else {
                return;
            };
            for part in &mut time {
                *part = source.queue.pop().unwrap_or(0);
            }
            self.passed = self.passed.saturating_add(1);
            number
        };
        self.stamp.set(u64::from_le_bytes(time));
        self.label_sent = 0;
        self.sending = sending;
    }

    /// Prepares the next line of a crash record.
    #[cold]
    fn start_crash_line(&mut self, time: &mut [u8; 8], records: &impl CrashRecords) {
        self.passed = 0;
        if self.crash.offset == 0 {
            self.crash.partition = self.crashes.trailing_zeros() as usize;
        }
        let partition = self.crash.partition;
        let left = records.copy(partition, self.crash.offset, &mut self.crash.bytes);
        self.crash.start(left);
        records.copy(
            partition,
            core::mem::offset_of!(Record, event.time_ns),
            time,
        );
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Console, CrashRecords, SerialPort};
    use partita_abi::crash::Record;
    use partita_abi::name::Name;
    use proptest::prelude::*;
    use zerocopy::FromZeros;

    /// A port that takes up to six bytes at once, and is busy now and then.
    #[derive(Default)]
    struct Port {
        sent: Vec<u8>,
        calls: usize,
        room: usize,
    }

    impl SerialPort for Port {
        fn room(&mut self) -> usize {
            self.calls += 1;
            self.room = self.calls % 7;
            self.room
        }
        fn send(&mut self, byte: u8) {
            assert!(self.room > 0, "sent without room");
            self.room -= 1;
            self.sent.push(byte);
        }
    }

    /// A record for each partition, with the partition's number in it.
    struct Records;

    impl Records {
        fn record(partition: usize) -> Record {
            let mut record = Record::new_zeroed();
            record.partition = Name::new(["low", "high"][partition]).unwrap();
            record.event.core = partition as u8;
            record.event.time_ns = 7;
            record.stack_words = 1;
            record.seal();
            record
        }
    }

    impl CrashRecords for Records {
        fn copy(&self, partition: usize, offset: usize, to: &mut [u8]) -> usize {
            let record = Self::record(partition);
            let bytes = &record.used()[offset..];
            let length = bytes.len().min(to.len());
            to[..length].copy_from_slice(&bytes[..length]);
            bytes.len()
        }
    }

    fn console() -> Console {
        let mut console = Console::new();
        console.name(1, &Name::new("low").unwrap(), 2);
        console.name(2, &Name::new("high").unwrap(), 1);
        console
    }

    fn all_output(console: &mut Console) -> String {
        let mut port = Port::default();
        while console.has_output() {
            console.drain(&mut port, 16, &Records);
        }
        String::from_utf8(port.sent).unwrap()
    }

    fn put(console: &mut Console, source: usize, text: &str, now_ns: u64) {
        for byte in text.bytes() {
            assert!(console.put(source, byte, || now_ns));
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
        let taken = (0..100_000)
            .take_while(|_| console.put(1, b'x', || 0))
            .count();
        assert!(taken > 3000 && !console.is_ready(1));
        assert!(console.put(2, b'y', || 0) && console.is_ready(2));
    }

    /// The crash records in lines of the monitor.
    fn told(output: &str) -> Vec<Record> {
        let mut records: Vec<Vec<u8>> = Vec::new();
        for line in output.lines() {
            let Some((_, told)) = line.split_once("[    0.000000007 monitor] crash ") else {
                continue;
            };
            let [_, offset, hex] = told.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            if offset == "0000" {
                records.push(Vec::new());
            }
            let bytes = records.last_mut().unwrap();
            assert_eq!(usize::from_str_radix(offset, 16), Ok(bytes.len()));
            let digits = hex.as_bytes().chunks(2);
            let digits = digits.map(|pair| std::str::from_utf8(pair).unwrap());
            bytes.extend(digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()));
        }
        let records = records.into_iter();
        records.map(|bytes| Record::read(&bytes).unwrap()).collect()
    }

    #[test]
    fn crash_records_are_told_whole_while_others_talk() {
        let mut console = console();
        console.tell_crash(1);
        console.tell_crash(0);
        let mut port = Port::default();
        for _ in 0..40_000 {
            // A source that always has something to say.
            console.put(1, b'x', || 7);
            console.put(1, b'\n', || 7);
            console.drain(&mut port, 16, &Records);
        }
        let output = String::from_utf8(port.sent).unwrap();
        let records = told(&output);
        let cores: Vec<_> = records.iter().map(|record| record.event.core).collect();
        assert_eq!(cores, [0, 1]);
        let others = output.matches("low] x").count();
        assert!(others > 7 * output.matches("crash ").count());
    }

    #[test]
    fn a_record_that_is_replaced_while_it_is_told_is_told_anew() {
        let mut console = console();
        console.tell_crash(1);
        let mut port = Port::default();
        for _ in 0..50 {
            console.drain(&mut port, 16, &Records);
        }
        console.tell_crash(1);
        let begun = String::from_utf8(port.sent).unwrap();
        assert!(begun.contains("monitor] crash 1 0000"), "{begun}");
        let rest = all_output(&mut console);
        let tag = "[    0.000000007 monitor] crash 1 0000";
        assert_eq!(told(&rest[rest.find(tag).unwrap()..]).len(), 1);
        assert!(!console.has_output());
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_partition_can_forge_a_record(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut console = console();
            for byte in &bytes {
                console.put(1, *byte, || 7);
            }
            console.flush();
            let mut port = Port::default();
            while console.has_output() {
                console.drain(&mut port, 16, &Records);
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
