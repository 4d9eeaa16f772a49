//! Machine time from instruction counts.
//!
//! Under instruction counting with shift 0 the machine's time is the number of executed instructions
//! plus a constant, which changes only where the machine idles. Whenever the firmware reads the
//! machine's time, which counts in steps of 100 ns or 1 µs, the constant is known to a step; after many
//! readings, taken at different places within a step, it is known to the nanosecond.
//!
//! An instruction that faults (a page fault, a denied access) is counted by the plugin, but not by
//! QEMU's clock, so each lets the constant sink by 1. The next reading that contradicts it corrects it.

/// How far the constant sinks, at most, before it is taken for another one.
const MOST_FAULTS: i64 = 10_000;

/// What is known of the constant.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Nanoseconds in a step of the machine's time.
    pub step_ns: i64,
    /// Its least and its greatest value, in nanoseconds.
    known: Option<(i64, i64)>,
    /// How often it was found to be another one.
    pub restarts: u64,
}

impl Clock {
    /// A clock that has not been read.
    pub const fn new(step_ns: i64) -> Self {
        Self {
            step_ns,
            known: None,
            restarts: 0,
        }
    }

    /// The machine's time was read as `steps` by the instruction that is number `count`.
    pub fn reading(&mut self, count: u64, steps: u64) {
        let low = (steps as i64)
            .wrapping_mul(self.step_ns)
            .wrapping_sub(count as i64);
        let high = low + self.step_ns - 1;
        self.known = Some(match self.known {
            Some((least, greatest)) if low <= greatest && least <= high => {
                (least.max(low), greatest.min(high))
            }
            Some((least, _)) if high < least && least - high <= MOST_FAULTS => (high, high),
            _ => {
                self.restarts += 1;
                (low, high)
            }
        });
    }

    /// The machine's time in nanoseconds after `count` instructions, if it is known exactly enough.
    pub fn time_ns(&self, count: u64) -> Option<i64> {
        let (least, greatest) = self.known?;
        (greatest - least <= 2).then_some(count as i64 + greatest)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    /// Reads the time of a machine whose constant is `offset`.
    fn read(clock: &mut Clock, offset: i64, counts: impl IntoIterator<Item = u64>) {
        for count in counts {
            clock.reading(count, (count as i64 + offset) as u64 / 100);
        }
    }

    #[test]
    fn many_readings_make_the_time_exact() {
        let mut clock = Clock::new(100);
        read(&mut clock, 12_345, [1000]);
        assert_eq!(clock.time_ns(1000), None);
        read(&mut clock, 12_345, (0..100).map(|index| 2000 + index * 37));
        assert_eq!(clock.time_ns(10_000), Some(22_345));
    }

    #[test]
    fn time_that_was_slept_through_is_noticed() {
        let mut clock = Clock::new(100);
        read(&mut clock, 0, 0..200);
        read(&mut clock, 1_000_000, [300]);
        assert_eq!(clock.time_ns(300), None);
        read(&mut clock, 1_000_000, 301..500);
        assert_eq!(clock.time_ns(500), Some(1_000_500));
    }

    #[test]
    fn faults_are_followed() {
        let mut clock = Clock::new(100);
        read(&mut clock, 500, 0..200);
        read(&mut clock, 497, 200..400);
        assert_eq!(clock.time_ns(400), Some(897));
        assert_eq!(clock.restarts, 1);
    }
}
