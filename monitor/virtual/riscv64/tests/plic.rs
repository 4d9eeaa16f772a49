//! The PLIC filter: what the stock Linux driver does works, what is not the partition's is out of reach.

use partita_virtual_riscv64::plic::{PlicFilter, ReadEffect, WriteEffect};
use proptest::prelude::*;

/// The contexts of a partition on harts 0 and 2 of QEMU's `virt`: context 2n is M-mode, 2n + 1 S-mode.
const HERE: u32 = 1;
const OTHER: u32 = 5;
const M_MODE: u32 = 0;
const FOREIGN: u32 = 3;
const MAXIMUM_PRIORITY: u32 = 6;

fn enable(context: u32, word: u64) -> u64 {
    0x2000 + u64::from(context) * 0x80 + word * 4
}

fn threshold(context: u32) -> u64 {
    0x20_0000 + u64::from(context) * 0x1000
}

fn claim(context: u32) -> u64 {
    threshold(context) + 4
}

fn filter(lines: [u32; 32]) -> PlicFilter {
    let mut filter = PlicFilter::new(lines, MAXIMUM_PRIORITY);
    assert!(filter.add_context(HERE) && filter.add_context(OTHER));
    filter
}

/// Lines 1 to 8 and 33.
fn usual() -> PlicFilter {
    let mut lines = [0; 32];
    lines[0] = 0x1ff;
    lines[1] = 0x2;
    filter(lines)
}

#[test]
fn what_the_linux_driver_does_when_it_starts_is_never_a_health_event() {
    let filter = usual();
    for context in [HERE, OTHER] {
        for line in 1..=96u64 {
            let word = line / 32;
            assert_ne!(
                filter.write(HERE, enable(context, word), 0),
                WriteEffect::Denied
            );
            assert_ne!(filter.write(HERE, line * 4, 1), WriteEffect::Denied);
            assert_ne!(
                filter.write(HERE, enable(context, word), u32::MAX),
                WriteEffect::Denied
            );
        }
        assert_ne!(
            filter.write(HERE, threshold(context), 0),
            WriteEffect::Denied
        );
    }
    assert_ne!(filter.write(HERE, claim(HERE), 5), WriteEffect::Denied);
}

#[test]
fn enable_words_keep_only_own_lines() {
    let filter = usual();
    let offset = enable(OTHER, 0);
    let written = filter.write(HERE, offset, u32::MAX);
    assert_eq!(
        written,
        WriteEffect::Write {
            offset,
            value: 0x1fe
        },
        "and not line 0"
    );
    assert_eq!(
        filter.read(HERE, offset),
        ReadEffect::Hardware {
            offset,
            mask: 0x1fe
        }
    );
    assert_eq!(filter.read(HERE, enable(HERE, 2)), ReadEffect::Zero);
}

#[test]
fn priorities_reach_own_lines_only_and_at_most_the_maximum() {
    let filter = usual();
    let clamped = WriteEffect::Write {
        offset: 4 * 33,
        value: MAXIMUM_PRIORITY,
    };
    assert_eq!(filter.write(HERE, 4 * 33, u32::MAX), clamped);
    assert_eq!(
        filter.write(HERE, 4 * 3, 2),
        WriteEffect::Write {
            offset: 12,
            value: 2
        }
    );
    assert_eq!(filter.write(HERE, 4 * 9, 7), WriteEffect::Ignored);
    assert_eq!(filter.write(HERE, 0, 7), WriteEffect::Ignored);
    assert_eq!(filter.read(HERE, 4 * 9), ReadEffect::Zero);
}

#[test]
fn pending_bits_of_own_lines_can_be_read_and_none_written() {
    let filter = usual();
    assert_eq!(
        filter.read(HERE, 0x1004),
        ReadEffect::Hardware {
            offset: 0x1004,
            mask: 2
        }
    );
    assert_eq!(filter.read(HERE, 0x1008), ReadEffect::Zero);
    assert_eq!(filter.write(HERE, 0x1000, 0xff), WriteEffect::Ignored);
}

#[test]
fn thresholds_of_other_own_harts_go_through_the_monitor() {
    let filter = usual();
    let offset = threshold(HERE);
    assert_eq!(
        filter.write(HERE, offset, 3),
        WriteEffect::Write { offset, value: 3 }
    );
    let kept = WriteEffect::Threshold {
        context: OTHER,
        value: 3,
    };
    assert_eq!(filter.write(HERE, threshold(OTHER), 3), kept);
    assert_eq!(
        filter.read(HERE, threshold(OTHER)),
        ReadEffect::Threshold { context: OTHER }
    );
}

#[test]
fn claims_and_completions_are_the_harts_own() {
    let filter = usual();
    let offset = claim(HERE);
    assert_eq!(
        filter.read(HERE, offset),
        ReadEffect::Hardware {
            offset,
            mask: u32::MAX
        }
    );
    assert_eq!(
        filter.write(HERE, offset, 8),
        WriteEffect::Write { offset, value: 8 }
    );
    assert_eq!(
        filter.write(HERE, offset, 9),
        WriteEffect::Ignored,
        "a forged completion"
    );
    assert_eq!(filter.write(HERE, offset, 1 << 20), WriteEffect::Ignored);
    assert_eq!(filter.read(HERE, claim(OTHER)), ReadEffect::Zero);
    assert_eq!(filter.write(HERE, claim(OTHER), 8), WriteEffect::Ignored);
}

#[test]
fn contexts_of_m_mode_and_of_other_partitions_are_denied() {
    let filter = usual();
    for context in [M_MODE, FOREIGN, 127, 128, 15_871] {
        for offset in [enable(context, 0), threshold(context), claim(context)] {
            assert_eq!(
                filter.write(HERE, offset, 0),
                WriteEffect::Denied,
                "{offset:#x}"
            );
            assert_eq!(filter.read(HERE, offset), ReadEffect::Zero, "{offset:#x}");
        }
    }
}

#[test]
fn reserved_and_unaligned_offsets_are_denied() {
    let filter = usual();
    for offset in [
        1,
        6,
        0x1080,
        0x1fff,
        0x1f_2000,
        0x20_1008,
        0x400_0000,
        u64::MAX - 3,
    ] {
        assert_eq!(
            filter.write(HERE, offset, 1),
            WriteEffect::Denied,
            "{offset:#x}"
        );
        assert_eq!(filter.read(HERE, offset), ReadEffect::Zero, "{offset:#x}");
    }
}

#[test]
fn a_context_beyond_the_sets_is_refused() {
    let mut filter = PlicFilter::new([0; 32], 7);
    assert!(!filter.add_context(128) && !filter.add_context(u32::MAX));
    assert!(!filter.owns_context(u32::MAX) && !filter.owns_line(u32::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// The promise itself, stated over a model of the registers that belong to somebody else.
    #[test]
    fn no_access_touches_what_is_not_the_partitions(
        lines: [u32; 32],
        current in proptest::sample::select(vec![HERE, OTHER]),
        area in 0u8..5,
        raw: u64,
        value: u32,
    ) {
        let offset = match area {
            0 => raw % 0x1100,
            1 => 0x2000 + raw % 0x500,
            2 => 0x20_0000 + (raw % 8) * 0x1000 + (raw >> 8) % 16,
            3 => raw % 0x400_0000,
            _ => raw,
        };
        let filter = filter(lines);
        let own = |line: u64| {
            line > 0 && line < 1024 && lines[line as usize / 32] >> (line % 32) & 1 == 1
        };
        if let WriteEffect::Write { offset: target, value: sent } = filter.write(current, offset, value) {
            prop_assert_eq!(target, offset);
            prop_assert_eq!(target % 4, 0);
            match target {
                0..0x1000 => prop_assert!(own(target / 4) && sent <= MAXIMUM_PRIORITY),
                0x2000..0x1f_2000 => {
                    let context = (target - 0x2000) / 0x80;
                    prop_assert!(context == 1 || context == 5);
                    let first = target % 0x80 / 4 * 32;
                    prop_assert!((0..32).all(|bit| sent >> bit & 1 == 0 || own(first + bit)));
                    let kept = (0..32).all(|bit| {
                        !own(first + bit) || sent >> bit & 1 == value >> bit & 1
                    });
                    prop_assert!(kept);
                }
                _ => {
                    prop_assert_eq!((target - 0x20_0000) / 0x1000, u64::from(current));
                    prop_assert!(target % 0x1000 == 0 || (target % 0x1000 == 4 && own(sent.into())));
                }
            }
        }
        if let ReadEffect::Hardware { offset: target, mask } = filter.read(current, offset) {
            prop_assert_eq!(target, offset);
            let words = |first: u64| (0..32).all(|bit| mask >> bit & 1 == 0 || own(first + bit));
            match target {
                0..0x1000 => prop_assert!(own(target / 4)),
                0x1000..0x1080 => prop_assert!(words((target - 0x1000) * 8)),
                0x2000..0x1f_2000 => {
                    let context = (target - 0x2000) / 0x80;
                    prop_assert!((context == 1 || context == 5) && words(target % 0x80 * 8));
                }
                _ => prop_assert_eq!((target - 0x20_0000) / 0x1000, u64::from(current)),
            }
        }
    }
}
