//! The APLIC filter: what the stock Linux driver does works, what is not the partition's is out of reach.

use partita_virtual_riscv64::aplic::{AplicFilter, REGISTER_SPACE, ReadEffect, WriteEffect};
use proptest::prelude::*;

const DOMAIN_CONFIGURATION: u64 = 0;
const MESSAGE_ADDRESSES: [u64; 4] = [0x1bc0, 0x1bc4, 0x1bc8, 0x1bcc];
const SET_PENDING: u64 = 0x1c00;
const CLEAR_PENDING: u64 = 0x1d00;
const SET_ENABLE: u64 = 0x1e00;
const CLEAR_ENABLE: u64 = 0x1f00;
/// `setipnum`, `clripnum`, `setienum`, `clrienum`, `setipnum_le`.
const NUMBERS: [u64; 5] = [0x1cdc, 0x1ddc, 0x1edc, 0x1fdc, 0x2000];
const SET_PENDING_NUMBER_BIG: u64 = 0x2004;
const GENERATE_MESSAGE: u64 = 0x3000;
const LEVEL_HIGH: u32 = 6;

fn source(line: u32) -> u64 {
    4 * u64::from(line)
}

fn target(line: u32) -> u64 {
    0x3000 + 4 * u64::from(line)
}

/// Lines 1 to 8 and 33, on harts 1 and 3.
fn usual() -> AplicFilter {
    let mut lines = [0; 32];
    lines[0] = 0x1ff;
    lines[1] = 0x2;
    let mut filter = AplicFilter::new(lines, 255);
    assert!(filter.add_hart(1) && filter.add_hart(3));
    filter
}

fn pass(offset: u64, value: u32) -> WriteEffect {
    WriteEffect::Write { offset, value }
}

#[test]
fn what_the_linux_driver_does_when_it_starts_is_never_a_health_event() {
    let filter = usual();
    for word in 0..3 {
        let effect = filter.write(CLEAR_ENABLE + 4 * word, u32::MAX);
        assert_ne!(effect, WriteEffect::Denied);
    }
    for line in 1..=95 {
        assert_ne!(filter.write(source(line), 0), WriteEffect::Denied);
        // The driver's default, which means a priority to domains that send no messages.
        assert_ne!(filter.write(target(line), 1), WriteEffect::Denied);
    }
    for value in [0, 0x104] {
        let effect = filter.write(DOMAIN_CONFIGURATION, value);
        assert_eq!(effect, WriteEffect::Ignored);
    }
}

#[test]
fn an_own_line_is_configured_aimed_at_an_own_hart_and_enabled() {
    let filter = usual();
    let aim = 3 << 18 | 17;
    assert_eq!(
        filter.write(source(33), LEVEL_HIGH),
        pass(source(33), LEVEL_HIGH)
    );
    assert_eq!(filter.write(target(33), aim), pass(target(33), aim));
    for register in NUMBERS {
        assert_eq!(filter.write(register, 33), pass(register, 33));
    }
    let big = 33_u32.swap_bytes();
    let effect = filter.write(SET_PENDING_NUMBER_BIG, big);
    assert_eq!(effect, pass(SET_PENDING_NUMBER_BIG, big));
    let mask = u32::MAX;
    for offset in [source(33), target(33), DOMAIN_CONFIGURATION] {
        assert_eq!(filter.read(offset), ReadEffect::Hardware { offset, mask });
    }
}

#[test]
fn a_line_is_never_delegated_further() {
    let effect = usual().write(source(5), 1 << 10);
    assert_eq!(effect, pass(source(5), 0));
}

#[test]
fn a_line_is_never_aimed_at_an_interrupt_file_of_others() {
    let filter = usual();
    for hart in [0, 2, 4, 63, 64, 0x3fff] {
        let effect = filter.write(target(5), hart << 18 | 9);
        assert_eq!(effect, WriteEffect::Denied, "hart {hart}");
    }
    // A guest's file, and an identity that the file does not have.
    for aim in [1 << 18 | 1 << 12 | 9, 1 << 18 | 256] {
        assert_eq!(
            filter.write(target(5), aim),
            WriteEffect::Denied,
            "{aim:#x}"
        );
    }
}

#[test]
fn a_foreign_line_is_neither_seen_nor_changed() {
    let filter = usual();
    for line in [9, 32, 95, 1023] {
        for value in [0, 1, LEVEL_HIGH, u32::MAX] {
            assert_eq!(filter.write(source(line), value), WriteEffect::Ignored);
            assert_eq!(filter.write(target(line), value), WriteEffect::Ignored);
        }
        assert_eq!(filter.read(source(line)), ReadEffect::Zero);
        assert_eq!(filter.read(target(line)), ReadEffect::Zero);
        for register in NUMBERS {
            assert_eq!(filter.write(register, line), WriteEffect::Denied);
        }
        let effect = filter.write(SET_PENDING_NUMBER_BIG, line.swap_bytes());
        assert_eq!(effect, WriteEffect::Denied);
    }
}

#[test]
fn of_a_word_of_bits_only_those_of_own_lines_pass() {
    let filter = usual();
    for base in [SET_PENDING, CLEAR_PENDING, SET_ENABLE, CLEAR_ENABLE] {
        assert_eq!(filter.write(base, u32::MAX), pass(base, 0x1fe));
        assert_eq!(filter.write(base + 4, u32::MAX), pass(base + 4, 2));
        assert_eq!(filter.write(base + 8, u32::MAX), WriteEffect::Ignored);
        let mask = 0x1fe;
        let expected = ReadEffect::Hardware { offset: base, mask };
        assert_eq!(filter.read(base), expected);
        assert_eq!(filter.read(base + 8), ReadEffect::Zero);
    }
}

#[test]
fn where_messages_go_and_messages_without_a_line_are_the_monitors() {
    let filter = usual();
    for offset in MESSAGE_ADDRESSES.into_iter().chain([GENERATE_MESSAGE]) {
        for value in [0, 1, 1 << 18 | 9, u32::MAX] {
            assert_eq!(filter.write(offset, value), WriteEffect::Denied);
        }
        assert_eq!(filter.read(offset), ReadEffect::Zero);
    }
}

proptest! {
    #[test]
    fn nothing_that_reaches_the_hardware_concerns_a_foreign_line_or_hart(
        lines in prop::array::uniform32(any::<u32>()),
        harts in any::<u8>(),
        offset in prop_oneof![0_u64..0x8000, any::<u64>()],
        value in any::<u32>(),
    ) {
        let mut filter = AplicFilter::new(lines, 255);
        for hart in 0..8 {
            prop_assert!(harts >> hart & 1 == 0 || filter.add_hart(hart));
        }
        let owns = |line: u64| {
            line != 0 && line < 1024 && lines[line as usize / 32] >> (line % 32) & 1 != 0
        };
        let own_bits = |word: u64| lines[word as usize] & if word == 0 { !1 } else { !0 };
        if let WriteEffect::Write { offset: written, value: passed } = filter.write(offset, value) {
            prop_assert_eq!(offset, written);
            prop_assert!(offset % 4 == 0 && offset < REGISTER_SPACE);
            match offset {
                4..0x1000 => prop_assert!(owns(offset / 4) && passed <= 7),
                0x2004 => prop_assert!(owns(u64::from(passed.swap_bytes()))),
                0x3004.. => {
                    prop_assert!(owns((offset - 0x3000) / 4));
                    prop_assert!(passed >> 18 < 8 && harts >> (passed >> 18) & 1 != 0);
                    prop_assert_eq!(passed >> 11 & 0x7f, 0);
                }
                _ if NUMBERS.contains(&offset) => prop_assert!(owns(u64::from(passed))),
                0x1c00..0x2000 if offset % 0x100 < 0x80 => {
                    prop_assert_eq!(passed & !own_bits(offset % 0x80 / 4), 0);
                }
                _ => prop_assert!(false, "{offset:#x}"),
            }
        }
        if let ReadEffect::Hardware { offset: read, mask } = filter.read(offset) {
            prop_assert_eq!(offset, read);
            match offset {
                0 => {}
                4..0x1000 => prop_assert!(owns(offset / 4)),
                0x3004..0x4000 => prop_assert!(owns((offset - 0x3000) / 4)),
                0x1c00..0x2000 if offset % 0x100 < 0x80 => {
                    prop_assert_eq!(mask & !own_bits(offset % 0x80 / 4), 0);
                }
                _ => prop_assert!(false, "{offset:#x}"),
            }
        }
    }
}
