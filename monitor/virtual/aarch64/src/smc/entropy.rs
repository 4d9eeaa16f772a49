//! Random numbers (DEN0098 1.0): offered where the cores have a source of them (FEAT_RNG).

use super::{Call, Mitigations, answer, id};

/// Version 1.0 (2.2).
const VERSION: u64 = 0x1_0000;
/// What tells this source from others: 69f4d3ac-0c1e-4e57-9b0a-6d35c2a4f871, as `TRNG_GET_UUID` has it in four
/// registers (2.4).
pub const IDENTITY: [u64; 4] = [0xacd3_f469, 0x574e_1e0c, 0x356d_0a9b, 0x71f8_a4c2];
/// The most bits of a call (2.5): three registers of the caller's width.
const MOST_WORDS: u64 = 3;

/// The answer to a call that asks for a fact.
pub(super) fn fact(function: u32, first: u64, mitigations: Mitigations) -> u64 {
    match (mitigations.entropy, function, first as u32) {
        (false, ..) => answer::NOT_SUPPORTED,
        (true, id::TRNG_VERSION, _) => VERSION,
        (
            true,
            _,
            id::TRNG_VERSION
            | id::TRNG_FEATURES
            | id::TRNG_GET_UUID
            | id::TRNG_RND_32
            | id::TRNG_RND_64,
        ) => answer::SUCCESS,
        _ => answer::NOT_SUPPORTED,
    }
}

/// A call for random bits.
pub(super) fn asked(function: u32, bits: u64) -> Call {
    let width = if function == id::TRNG_RND_64 { 64 } else { 32 };
    if bits == 0 || bits > MOST_WORDS * width {
        return Call::Answer(answer::INVALID_PARAMETERS);
    }
    Call::Entropy {
        function,
        bits: bits as u32,
    }
}

/// Random words as the answer to a call for `bits` of them, in `x1` to `x3`: the lowest bits are in the last register
/// (2.5), and those that nobody asked for are zero.
#[must_use]
pub fn spread(function: u32, bits: u32, words: [u64; 3]) -> [u64; 3] {
    let width = if function & id::WIDE == 0 { 32 } else { 64 };
    let mut left = bits;
    let mut registers = [0; 3];
    for (register, word) in registers.iter_mut().rev().zip(words) {
        let bits = left.min(width);
        left = left.saturating_sub(bits);
        let unused = 64_u32.saturating_sub(bits);
        *register = word.checked_shr(unused).unwrap_or(0);
    }
    registers
}
