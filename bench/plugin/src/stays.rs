//! Stays in the firmware: from the first instruction of the trap handler to the return from it.

use crate::findings::{Page, Stays};
use crate::histogram::Histogram;
use std::collections::BTreeMap;

/// In [`Cause::number`]: a stay that went on after the hart had waited in the firmware.
pub const WAITED: u64 = u64::MAX;

/// Why the firmware was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// Its number, as the architecture has it.
    pub number: u64,
    /// For a call: what is called.
    pub call: (u64, u64),
}

/// What is known when the firmware is entered.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Why.
    pub cause: Cause,
    /// The range whose instructions ran before.
    pub from: usize,
    /// What was interrupted.
    pub program_counter: u64,
    /// The address or instruction that the cause is about.
    pub value: u64,
    /// The address that was denied, if that is the cause.
    pub denied: Option<u64>,
    /// Instructions that this hart had executed.
    pub count: u64,
    /// Of these, the firmware's.
    pub firmware: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    cause: Cause,
    from: usize,
    to: usize,
    after_init: bool,
}

/// A stay that has ended; who runs next is not known before the next one begins.
#[derive(Clone, Copy, Debug)]
struct Ended {
    entry: Entry,
    /// The firmware's instructions in it: QEMU leaves out the calls of some ways through the firmware, and then a
    /// partition runs before the end is seen.
    length: u64,
    /// Instructions that the hart had executed at its end.
    end: u64,
    after_init: bool,
}

#[derive(Clone, Debug, Default)]
struct Hart {
    open: Option<Entry>,
    ended: Option<Ended>,
}

#[derive(Clone, Debug, Default)]
struct Kind {
    histogram: Histogram,
    longest: [u64; 3],
}

/// All stays of a run.
#[derive(Clone, Debug, Default)]
pub struct Book {
    harts: BTreeMap<u32, Hart>,
    kinds: BTreeMap<Key, Kind>,
    pages: BTreeMap<u64, (u64, Histogram)>,
    /// The range of Linux.
    linux: Option<usize>,
    /// Whether Linux has reached its first user instruction.
    pub after_init: bool,
    /// Instructions of stays from Linux to Linux, and their number.
    pub for_linux: (u64, u64),
}

impl Book {
    /// An empty book, for a system with Linux in this range.
    pub fn new(linux: Option<usize>) -> Self {
        Self {
            linux,
            ..Self::default()
        }
    }

    /// The firmware was entered.
    pub fn enter(&mut self, hart: u32, entry: Entry) {
        self.settle(hart, entry.from);
        self.harts.entry(hart).or_default().open = Some(entry);
    }

    /// The hart waits in the firmware: what follows is another stay, and comes from nobody.
    pub fn wait(&mut self, hart: u32, (count, firmware): (u64, u64), nobody: usize) {
        let before = self.harts.entry(hart).or_default().open;
        self.leave(hart, (count, firmware));
        self.settle(hart, nobody);
        let cause = Cause {
            number: WAITED,
            call: (0, 0),
        };
        if let Some(before) = before {
            let entry = Entry {
                cause,
                from: nobody,
                count: count + 1,
                firmware: firmware + 1,
                ..before
            };
            self.harts.entry(hart).or_default().open = Some(entry);
        }
    }

    /// The firmware's last instruction is executed, after `count` others, of which `firmware` are the firmware's.
    pub fn leave(&mut self, hart: u32, (count, firmware): (u64, u64)) {
        let after_init = self.after_init;
        let hart = self.harts.entry(hart).or_default();
        if let Some(entry) = hart.open.take() {
            let length = firmware + 1 - entry.firmware;
            hart.ended = Some(Ended {
                entry,
                length,
                end: count + 1,
                after_init,
            });
        }
    }

    /// Whether nothing ran on the hart since its last stay: it was interrupted before the first
    /// instruction, so nobody has shown yet who was to run.
    pub fn nothing_ran(&self, hart: u32, count: u64) -> bool {
        let ended = self.harts.get(&hart).and_then(|hart| hart.ended);
        ended.is_some_and(|ended| ended.end == count)
    }

    /// Who was interrupted last, and when.
    pub fn last(&self, hart: u32) -> Option<Entry> {
        let hart = self.harts.get(&hart)?;
        hart.open.or(hart.ended.map(|ended| ended.entry))
    }

    /// `to` ran after the last stay.
    pub fn settle(&mut self, hart: u32, to: usize) {
        let Some(ended) = self.harts.entry(hart).or_default().ended.take() else {
            return;
        };
        let Entry { cause, from, .. } = ended.entry;
        let is_linux = |range| Some(range) == self.linux;
        if is_linux(from) && is_linux(to) {
            self.for_linux.0 += ended.length;
            self.for_linux.1 += 1;
            if let Some(address) = ended.entry.denied {
                let (offset, histogram) = self.pages.entry(address & !0xfff).or_default();
                *offset = (*offset).max(address & 0xfff);
                histogram.add(ended.length as i64);
            }
        }
        let key = Key {
            cause,
            from,
            to,
            after_init: ended.after_init,
        };
        let kind = self.kinds.entry(key).or_default();
        if kind
            .histogram
            .max()
            .is_none_or(|max| (ended.length as i64) > max)
        {
            let entry = ended.entry;
            kind.longest = [entry.program_counter, entry.value, entry.count];
        }
        kind.histogram.add(ended.length as i64);
    }

    /// The findings about stays; `ranges` are the names.
    pub fn stays(&self, ranges: &[String], name_of: impl Fn(Cause) -> String) -> Vec<Stays> {
        let name = |range: usize| ranges.get(range).cloned().unwrap_or_default();
        let stays = self.kinds.iter().map(|(key, kind)| Stays {
            cause: name_of(key.cause),
            from: name(key.from),
            to: name(key.to),
            after_init: key.after_init,
            lengths: kind.histogram.lengths(),
            longest: kind.longest,
        });
        stays.collect()
    }

    /// The findings about denied accesses of Linux.
    pub fn pages(&self) -> Vec<Page> {
        let pages = self
            .pages
            .iter()
            .map(|(address, (offset, histogram))| Page {
                address: *address,
                greatest_offset: *offset,
                lengths: histogram.lengths(),
            });
        pages.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Book, Cause, Entry, Stays};

    const FIRMWARE: usize = 0;
    const LINUX: usize = 1;
    const OTHER: usize = 2;
    const CALL: u64 = 9;
    const DENIED: u64 = 5;

    fn entry(number: u64, from: usize, count: u64) -> Entry {
        let cause = Cause {
            number,
            call: (0x5449_4d45, 0),
        };
        Entry {
            cause,
            from,
            program_counter: 0x10,
            value: 0x2005,
            denied: (number == DENIED).then_some(0x2005),
            count,
            firmware: count,
        }
    }

    fn stays(book: &Book) -> Vec<Stays> {
        let names = ["firmware", "linux", "other"].map(str::to_owned);
        book.stays(&names, |cause| cause.number.to_string())
    }

    #[test]
    fn a_stay_on_behalf_of_linux_comes_from_it_and_goes_back() {
        let mut book = Book::new(Some(LINUX));
        book.enter(0, entry(CALL, LINUX, 100));
        book.leave(0, (149, 149));
        book.enter(0, entry(DENIED, LINUX, 200));
        book.leave(0, (299, 299));
        book.settle(0, OTHER);
        assert_eq!(book.for_linux, (50, 1));
        let stays = stays(&book);
        let denied = stays
            .iter()
            .find(|stay| stay.cause == "5")
            .expect("one stay");
        assert_eq!((denied.to.as_str(), denied.lengths.max), ("other", 100));
        let call = stays
            .iter()
            .find(|stay| stay.cause == "9")
            .expect("one stay");
        assert_eq!(call.lengths.max, 50);
    }

    #[test]
    fn denied_accesses_are_kept_by_their_page() {
        let mut book = Book::new(Some(LINUX));
        book.enter(0, entry(DENIED, LINUX, 0));
        book.leave(0, (9, 9));
        book.settle(0, LINUX);
        let pages = book.pages();
        assert_eq!((pages[0].address, pages[0].greatest_offset), (0x2000, 5));
        assert_eq!(pages[0].lengths.max, 10);
    }

    #[test]
    fn waiting_splits_a_stay() {
        let mut book = Book::new(Some(LINUX));
        book.enter(0, entry(CALL, LINUX, 0));
        book.wait(0, (99, 99), FIRMWARE);
        book.leave(0, (119, 119));
        book.settle(0, LINUX);
        let stays = stays(&book);
        assert_eq!(
            stays
                .iter()
                .map(|stay| stay.lengths.max)
                .collect::<Vec<_>>(),
            [100, 20]
        );
        assert_eq!(book.for_linux, (0, 0));
    }

    #[test]
    fn harts_do_not_mix() {
        let mut book = Book::new(Some(LINUX));
        book.enter(0, entry(CALL, LINUX, 0));
        book.enter(1, entry(CALL, LINUX, 0));
        book.leave(1, (9, 9));
        book.leave(0, (99, 99));
        book.settle(0, LINUX);
        book.settle(1, LINUX);
        assert_eq!(book.for_linux, (110, 2));
    }
}
