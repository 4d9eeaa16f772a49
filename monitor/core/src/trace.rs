//! The last rare things that the monitor did for each partition: what a crash record ends with.

use partita_abi::MAX_PARTITIONS;
use partita_abi::crash::{TRACE_ENTRIES, TraceEntry};

const NOTHING: TraceEntry = TraceEntry {
    time_ns: 0,
    value: 0,
    more: 0,
    what: 0,
    detail: 0,
    core: 0,
    repeats: 0,
};

#[derive(Clone, Copy, Debug)]
struct Ring {
    entries: [TraceEntry; TRACE_ENTRIES],
    /// Entries ever put in.
    stored: usize,
}

/// The latest entries of each partition.
#[derive(Debug)]
pub struct TraceLog {
    rings: [Ring; MAX_PARTITIONS],
}

impl TraceLog {
    /// An empty log.
    pub const fn new() -> Self {
        Self {
            rings: [Ring {
                entries: [NOTHING; TRACE_ENTRIES],
                stored: 0,
            }; MAX_PARTITIONS],
        }
    }

    /// Adds an entry of a partition. One that is like the latest, but for its time, is counted there: a
    /// flood of one thing must not push the others out.
    pub fn note(&mut self, partition: usize, entry: TraceEntry) {
        let Some(ring) = self.rings.get_mut(partition) else {
            return;
        };
        let latest = ring.stored.wrapping_sub(1) % TRACE_ENTRIES;
        if let Some(latest) = ring.entries.get_mut(latest).filter(|_| ring.stored != 0) {
            let same = TraceEntry {
                time_ns: latest.time_ns,
                repeats: latest.repeats,
                ..entry
            };
            if *latest == same {
                latest.repeats = latest.repeats.saturating_add(1);
                return;
            }
        }
        if let Some(place) = ring.entries.get_mut(ring.stored % TRACE_ENTRIES) {
            *place = entry;
        }
        ring.stored = ring.stored.wrapping_add(1);
    }

    /// Copies a partition's entries, oldest first, and returns how many there are.
    pub fn copy(&self, partition: usize, to: &mut [TraceEntry; TRACE_ENTRIES]) -> usize {
        let Some(ring) = self.rings.get(partition) else {
            return 0;
        };
        let count = ring.stored.min(TRACE_ENTRIES);
        for (number, place) in to.iter_mut().enumerate().take(count) {
            let index = ring.stored.wrapping_sub(count).wrapping_add(number) % TRACE_ENTRIES;
            if let Some(entry) = ring.entries.get(index) {
                *place = *entry;
            }
        }
        count
    }
}

impl Default for TraceLog {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{NOTHING, TraceLog};
    use partita_abi::crash::{TRACE_ENTRIES, TraceEntry};

    fn entry(value: u64) -> TraceEntry {
        TraceEntry {
            time_ns: 10 * value,
            value,
            ..NOTHING
        }
    }

    #[test]
    fn the_latest_entries_are_kept_in_order() {
        for total in [
            0,
            1,
            TRACE_ENTRIES - 1,
            TRACE_ENTRIES,
            3 * TRACE_ENTRIES + 5,
        ] {
            let mut log = TraceLog::new();
            (0..total).for_each(|value| log.note(2, entry(value as u64)));
            let mut entries = [NOTHING; TRACE_ENTRIES];
            let count = log.copy(2, &mut entries);
            let values: Vec<_> = entries[..count].iter().map(|entry| entry.value).collect();
            let first = total.saturating_sub(TRACE_ENTRIES);
            let expected: Vec<_> = (first as u64..total as u64).collect();
            assert_eq!(values, expected, "after {total}");
            assert_eq!(log.copy(1, &mut entries), 0);
        }
    }

    #[test]
    fn a_repeated_entry_is_counted_and_keeps_its_first_time() {
        let mut log = TraceLog::new();
        log.note(0, entry(1));
        for time_ns in 0..300 {
            log.note(
                0,
                TraceEntry {
                    time_ns,
                    ..entry(2)
                },
            );
        }
        let mut entries = [NOTHING; TRACE_ENTRIES];
        assert_eq!(log.copy(0, &mut entries), 2);
        assert_eq!((entries[1].time_ns, entries[1].repeats), (0, 255));
    }
}
