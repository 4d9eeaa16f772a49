//! Health events that a partition is to be told of, until it takes them.

use partita_abi::health::Kind;
use partita_abi::monitor_call::NOTIFICATION_VALID;

/// Notices kept for a partition. What comes while it takes none is lost; the event log has it.
const KEPT: usize = 16;

/// One partition's notices: first in, first out.
#[derive(Clone, Copy, Debug)]
pub struct Notices {
    waiting: [(u8, u8); KEPT],
    first: usize,
    count: usize,
}

impl Notices {
    /// None.
    pub const fn new() -> Self {
        Self {
            waiting: [(0, 0); KEPT],
            first: 0,
            count: 0,
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds an event of `partition`. Returns whether whoever takes them has to be told: not while others
    /// wait, which bounds what a flood costs one that takes none.
    #[must_use]
    pub fn put(&mut self, partition: usize, kind: Kind) -> bool {
        let was_empty = self.count == 0;
        if self.count == KEPT {
            return false;
        }
        let last = self.first.wrapping_add(self.count) % KEPT;
        if let Some(place) = self.waiting.get_mut(last) {
            *place = (partition as u8, kind as u8);
            self.count = self.count.wrapping_add(1);
        }
        was_empty
    }

    /// Takes the oldest one, as the monitor call returns it; 0 if there is none.
    pub fn take(&mut self) -> u64 {
        if self.count == 0 {
            return 0;
        }
        let Some((partition, kind)) = self.waiting.get(self.first).copied() else {
            return 0;
        };
        self.first = self.first.wrapping_add(1) % KEPT;
        self.count = self.count.wrapping_sub(1);
        NOTIFICATION_VALID | u64::from(partition) << 8 | u64::from(kind)
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Notices};
    use partita_abi::health::Kind;

    #[test]
    fn notices_come_out_in_order_and_no_flood_pushes_out_the_oldest() {
        let mut notices = Notices::new();
        for round in 0..3 {
            let told = (0..KEPT + 5).filter(|number| notices.put(*number, Kind::Panic));
            assert_eq!(told.collect::<Vec<_>>(), [0], "told once, round {round}");
            for number in 0..KEPT {
                let expected = 1 << 31 | (number as u64) << 8 | 5;
                assert_eq!(notices.take(), expected, "round {round}");
            }
            assert_eq!(notices.take(), 0);
            assert!(notices.put(1, Kind::Watchdog));
            assert_eq!(notices.take(), 1 << 31 | 1 << 8 | 13);
        }
    }
}
