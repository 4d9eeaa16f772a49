//! The load/store decoder against a second one that is driven by the encodings as the specification
//! prints them: all 16-bit encodings, and 32-bit ones at random and around the loads and stores.

use partita_virtual_riscv64::decode::{Operation, decode, is_wfi};
use proptest::prelude::*;

/// What both decoders say: (is a store, register, sign-extends, width, length, base, offset).
type Meaning = (bool, usize, bool, u8, u64, usize, i64);

fn meaning(instruction: u32) -> Option<Meaning> {
    decode(instruction).map(|access| {
        let (store, register, sign) = match access.operation() {
            Operation::Load {
                destination,
                sign_extend,
            } => (false, destination, sign_extend),
            Operation::Store { source } => (true, source, false),
        };
        let base = access.base().index();
        let length = access.instruction_length();
        (
            store,
            register.index(),
            sign,
            access.width(),
            length,
            base,
            access.offset(),
        )
    })
}

/// The encodings, from the highest bit to the lowest. A digit is a fixed bit; `iN` is bit N of the
/// offset, `rN` of the loaded or stored register, `bN` of the base.
const FORMS: &[(&str, &str)] = &[
    ("c.lw", "0 1 0 i5 i4 i3 b2 b1 b0 i2 i6 r2 r1 r0 0 0"),
    ("c.ld", "0 1 1 i5 i4 i3 b2 b1 b0 i7 i6 r2 r1 r0 0 0"),
    ("c.sw", "1 1 0 i5 i4 i3 b2 b1 b0 i2 i6 r2 r1 r0 0 0"),
    ("c.sd", "1 1 1 i5 i4 i3 b2 b1 b0 i7 i6 r2 r1 r0 0 0"),
    ("c.lbu", "1 0 0 0 0 0 b2 b1 b0 i0 i1 r2 r1 r0 0 0"),
    ("c.lhu", "1 0 0 0 0 1 b2 b1 b0 0 i1 r2 r1 r0 0 0"),
    ("c.lh", "1 0 0 0 0 1 b2 b1 b0 1 i1 r2 r1 r0 0 0"),
    ("c.sb", "1 0 0 0 1 0 b2 b1 b0 i0 i1 r2 r1 r0 0 0"),
    ("c.sh", "1 0 0 0 1 1 b2 b1 b0 0 i1 r2 r1 r0 0 0"),
    ("c.lwsp", "0 1 0 i5 r4 r3 r2 r1 r0 i4 i3 i2 i7 i6 1 0"),
    ("c.ldsp", "0 1 1 i5 r4 r3 r2 r1 r0 i4 i3 i8 i7 i6 1 0"),
    ("c.swsp", "1 1 0 i5 i4 i3 i2 i7 i6 r4 r3 r2 r1 r0 1 0"),
    ("c.sdsp", "1 1 1 i5 i4 i3 i8 i7 i6 r4 r3 r2 r1 r0 1 0"),
    ("lb", "LOAD 0 0 0"),
    ("lh", "LOAD 0 0 1"),
    ("lw", "LOAD 0 1 0"),
    ("ld", "LOAD 0 1 1"),
    ("lbu", "LOAD 1 0 0"),
    ("lhu", "LOAD 1 0 1"),
    ("lwu", "LOAD 1 1 0"),
    ("sb", "STORE 0 0 0"),
    ("sh", "STORE 0 0 1"),
    ("sw", "STORE 0 1 0"),
    ("sd", "STORE 0 1 1"),
];

fn encoding(form: &str) -> String {
    if let Some(function) = form.strip_prefix("LOAD ") {
        return format!(
            "i11 i10 i9 i8 i7 i6 i5 i4 i3 i2 i1 i0 b4 b3 b2 b1 b0 {function} \
             r4 r3 r2 r1 r0 0 0 0 0 0 1 1"
        );
    }
    if let Some(function) = form.strip_prefix("STORE ") {
        return format!(
            "i11 i10 i9 i8 i7 i6 i5 r4 r3 r2 r1 r0 b4 b3 b2 b1 b0 {function} \
             i4 i3 i2 i1 i0 0 1 0 0 0 1 1"
        );
    }
    form.to_owned()
}

struct Form {
    name: &'static str,
    tokens: Vec<String>,
}

fn forms() -> Vec<Form> {
    let split = |form: &str| {
        encoding(form)
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    FORMS
        .iter()
        .map(|(name, form)| Form {
            name,
            tokens: split(form),
        })
        .collect()
}

fn oracle(forms: &[Form], instruction: u32) -> Option<Meaning> {
    let short = instruction % 4 != 3;
    let length = if short { 16 } else { 32 };
    'form: for form in forms.iter().filter(|form| form.tokens.len() == length) {
        let (mut offset, mut register, mut base) = (0i64, 0usize, 0usize);
        for (bit, token) in form.tokens.iter().rev().enumerate() {
            let value = instruction >> bit & 1;
            let place = || token[1..].parse::<u32>().expect("a bit number");
            match token.chars().next() {
                Some('i') => offset |= i64::from(value) << place(),
                Some('r') => register |= (value as usize) << place(),
                Some('b') => base |= (value as usize) << place(),
                _ if token == &value.to_string() => {}
                _ => continue 'form,
            }
        }
        let stack = form.name.ends_with("sp");
        let (plain, kind) = match form.name.strip_prefix("c.") {
            Some(rest) => (false, rest.trim_end_matches("sp")),
            None => (true, form.name),
        };
        if !plain && !stack {
            (register, base) = (register + 8, base + 8);
        }
        let store = kind.starts_with('s');
        if stack {
            base = 2;
            if !store && register == 0 {
                return None;
            }
        }
        if plain && offset >= 2048 {
            offset -= 4096;
        }
        let width = match &kind[1..2] {
            "b" => 1,
            "h" => 2,
            "w" => 4,
            _ => 8,
        };
        let sign = !store && !kind.ends_with('u');
        return Some((
            store,
            register,
            sign,
            width,
            length as u64 / 8,
            base,
            offset,
        ));
    }
    None
}

#[test]
fn all_16_bit_encodings_agree_with_the_second_decoder() {
    let forms = forms();
    let mut accesses = 0;
    for instruction in (0..=0xffffu32).filter(|instruction| instruction % 4 != 3) {
        let expected = oracle(&forms, instruction);
        assert_eq!(meaning(instruction), expected, "{instruction:#06x}");
        // What follows in memory does not change what a compressed instruction means.
        assert_eq!(
            meaning(instruction | 0xabcd_0000),
            expected,
            "{instruction:#06x}"
        );
        accesses += u32::from(expected.is_some());
    }
    // 4 × 2^11 (c.lw …), 2 × 2^11 − 2^6 each (stack loads), 2 × 2^11 (stack stores), Zcb.
    assert_eq!(
        accesses,
        4 * 2048 + 2 * (2048 - 64) + 2 * 2048 + 2 * 256 + 3 * 128
    );
}

#[test]
fn all_opcodes_and_functions_agree_with_the_second_decoder() {
    let forms = forms();
    for low in 0..1 << 7 {
        for function in 0..8 {
            for rest in [
                0,
                0xffff_ffff,
                0xa5a5_a5a5,
                0x5a5a_5a5a,
                0x8000_0f80,
                0x0123_4567u32,
            ] {
                let instruction = rest & !0x707f | low | function << 12;
                assert_eq!(
                    meaning(instruction),
                    oracle(&forms, instruction),
                    "{instruction:#x}"
                );
            }
        }
    }
}

#[test]
fn atomics_floating_point_vectors_and_cache_blocks_do_not_decode() {
    let others = [
        0x1005_a52f, // lr.w a0, (a1)
        0x18c5_a52f, // sc.w a0, a2, (a1)
        0x00c5_a52f, // amoadd.w a0, a2, (a1)
        0x0005_a507, // flw fa0, (a1)
        0x00a5_b027, // fsd fa0, (a1)
        0x0205_e507, // vle32.v v10, (a1)
        0x0045_a00f, // cbo.zero (a1)
        0x2188,      // c.fld fa0, (a1)
        0xa188,      // c.fsd fa0, (a1)
        0x0000,      // the defined illegal instruction
    ];
    for instruction in others {
        assert_eq!(decode(instruction), None, "{instruction:#x}");
    }
}

#[test]
fn a_loaded_value_is_extended_and_a_stored_one_cut() {
    let access = |instruction| decode(instruction).expect("a load or store");
    let [lb, lbu, lw, lwu, ld] = [
        0x0005_8503,
        0x0005_c503,
        0x0005_a503,
        0x0005_e503,
        0x0005_b503,
    ]
    .map(access);
    assert_eq!(lb.loaded(0x1280), 0xffff_ffff_ffff_ff80);
    assert_eq!(lbu.loaded(0x1280), 0x80);
    assert_eq!(lw.loaded(0x1_8000_0000), 0xffff_ffff_8000_0000);
    assert_eq!(lwu.loaded(0x1_8000_0000), 0x8000_0000);
    assert_eq!(ld.loaded(u64::MAX), u64::MAX);
    let [sb, sd] = [0x00a5_8023, 0x00a5_b023].map(access);
    assert_eq!(sb.stored(0x1234), 0x34);
    assert_eq!(sd.stored(u64::MAX), u64::MAX);
}

#[test]
fn only_wfi_is_wfi() {
    assert!(is_wfi(0x1050_0073));
    assert!(!is_wfi(0x1020_0073) && !is_wfi(0x0000_0073) && !is_wfi(0x1050_00f3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn random_32_bit_encodings_agree_with_the_second_decoder(
        random in proptest::collection::vec(any::<u32>(), 64),
        opcode in proptest::sample::select(vec![0x03u32, 0x23, 0x07, 0x27, 0x2f, 0x0f, 0x13]),
    ) {
        let forms = forms();
        for instruction in random {
            let near = instruction & !0x7f | opcode;
            prop_assert_eq!(meaning(instruction), oracle(&forms, instruction));
            prop_assert_eq!(meaning(near), oracle(&forms, near));
        }
    }

    #[test]
    fn the_effective_address_wraps_like_the_hardware_does(instruction: u32, base: u64) {
        if let Some(access) = decode(instruction) {
            let expected = (i128::from(base) + i128::from(access.offset())) as u64;
            prop_assert_eq!(access.effective_address(base), expected);
        }
    }
}
