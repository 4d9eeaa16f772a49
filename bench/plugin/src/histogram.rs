//! Counts of lengths.

use crate::findings::Lengths;
use std::collections::BTreeMap;

/// How often each length occurred, exactly.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: BTreeMap<i64, u64>,
}

impl Histogram {
    /// Counts one more of this length.
    pub fn add(&mut self, length: i64) {
        *self.counts.entry(length).or_default() += 1;
    }

    /// The greatest length, if there is any.
    pub fn max(&self) -> Option<i64> {
        self.counts.last_key_value().map(|(length, _)| *length)
    }

    /// What there is to say about the lengths.
    pub fn lengths(&self) -> Lengths {
        let count = self.counts.values().sum();
        Lengths {
            count,
            sum: self
                .counts
                .iter()
                .map(|(length, count)| length * *count as i64)
                .sum(),
            p50: self.rank(count.div_ceil(2)),
            p99: self.rank((count * 99).div_ceil(100)),
            max: self.max().unwrap_or(0),
        }
    }

    /// The length that `rank` of all are not above.
    fn rank(&self, rank: u64) -> i64 {
        let mut seen = 0;
        for (length, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return *length;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn ranks_are_exact() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|length| histogram.add(length));
        let lengths = histogram.lengths();
        assert_eq!((lengths.p50, lengths.p99, lengths.max), (50, 99, 100));
        assert_eq!((lengths.count, lengths.sum), (100, 5050));
    }

    #[test]
    fn nothing_has_no_length() {
        assert_eq!(Histogram::default().lengths().max, 0);
    }
}
