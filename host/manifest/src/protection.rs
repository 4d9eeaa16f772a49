//! Protection entries for RISC-V: regions to `pmpcfg` and `pmpaddr` values (Privileged
//! Architecture, "Physical Memory Protection").

/// Reading is allowed.
pub(crate) const READ: u8 = 1;
/// Writing is allowed.
pub(crate) const WRITE: u8 = 2;
/// Executing is allowed.
pub(crate) const EXECUTE: u8 = 4;

/// `pmpcfg.A`: the entry matches nothing; its address is the base of a TOR entry behind it.
const OFF: u8 = 0;
/// `pmpcfg.A`: from the previous entry's address up to this one's.
const TOP_OF_RANGE: u8 = 1 << 3;
/// `pmpcfg.A`: a naturally aligned power of two.
const NATURALLY_ALIGNED: u8 = 3 << 3;

/// An address range with the same rights everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) base: u64,
    pub(crate) size: u64,
    pub(crate) rights: u8,
    /// Index of the region that it comes from.
    pub(crate) region: usize,
}

/// One PMP entry. `L` is never set, so the entry binds S and U mode only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) address: u64,
    pub(crate) config: u8,
    pub(crate) region: usize,
}

/// How many entries a range costs by itself.
pub(crate) fn cost(range: &Range) -> usize {
    if is_naturally_aligned(range) { 1 } else { 2 }
}

/// The entries that allow exactly `ranges`, which must not overlap. They can stand in any
/// consecutive slots: none depends on the entry before the first.
pub(crate) fn entries(ranges: &[Range]) -> Vec<Entry> {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| range.base);
    let mut entries: Vec<Entry> = Vec::new();
    for range in ranges {
        let entry = |address: u64, config: u8| Entry {
            address,
            config,
            region: range.region,
        };
        if is_naturally_aligned(&range) {
            // `yyyy…0111` has as many ones as make the size (Table "NAPOT range encoding").
            let address = (range.base >> 2) | ((range.size >> 3) - 1);
            entries.push(entry(address, NATURALLY_ALIGNED | range.rights));
            continue;
        }
        let base = range.base >> 2;
        let goes_on = entries
            .last()
            .is_some_and(|last| last.config & (3 << 3) == TOP_OF_RANGE && last.address == base);
        if !goes_on {
            entries.push(entry(base, OFF));
        }
        let end = (range.base + range.size) >> 2;
        entries.push(entry(end, TOP_OF_RANGE | range.rights));
    }
    entries
}

/// How an entry matches, in the words of the specification.
pub(crate) fn mode_name(config: u8) -> &'static str {
    match config & (3 << 3) {
        TOP_OF_RANGE => "TOR",
        NATURALLY_ALIGNED => "NAPOT",
        _ => "OFF",
    }
}

/// Rights as `rwx`.
pub(crate) fn rights_name(rights: u8) -> String {
    [(READ, 'r'), (WRITE, 'w'), (EXECUTE, 'x')]
        .iter()
        .map(|(bit, letter)| if rights & bit != 0 { *letter } else { '-' })
        .collect()
}

fn is_naturally_aligned(range: &Range) -> bool {
    range.size >= 8 && range.size.is_power_of_two() && range.base.is_multiple_of(range.size)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Range, entries};

    fn range(base: u64, size: u64) -> Range {
        Range {
            base,
            size,
            rights: 3,
            region: 0,
        }
    }

    fn entry(address: u64, config: u8) -> Entry {
        Entry {
            address,
            config,
            region: 0,
        }
    }

    #[test]
    fn an_aligned_power_of_two_takes_one_entry() {
        let expected = [entry((0x8000_0000 >> 2) | 0x1_ffff, 0x1b)];
        assert_eq!(entries(&[range(0x8000_0000, 0x10_0000)]), expected);
    }

    #[test]
    fn anything_else_takes_two() {
        let expected = [entry(0x2000 >> 2, 0), entry(0x5000 >> 2, 0x0b)];
        assert_eq!(entries(&[range(0x2000, 0x3000)]), expected);
    }

    #[test]
    fn a_range_that_follows_another_takes_one_more() {
        let expected = [
            entry(0x1000 >> 2, 0),
            entry(0x4000 >> 2, 0x0b),
            entry(0x7000 >> 2, 0x0b),
        ];
        let ranges = [range(0x4000, 0x3000), range(0x1000, 0x3000)];
        assert_eq!(entries(&ranges), expected);
    }
}
