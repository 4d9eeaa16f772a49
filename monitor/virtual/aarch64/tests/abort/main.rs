//! The decoders of denied accesses: of instructions against a second decoder, and of syndromes against one that is a
//! table.

mod encodings;

use encodings::{Form, Meaning, forms, meaning};
use partita_virtual_aarch64::abort::Transfer;
use partita_virtual_aarch64::abort::instruction::decode;
use proptest::prelude::*;

/// What the decoder under test says.
fn decoded(instruction: u32, registers: [u64; 2], memory: u64) -> Option<Meaning> {
    let found = decode(instruction)?;
    let transfer = found.transfer;
    assert_eq!(
        u64::from(transfer.total()),
        u64::from(transfer.bytes()) * (1 + u64::from(transfer.second().is_some()))
    );
    Some(Meaning {
        is_write: transfer.is_write(),
        bytes: transfer.bytes().into(),
        first: transfer.first().index(),
        second: transfer.second().map(|second| second.index()),
        base: found.base(),
        index: found.index().map(|index| index.index()),
        address: found.address(registers[0], registers[1]),
        write_back: found.write_back(registers[0]),
        loaded: (!transfer.is_write()).then(|| transfer.loaded(memory)),
    })
}

const REGISTERS: [u64; 2] = [0x0000_7fff_0900_0ff8, 0xffff_fff0_9000_0003];
const MEMORY: u64 = 0x8182_8384_f5f6_f7f8;

fn assert_agree(forms: &[Form], instruction: u32) {
    let expected = meaning(forms, instruction, REGISTERS, MEMORY);
    assert_eq!(
        decoded(instruction, REGISTERS, MEMORY),
        expected,
        "{instruction:#010x}"
    );
}

#[test]
fn all_classes_of_loads_and_stores_agree_with_the_second_decoder() {
    let forms = forms();
    // Bits 31 to 21, and 15 to 10, are all that tells instructions from each other.
    for high in 0..1_u32 << 11 {
        // Of what is no load or store (C4.1), a part is enough.
        if high >> 4 & 0b101 != 0b100 && !high.is_multiple_of(16) {
            continue;
        }
        for low in 0..1 << 6 {
            for rest in [0x0003_0041, 0x001f_03ff] {
                assert_agree(&forms, high << 21 | low << 10 | rest);
            }
        }
    }
}

#[test]
fn all_registers_of_each_form_agree_with_the_second_decoder() {
    let forms = forms();
    for form in &forms {
        for first in 0..32 {
            for base in 0..32 {
                for second in [0, first, base, 31] {
                    let random = first | base << 5 | second << 10 | second << 16 | 0x0030_0000;
                    assert_agree(&forms, form.instruction(random));
                }
            }
        }
    }
}

#[test]
fn known_instructions_decode() {
    // As an assembler encodes them.
    let all: [(u32, &str); 12] = [
        (0xb940_0041, "ldr w1, [x2]"),
        (0xb900_07e1, "str w1, [sp, #4]"),
        (0xf840_8441, "ldr x1, [x2], #8"),
        (0xb81f_cc41, "str w1, [x2, #-4]!"),
        (0x3980_0441, "ldrsb x1, [x2, #1]"),
        (0x79c0_0441, "ldrsh w1, [x2, #2]"),
        (0xb880_4441, "ldrsw x1, [x2], #4"),
        (0xa940_0861, "ldp x1, x2, [x3]"),
        (0x29bf_0861, "stp w1, w2, [x3, #-8]!"),
        (0x68c1_0861, "ldpsw x1, x2, [x3], #8"),
        (0xb863_5841, "ldr w1, [x2, w3, uxtw #2]"),
        (0xa900_7c7f, "stp xzr, xzr, [x3]"),
    ];
    let forms = forms();
    for (instruction, text) in all {
        let expected = meaning(&forms, instruction, REGISTERS, MEMORY);
        assert!(expected.is_some(), "{text}");
        assert_eq!(decoded(instruction, REGISTERS, MEMORY), expected, "{text}");
    }
}

#[test]
fn what_has_no_meaning_on_a_device_does_not_decode() {
    let others: [(u32, &str); 14] = [
        (0x3dc0_0041, "ldr q1, [x2]"),
        (0xad40_0861, "ldp q1, q2, [x3]"),
        (0x4c40_7041, "ld1 {v1.16b}, [x2]"),
        (0x885f_7c41, "ldxr w1, [x2]"),
        (0x8801_7c43, "stxr w1, w3, [x2]"),
        (0xb821_0043, "ldadd w1, w3, [x2]"),
        (0x88a1_7c43, "cas w1, w3, [x2]"),
        (0xf980_0040, "prfm pldl1keep, [x2]"),
        (0x5800_0041, "ldr x1, next"),
        (0xd50b_7422, "dc zva, x2"),
        (0xd50b_7e22, "dc civac, x2"),
        (0x6880_0861, "stgp x1, x2, [x3], #0"),
        (0xd503_201f, "nop"),
        (0x0000_0000, "udf #0"),
    ];
    for (instruction, text) in others {
        assert_eq!(decode(instruction), None, "{text}");
    }
}

#[test]
fn an_instruction_is_the_reason_only_within_one_page() {
    let pair = decode(0xa940_0861).expect("ldp x1, x2, [x3]");
    assert!(pair.is_reason(0x1000, 0x1000));
    assert!(pair.is_reason(0x1000, 0x100f));
    assert!(!pair.is_reason(0x1000, 0x1010));
    assert!(!pair.is_reason(0x1000, 0xfff));
    assert!(pair.is_reason(0x1ff0, 0x1ff8));
    assert!(!pair.is_reason(0x1ff1, 0x1ff8));
    assert!(!pair.is_reason(0x1ff8, 0x2000));
    assert!(!pair.is_reason(u64::MAX, 0));
}

/// The fields of a syndrome with `ISV` (D24.2.40), highest bit first: class, length, valid, size, sign, register,
/// 64 bits, ordered, ..., maintenance, walk, write.
fn syndrome_meaning(syndrome: u64) -> Option<(bool, u8, usize, bool, bool)> {
    let text = format!("{syndrome:064b}");
    let bits = |high: usize, low: usize| {
        u64::from_str_radix(&text[63 - high..=63 - low], 2).expect("digits")
    };
    let plain =
        bits(31, 26) == 0b10_0100 && bits(24, 24) == 1 && bits(8, 8) == 0 && bits(7, 7) == 0;
    let kind = ["0001", "0010", "0011"].contains(&&text[63 - 5..=63 - 2]);
    (plain && kind).then(|| {
        let bytes = match bits(23, 22) {
            0b00 => 1,
            0b01 => 2,
            0b10 => 4,
            _ => 8,
        };
        let is_write = bits(6, 6) == 1;
        (
            is_write,
            bytes,
            bits(20, 16) as usize,
            bits(21, 21) == 1,
            bits(15, 15) == 1,
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn random_instructions_agree_with_the_second_decoder(
        random in prop::collection::vec(any::<u32>(), 32),
        registers: [u64; 2],
        memory: u64,
    ) {
        let forms = forms();
        for (number, instruction) in random.into_iter().enumerate() {
            let form = &forms[(number + instruction as usize) % forms.len()];
            for instruction in [instruction, form.instruction(instruction)] {
                let expected = meaning(&forms, instruction, registers, memory);
                prop_assert_eq!(decoded(instruction, registers, memory), expected);
            }
        }
    }

    #[test]
    fn syndromes_mean_what_the_table_says(
        syndrome in prop_oneof![
            any::<u64>(),
            any::<u64>().prop_map(|bits| bits & 0x3fe_ffff | 0x24 << 26 | 1 << 24),
            any::<u64>().prop_map(|bits| bits & 0x2ff_fe7f | 0x24 << 26 | 1 << 24),
            any::<u64>().prop_map(|bits| bits & 0x2ff_fe43 | 0x24 << 26 | 1 << 24 | 1 << 2),
            any::<u64>().prop_map(|bits| bits & 0x2ff_fe4f | 0x24 << 26 | 1 << 24 | 3 << 2),
        ],
        memory: u64,
    ) {
        let found = Transfer::of_syndrome(syndrome);
        let expected = syndrome_meaning(syndrome);
        prop_assert_eq!(found.is_some(), expected.is_some());
        if let (Some(found), Some((is_write, bytes, register, is_signed, is_wide))) = (found, expected) {
            prop_assert_eq!(found.is_write(), is_write);
            prop_assert_eq!(found.bytes(), bytes);
            prop_assert_eq!(found.total(), bytes);
            prop_assert_eq!(found.first().index(), register);
            prop_assert_eq!(found.second(), None);
            let extended = match bytes {
                1 => i64::from(memory as i8),
                2 => i64::from(memory as i16),
                4 => i64::from(memory as i32),
                _ => memory as i64,
            };
            let cut = memory & u64::MAX >> (64 - 8 * u32::from(bytes));
            let loaded = match (is_signed && !is_write, is_wide) {
                (false, _) => cut,
                (true, true) => extended as u64,
                (true, false) => u64::from(extended as u32),
            };
            prop_assert_eq!(found.loaded(memory), loaded);
            prop_assert_eq!(found.stored(memory), cut);
        }
    }

    #[test]
    fn words_of_any_kind_end_in_an_answer(instruction: u32, syndrome: u64, base: u64, index: u64) {
        if let Some(found) = decode(instruction) {
            prop_assert!(found.base() < 32 && found.transfer.total() <= 16);
            let address = found.address(base, index);
            let _ = found.write_back(base);
            let reason = found.is_reason(address, address);
            prop_assert!(!reason || address % 4096 + u64::from(found.transfer.total()) <= 4096);
        }
        if let Some(found) = Transfer::of_syndrome(syndrome) {
            prop_assert!(found.first().index() < 32);
        }
    }
}
