//! The record of health events: the latest ones, and how many there were of each partition.

use crate::text::Text;
use partita_abi::MAX_PARTITIONS;
use partita_abi::health::Kind;
use partita_abi::status::{Event, MAX_EVENTS};

/// Events kept of each partition, so that none can push out another's.
const KEPT: usize = MAX_EVENTS / MAX_PARTITIONS;

/// One partition's latest events. When it is full, the oldest goes, and is counted.
#[derive(Clone, Copy, Debug)]
struct Ring {
    events: [Event; KEPT],
    /// Where the next one goes.
    next: usize,
    /// Events ever put in.
    stored: usize,
    /// Events that happened, those that only repeated the one before included.
    total: u32,
}

/// The latest health events of each partition.
#[derive(Debug)]
pub struct EventLog {
    rings: [Ring; MAX_PARTITIONS],
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

impl Ring {
    const EMPTY: Self = Self {
        events: [NO_EVENT; KEPT],
        next: 0,
        stored: 0,
        total: 0,
    };

    fn record(&mut self, event: Event) {
        self.total = self.total.saturating_add(1);
        let newest = self.events.get(self.next.wrapping_add(KEPT - 1) % KEPT);
        if self.stored != 0 && newest.is_some_and(|newest| is_same(newest, &event)) {
            return;
        }
        if let Some(place) = self.events.get_mut(self.next) {
            *place = event;
        }
        self.next = self.next.wrapping_add(1) % KEPT;
        self.stored = self.stored.saturating_add(1);
    }

    /// How many events are kept.
    fn kept(&self) -> usize {
        self.stored.min(KEPT)
    }

    /// The kept event that is the `number`th, the oldest first.
    fn event(&self, number: usize) -> Option<&Event> {
        let kept = self.kept();
        let oldest = self.next.wrapping_add(KEPT).wrapping_sub(kept);
        let event = self.events.get(oldest.wrapping_add(number) % KEPT);
        event.filter(|_| number < kept)
    }
}

impl EventLog {
    /// An empty log.
    pub const fn new() -> Self {
        Self {
            rings: [Ring::EMPTY; MAX_PARTITIONS],
        }
    }

    /// Records an event and returns how many its partition has had, this one included. One that repeats
    /// the latest event, but for its time, is only counted: it would push others out and tell nothing.
    pub fn record(&mut self, event: Event) -> u32 {
        match self.rings.get_mut(usize::from(event.partition)) {
            Some(ring) => {
                ring.record(event);
                ring.total
            }
            None => 0,
        }
    }

    /// The kept events, by partition, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        let places = 0..MAX_PARTITIONS * KEPT;
        places.filter_map(|place| self.rings.get(place / KEPT)?.event(place % KEPT))
    }

    /// How many events are kept.
    pub fn kept(&self) -> u64 {
        self.rings
            .iter()
            .map(|ring| ring.kept() as u64)
            .fold(0, u64::saturating_add)
    }

    /// How many events are not kept: older ones, and repeated ones.
    pub fn lost(&self) -> u64 {
        let totals = self.rings.iter().map(|ring| u64::from(ring.total));
        let total = totals.fold(0, u64::saturating_add);
        total.saturating_sub(self.kept())
    }

    /// How many events a partition has had.
    pub fn of_partition(&self, partition: usize) -> u32 {
        self.rings.get(partition).map_or(0, |ring| ring.total)
    }
}

impl Default for EventLog {
    fn default() -> Self {
        Self::new()
    }
}

/// The line that tells a person of an event.
pub fn describe<const N: usize>(line: &mut Text<N>, name: &[u8], event: &Event) {
    line.bytes(name).text(": ");
    let kind = Kind::from_number(event.kind);
    line.text(kind.map_or("unknown event", Kind::name));
    let address = match kind {
        Some(Kind::Panic) => " code ",
        Some(Kind::InterruptDenied) => " register ",
        Some(Kind::IllegalInstruction) => " ",
        Some(Kind::CallDenied) => " for ",
        Some(Kind::AccessFault) => " address ",
        _ => "",
    };
    if !address.is_empty() {
        line.text(address).hex(event.address);
    }
    if event.cause != 0 {
        line.text(" cause ").decimal(u64::from(event.cause));
    }
    if event.program_counter != 0 {
        let is_device = event.cause & Kind::CAUSE_DEVICE != 0;
        line.text(if is_device { " stream " } else { " pc " });
        line.hex(event.program_counter);
    }
    line.text(" core ").decimal(u64::from(event.core));
}

#[cfg(test)]
mod tests {
    use super::{EventLog, KEPT};
    use partita_abi::status::Event;

    fn event(time_ns: u64) -> Event {
        Event {
            time_ns,
            address: time_ns,
            partition: 1,
            ..Event::default()
        }
    }

    #[test]
    fn a_flood_of_one_partition_keeps_the_others_events() {
        let mut log = EventLog::new();
        log.record(Event {
            partition: 2,
            ..event(1)
        });
        (0..1000).for_each(|time| {
            log.record(event(time));
        });
        assert!(log.iter().any(|event| event.partition == 2));
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
        for total in [0, 1, KEPT - 1, KEPT, KEPT + 1, 3 * KEPT + 5] {
            let mut log = EventLog::new();
            (0..total).for_each(|time| {
                log.record(event(time as u64));
            });
            let kept: Vec<_> = log.iter().map(|event| event.time_ns).collect();
            let first = total.saturating_sub(KEPT);
            let expected: Vec<_> = (first as u64..total as u64).collect();
            assert_eq!(kept, expected, "after {total} events");
            assert_eq!(log.lost(), first as u64);
        }
    }
}
