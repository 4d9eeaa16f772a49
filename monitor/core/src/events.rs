//! The record of health events: the latest ones, and how many there were of each partition.

use crate::text::Text;
use partita_abi::MAX_PARTITIONS;
use partita_abi::health::Kind;
use partita_abi::status::{Event, MAX_EVENTS};

/// The latest health events of all partitions. When it is full, the oldest goes, and is counted.
#[derive(Debug)]
pub struct EventLog {
    events: [Event; MAX_EVENTS],
    next: usize,
    total: u64,
    repeated: u64,
    of_partition: [u32; MAX_PARTITIONS],
}

fn is_same(one: &Event, other: &Event) -> bool {
    one.partition == other.partition
        && one.kind == other.kind
        && one.core == other.core
        && one.cause == other.cause
        && one.address == other.address
        && one.program_counter == other.program_counter
}

const NO_EVENT: Event = Event {
    time_ns: 0,
    address: 0,
    program_counter: 0,
    cause: 0,
    partition: 0,
    kind: 0,
    core: 0,
};

impl EventLog {
    /// An empty log.
    pub const fn new() -> Self {
        Self {
            events: [NO_EVENT; MAX_EVENTS],
            next: 0,
            total: 0,
            repeated: 0,
            of_partition: [0; MAX_PARTITIONS],
        }
    }

    /// Records an event and returns how many its partition has had, this one included. One that repeats
    /// the latest event, but for its time, is only counted: it would push others out and tell nothing.
    pub fn record(&mut self, event: Event) -> u32 {
        let again = self.newest().is_some_and(|newest| is_same(newest, &event));
        if again {
            self.repeated += 1;
            return self.count(event.partition);
        }
        if let Some(place) = self.events.get_mut(self.next) {
            *place = event;
        }
        self.next = (self.next + 1) % MAX_EVENTS;
        self.total += 1;
        self.count(event.partition)
    }

    fn count(&mut self, partition: u16) -> u32 {
        match self.of_partition.get_mut(usize::from(partition)) {
            Some(count) => {
                *count = count.saturating_add(1);
                *count
            }
            None => 0,
        }
    }

    fn newest(&self) -> Option<&Event> {
        let newest = (self.next + MAX_EVENTS - 1) % MAX_EVENTS;
        self.events.get(newest).filter(|_| self.total != 0)
    }

    /// The kept events, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        let (newer, older) = self.events.split_at(self.next.min(MAX_EVENTS));
        let older = if self.total > MAX_EVENTS as u64 || self.next == 0 {
            older
        } else {
            &[]
        };
        let newer = if self.total == 0 { &[] } else { newer };
        let older = if self.total == 0 { &[] } else { older };
        older.iter().chain(newer)
    }

    /// How many events are kept.
    pub fn kept(&self) -> u64 {
        self.total.min(MAX_EVENTS as u64)
    }

    /// How many events are not kept: older ones, and repeated ones.
    pub fn lost(&self) -> u64 {
        self.total - self.kept() + self.repeated
    }

    /// How many events a partition has had.
    pub fn of_partition(&self, partition: usize) -> u32 {
        self.of_partition.get(partition).copied().unwrap_or(0)
    }
}

impl Default for EventLog {
    fn default() -> Self {
        Self::new()
    }
}

/// The line that tells a person of an event.
pub fn describe<const N: usize>(line: &mut Text<N>, name: &str, event: &Event) {
    line.text(name).text(": ");
    let kind = Kind::from_number(event.kind);
    line.text(kind.map_or("unknown event", Kind::name));
    match kind {
        Some(Kind::Panic) => {
            line.text(" code ").hex(event.address);
        }
        Some(Kind::InterruptDenied) => {
            line.text(" register ").hex(event.address);
        }
        Some(Kind::AccessFault) => {
            line.text(" address ").hex(event.address);
        }
        _ => {}
    }
    if event.cause != 0 {
        line.text(" cause ").decimal(u64::from(event.cause));
    }
    if event.program_counter != 0 {
        line.text(" pc ").hex(event.program_counter);
    }
    line.text(" core ").decimal(u64::from(event.core));
}

#[cfg(test)]
mod tests {
    use super::EventLog;
    use partita_abi::status::{Event, MAX_EVENTS};

    fn event(time_ns: u64) -> Event {
        Event {
            time_ns,
            address: time_ns,
            partition: 1,
            ..Event::default()
        }
    }

    #[test]
    fn an_event_that_repeats_the_latest_one_is_only_counted() {
        let mut log = EventLog::new();
        let same = Event {
            time_ns: 9,
            ..event(5)
        };
        assert_eq!(log.record(event(5)), 1);
        assert_eq!(log.record(same), 2);
        assert_eq!((log.kept(), log.lost()), (1, 1));
        assert_eq!(log.record(event(6)), 3);
        assert_eq!(log.kept(), 2);
    }

    #[test]
    fn the_latest_events_are_kept_in_order() {
        for total in [
            0,
            1,
            MAX_EVENTS - 1,
            MAX_EVENTS,
            MAX_EVENTS + 1,
            3 * MAX_EVENTS + 5,
        ] {
            let mut log = EventLog::new();
            (0..total).for_each(|time| {
                log.record(event(time as u64));
            });
            let kept: Vec<_> = log.iter().map(|event| event.time_ns).collect();
            let first = total.saturating_sub(MAX_EVENTS);
            let expected: Vec<_> = (first as u64..total as u64).collect();
            assert_eq!(kept, expected, "after {total} events");
            assert_eq!(log.lost(), first as u64);
        }
    }
}
