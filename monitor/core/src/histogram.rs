//! A histogram of short durations, for medians without keeping every value.

const BUCKETS: usize = 512;

/// Counts values in buckets of equal width; what is beyond the last bucket is counted in it.
#[derive(Debug)]
pub struct Histogram {
    buckets: [u32; BUCKETS],
    count: u64,
    max: u32,
}

impl Histogram {
    /// Width of a bucket: a median is exact to this many units.
    pub const WIDTH: u32 = 8;

    /// An empty histogram.
    pub const fn new() -> Self {
        Self {
            buckets: [0; BUCKETS],
            count: 0,
            max: 0,
        }
    }

    /// Adds a value.
    #[inline]
    pub fn add(&mut self, value: u32) {
        let index = (value / Self::WIDTH) as usize;
        if let Some(bucket) = self.buckets.get_mut(index.min(BUCKETS - 1)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.max = self.max.max(value);
    }

    /// How many values were added.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, exactly; 0 if there is none.
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// The upper end of the bucket that holds the median; 0 if there is none.
    pub fn median(&self) -> u32 {
        let half = self.count.div_ceil(2);
        let mut seen = 0_u64;
        let mut end = 0;
        for bucket in self.buckets {
            end += Self::WIDTH;
            seen = seen.saturating_add(u64::from(bucket));
            if half != 0 && seen >= half {
                return end.min(self.max);
            }
        }
        0
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn the_median_is_right_to_a_bucket() {
        let mut histogram = Histogram::new();
        (0..1001).for_each(|value| histogram.add(value));
        assert!(histogram.median().abs_diff(500) <= Histogram::WIDTH);
        assert_eq!(histogram.max(), 1000);
    }

    #[test]
    fn an_empty_histogram_has_no_median() {
        assert_eq!(Histogram::new().median(), 0);
    }

    #[test]
    fn a_huge_value_is_kept_as_the_maximum() {
        let mut histogram = Histogram::new();
        histogram.add(u32::MAX);
        assert_eq!(histogram.max(), u32::MAX);
    }
}
