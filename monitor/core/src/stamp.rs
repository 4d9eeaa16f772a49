//! The time before a console record, as text.

/// `[`, ten columns of seconds, a point, nine of nanoseconds.
const COLUMNS: usize = 21;
const POINT: usize = COLUMNS - 10;
/// At least so many columns of seconds, the first ones blank.
const SECONDS_COLUMNS: usize = 5;

/// A time in seconds, right-aligned in its columns.
pub(crate) struct Stamp {
    columns: [u8; COLUMNS],
    next: usize,
}

impl Stamp {
    /// One that has been sent.
    pub(crate) const fn sent() -> Self {
        Self {
            columns: [b' '; COLUMNS],
            next: COLUMNS,
        }
    }

    /// Writes a time in nanoseconds. Digits are made from the highest down by a multiplication each:
    /// 2^57 / 10^8 turns nine digits into a fixed-point number whose whole part is the first one; one more unit makes up for what is cut off.
    pub(crate) fn set(&mut self, time_ns: u64) {
        let mut rest = (((time_ns % 1_000_000_000) * 1_441_151_881) >> 25) + 1;
        self.columns[POINT] = b'.';
        for place in self.columns.iter_mut().skip(POINT + 1) {
            *place = b'0' + (rest >> 32) as u8;
            rest = (rest & 0xffff_ffff) * 10;
        }
        let mut seconds = time_ns / 1_000_000_000;
        let mut first = POINT;
        while first > 1 && (seconds != 0 || first == POINT) {
            first -= 1;
            self.columns[first] = b'0' + (seconds % 10) as u8;
            seconds /= 10;
        }
        while first > POINT - SECONDS_COLUMNS {
            first -= 1;
            self.columns[first] = b' ';
        }
        self.next = first - 1;
        self.columns[self.next] = b'[';
    }

    /// Takes the next byte to send.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<u8> {
        let byte = self.columns.get(self.next).copied()?;
        self.next += 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;
    use proptest::prelude::*;

    fn written(time_ns: u64) -> String {
        let mut stamp = Stamp::sent();
        stamp.set(time_ns);
        std::iter::from_fn(|| stamp.next())
            .map(char::from)
            .collect()
    }

    fn expected(time_ns: u64) -> String {
        format!(
            "[{:5}.{:09}",
            time_ns / 1_000_000_000,
            time_ns % 1_000_000_000
        )
    }

    #[test]
    fn times_at_the_edges_of_a_column_are_right() {
        let mut edge = 1;
        while edge < u64::MAX / 10 {
            for time in [edge - 1, edge, edge + 1, 9 * edge] {
                if time < 10_000_000_000_000_000_000 {
                    assert_eq!(written(time), expected(time));
                }
            }
            edge *= 10;
        }
    }

    #[test]
    fn every_thousandth_fraction_is_right() {
        for fraction in (0..1_000_000_000).step_by(997) {
            assert_eq!(written(fraction), expected(fraction));
        }
    }

    proptest! {
        #[test]
        fn any_time_is_right(time in 0..10_000_000_000_000_000_000_u64) {
            prop_assert_eq!(written(time), expected(time));
        }
    }
}
