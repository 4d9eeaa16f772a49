//! Interrupt storms: how often a partition may be interrupted by its devices.
//!
//! Interrupts are counted in windows of time. A window begins with the first interrupt after the one
//! before is over. What comes beyond the limit waits for the window's end. All times are in ticks.

use crate::schedule::NEVER;

/// What to do with an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is for the partition.
    Deliver,
    /// It waits. It is the first of its window that does.
    HoldAndTell,
    /// It waits.
    Hold,
}

/// The count of one virtual core's interrupts.
#[derive(Clone, Copy, Debug)]
pub struct StormGuard {
    limit: u64,
    within: u64,
    ends_at: u64,
    count: u64,
}

impl StormGuard {
    /// At most `limit` interrupts in each `within` ticks; a limit of 0 is no bound.
    pub const fn new(limit: u64, within: u64) -> Self {
        Self {
            limit: if limit == 0 { NEVER } else { limit },
            within,
            ends_at: 0,
            count: 0,
        }
    }

    /// Counts an interrupt.
    pub fn count(&mut self, now: u64) -> Verdict {
        if now >= self.ends_at {
            self.ends_at = now.saturating_add(self.within);
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        if self.count <= self.limit {
            Verdict::Deliver
        } else if self.count.wrapping_sub(1) == self.limit {
            Verdict::HoldAndTell
        } else {
            Verdict::Hold
        }
    }

    /// What waited is for the partition now, at the end of the window: so many interrupts, the first ones
    /// of the next window.
    pub const fn release(&mut self, now: u64, waited: u32) {
        self.ends_at = now.saturating_add(self.within);
        self.count = waited as u64;
    }

    /// The partition starts anew: what its life before was interrupted by does not count.
    pub const fn renew(&mut self) {
        self.ends_at = 0;
        self.count = 0;
    }

    /// When what waits is for the partition again.
    pub const fn ends_at(&self) -> u64 {
        self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::{StormGuard, Verdict};
    use proptest::prelude::*;

    #[test]
    fn what_comes_beyond_the_limit_waits_for_the_end_of_the_window_and_is_told_once() {
        let mut guard = StormGuard::new(2, 10);
        let verdicts: Vec<_> = [5, 6, 7, 14, 15, 16, 24, 25]
            .map(|now| guard.count(now))
            .into_iter()
            .collect();
        use Verdict::{Deliver, Hold, HoldAndTell};
        assert_eq!(
            verdicts,
            [
                Deliver,
                Deliver,
                HoldAndTell,
                Hold,
                Deliver,
                Deliver,
                HoldAndTell,
                Deliver
            ]
        );
    }

    #[test]
    fn what_waited_counts_in_the_next_window() {
        let mut guard = StormGuard::new(2, 10);
        (0..3).for_each(|now| {
            guard.count(now);
        });
        guard.release(10, 1);
        assert_eq!(guard.count(19), Verdict::Deliver);
        assert_eq!(guard.count(19), Verdict::HoldAndTell);
        assert_eq!(guard.ends_at(), 20);
    }

    #[test]
    fn a_new_life_has_the_whole_limit_whatever_the_one_before_had() {
        let mut guard = StormGuard::new(2, 10);
        (0..3).for_each(|now| {
            guard.count(now);
        });
        guard.renew();
        assert_eq!(guard.count(4), Verdict::Deliver);
        assert_eq!(guard.count(5), Verdict::Deliver);
        assert_eq!(guard.count(13), Verdict::HoldAndTell);
        assert_eq!(guard.ends_at(), 14);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let mut guard = StormGuard::new(0, 0);
        assert!((0..1000).all(|_| guard.count(1) == Verdict::Deliver));
    }

    proptest! {
        #[test]
        fn no_window_of_that_length_has_more_than_twice_the_limit(
            limit in 1_u64..8, within in 1_u64..50, steps in prop::collection::vec(0_u64..9, 1..300),
        ) {
            let mut guard = StormGuard::new(limit, within);
            let (mut now, mut delivered) = (0, Vec::new());
            for step in steps {
                now += step;
                if guard.count(now) == Verdict::Deliver {
                    delivered.push(now);
                } else {
                    prop_assert!(guard.ends_at() > now);
                }
            }
            for start in 0..=now {
                let inside = delivered.iter().filter(|time| (start..start + within).contains(time));
                prop_assert!(inside.count() as u64 <= 2 * limit);
            }
        }
    }
}
