//! The filter in front of the interrupt controller: what reaches the hardware is the partition's own.
//!
//! Register layout: RISC-V PLIC specification 1.0.0, chapter 3.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partita_virtual_riscv64::plic::{PlicFilter, ReadEffect, WriteEffect};

/// What a partition was given, the number of the accessing context, and accesses: offset and value.
type Input = ([u32; 32], Vec<u8>, u32, Vec<(u32, Option<u32>)>);

const MAXIMUM_PRIORITY: u32 = 7;

fuzz_target!(|input: Input| {
    let (lines, contexts, current, accesses) = input;
    let mut filter = PlicFilter::new(lines, MAXIMUM_PRIORITY);
    let mut owned = Vec::new();
    for context in contexts.into_iter().map(u32::from) {
        if filter.add_context(context) {
            owned.push(context);
        }
    }
    let owns_line = |line: u64| {
        line != 0
            && lines
                .get(line as usize / 32)
                .is_some_and(|word| word >> (line % 32) & 1 != 0)
    };
    let owns = |context: u64| owned.iter().any(|own| u64::from(*own) == context);
    for (offset, written) in accesses {
        // Mostly registers that exist; with the highest bit any offset.
        let offset = match offset >> 30 {
            0 => u64::from(offset & 0x0fff),
            1 => 0x2000 + u64::from(offset & 0x1fff),
            2 => 0x20_0000 + u64::from(offset & 0xf_f007),
            _ => u64::from(offset),
        };
        let Some(value) = written else {
            match filter.read(current, offset) {
                ReadEffect::Hardware { offset, mask } => {
                    assert!(offset.is_multiple_of(4));
                    match offset {
                        0..0x1000 => assert!(owns_line(offset / 4)),
                        0x1000..0x2000 => bits_are_own(mask, offset - 0x1000, &owns_line),
                        0x2000..0x20_0000 => {
                            assert!(owns((offset - 0x2000) / 0x80));
                            bits_are_own(mask, (offset - 0x2000) % 0x80, &owns_line);
                        }
                        _ => {
                            let context = (offset - 0x20_0000) / 0x1000;
                            assert!(owns(context) && context == u64::from(current));
                        }
                    }
                }
                ReadEffect::Threshold { context } => assert!(owns(u64::from(context))),
                ReadEffect::Zero => {}
            }
            continue;
        };
        match filter.write(current, offset, value) {
            WriteEffect::Write { offset, value } => {
                assert!(offset.is_multiple_of(4));
                match offset {
                    0..0x1000 => assert!(owns_line(offset / 4) && value <= MAXIMUM_PRIORITY),
                    0x1000..0x2000 => panic!("a pending bit is written"),
                    0x2000..0x20_0000 => {
                        assert!(owns((offset - 0x2000) / 0x80));
                        bits_are_own(value, (offset - 0x2000) % 0x80, &owns_line);
                    }
                    _ => {
                        let context = (offset - 0x20_0000) / 0x1000;
                        assert!(owns(context) && context == u64::from(current));
                        let register = offset % 0x1000;
                        assert!(register == 0 || register == 4 && owns_line(u64::from(value)));
                    }
                }
            }
            WriteEffect::Threshold { context, .. } => {
                assert!(owns(u64::from(context)) && context != current);
            }
            WriteEffect::Ignored | WriteEffect::Denied => {}
        }
    }
});

/// All bits of the word at byte `offset` of an array of line bits are of own lines.
fn bits_are_own(word: u32, offset: u64, owns_line: &impl Fn(u64) -> bool) {
    for bit in 0..32 {
        assert!(word >> bit & 1 == 0 || owns_line(offset * 8 + bit));
    }
}
