//! The filter in front of an APLIC's supervisor-level domain: what reaches the hardware concerns own lines and own
//! harts.
//!
//! Register layout: RISC-V Advanced Interrupt Architecture 1.0, 4.5.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_virtual_riscv64::aplic::{AplicFilter, ReadEffect, WriteEffect};

/// What a partition was given, and accesses: offset and value.
type Input = ([u32; 32], Vec<u8>, Vec<(u32, Option<u32>)>);

const IDENTITIES: u16 = 255;

fuzz_target!(|input: Input| {
    let (lines, harts, accesses) = input;
    let mut filter = AplicFilter::new(lines, IDENTITIES);
    let mut owned = Vec::new();
    for hart in harts.into_iter().map(u32::from) {
        if filter.add_hart(hart) {
            owned.push(hart);
        }
    }
    let owns_line = |line: u64| {
        line != 0
            && lines
                .get(line as usize / 32)
                .is_some_and(|word| word >> (line % 32) & 1 != 0)
    };
    for (offset, written) in accesses {
        // Mostly registers that exist; with the highest bit any offset.
        let offset = match offset >> 30 {
            0 => u64::from(offset & 0x0fff),
            1 => 0x1c00 + u64::from(offset & 0x07ff),
            2 => 0x3000 + u64::from(offset & 0x0fff),
            _ => u64::from(offset),
        };
        let Some(value) = written else {
            if let ReadEffect::Hardware { offset, mask } = filter.read(offset) {
                match offset {
                    0 => {}
                    0x0004..0x1000 => assert!(owns_line(offset / 4)),
                    0x3004..0x4000 => assert!(owns_line((offset - 0x3000) / 4)),
                    _ => bits_are_own(mask, offset, &owns_line),
                }
            }
            continue;
        };
        if let WriteEffect::Write { offset, value } = filter.write(offset, value) {
            assert!(offset.is_multiple_of(4));
            match offset {
                0x0004..0x1000 => assert!(owns_line(offset / 4) && value <= 7),
                0x1cdc | 0x1ddc | 0x1edc | 0x1fdc | 0x2000 => assert!(owns_line(value.into())),
                0x2004 => assert!(owns_line(value.swap_bytes().into())),
                0x3004..0x4000 => {
                    assert!(owns_line((offset - 0x3000) / 4));
                    assert!(owned.contains(&(value >> 18)));
                    assert!(value & 0x3_ffff <= IDENTITIES.into());
                }
                _ => bits_are_own(value, offset, &owns_line),
            }
        }
    }
});

/// The register is one of the four arrays of line bits, and all bits of the word are of own lines.
fn bits_are_own(word: u32, offset: u64, owns_line: &impl Fn(u64) -> bool) {
    assert!((0x1c00..0x2000).contains(&offset) && offset % 0x100 < 0x80);
    for bit in 0..32 {
        assert!(word >> bit & 1 == 0 || owns_line(offset % 0x80 * 8 + bit));
    }
}
