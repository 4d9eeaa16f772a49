//! Calls by `smc` chosen by chance, always the same ones.

use super::super::{Answers, MOST_NUMBERS, Outcome};
use super::say;

/// Calls that are made.
const CALLS: usize = 1000;
/// PSCI and Partita's calls: the part of a function's identifier that tells whose it is (SMCCC 1.4, 2.5).
const OWNER: usize = 0x3f00_0000;
const STANDARD: usize = 0x0400_0000;
const OEM: usize = 0x0300_0000;
const FAST: usize = 1 << 31;
const WIDE: usize = 1 << 30;

/// Makes calls of every kind: fast and yielding, with 32 and with 64 bits, of every owner. Left out is what would
/// rightly end, stop or suspend the caller, start it somewhere else, say that it missed a deadline, or print. `own` and
/// `foreign` are addresses of this partition's memory and of somebody else's.
pub fn random(
    mut call: impl FnMut([usize; MOST_NUMBERS]) -> Outcome,
    own: usize,
    foreign: usize,
) -> Answers {
    let mut answers = Answers::default();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // George Marsaglia, "Xorshift RNGs" (2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let values = [
        0,
        1,
        2,
        3,
        8,
        0xff,
        0x100,
        0x1_0000,
        0x8000_0000,
        1 << 32,
        1 << 63,
        usize::MAX,
        usize::MAX - 7,
        own,
        own + 1,
        own + 8,
        foreign,
        foreign + 4,
        0x8400_0001,
        0xc400_0003,
    ];
    while answers.made < CALLS {
        let kinds = next() >> 8 & 3;
        let owner = match next() >> 8 & 7 {
            0..3 => STANDARD,
            3..6 => OEM,
            _ => next() & OWNER,
        };
        let number = match next() >> 8 & 3 {
            0 => next() >> 8 & 0xffff,
            1 => next() >> 8 & 0x1f | 0x8000,
            _ => next() >> 8 & 0x1f,
        };
        // Most are fast: only those can be somebody's here.
        let fast = if next() >> 8 & 7 == 0 { 0 } else { FAST };
        let function = fast | ((kinds & 1) * WIDE) | owner | number;
        let mut numbers = [0; MOST_NUMBERS];
        numbers[0] = function | (next() >> 8 & 1) << 32;
        for number in &mut numbers[1..] {
            *number = match next() >> 8 & 3 {
                0 => next(),
                _ => values[(next() >> 8) % values.len()],
            };
        }
        if is_left_out(function, &numbers, own) {
            continue;
        }
        answers.made += 1;
        match call(numbers) {
            // Of PSCI, and Partita's own.
            Outcome::Answer(-2, _) if is_of(function, STANDARD) => answers.parameter += 1,
            Outcome::Answer(-9, _) if is_of(function, STANDARD) => answers.address += 1,
            Outcome::Answer(-3, _) if is_of(function, OEM) => answers.parameter += 1,
            Outcome::Answer(-5, _) if is_of(function, OEM) => answers.address += 1,
            Outcome::Answer(isize::MIN, _) | Outcome::Trap(_) => {
                // That is no answer; it spoils the count.
                say(format_args!("isolation: {function:#x} changes registers"));
                answers.made += CALLS;
            }
            _ => {}
        }
    }
    answers
}

const fn is_of(function: usize, owner: usize) -> bool {
    function & FAST != 0 && function & OWNER == owner
}

/// Whether a call would rightly do to the caller what the others cannot be made after.
fn is_left_out(function: usize, numbers: &[usize; MOST_NUMBERS], own: usize) -> bool {
    let number = function & 0xffff;
    let is_own_address = |address: usize| (address ^ own) >> 24 & 0xff == 0;
    if is_of(function, STANDARD) {
        return match number {
            // CPU_SUSPEND: standby waits; what is suspended goes on elsewhere.
            1 | 0xe => {
                number == 1 && numbers[1] & 0x1_0000 == 0
                    || numbers.iter().skip(1).any(|a| is_own_address(*a))
            }
            // CPU_OFF, SYSTEM_OFF, SYSTEM_RESET, SYSTEM_RESET2.
            2 | 8 | 9 | 0x12 => true,
            _ => false,
        };
    }
    // Deadlines, the end of the partition, and what would be printed by another way than this prober's lines.
    let prints = number == 10 || number == 8 && is_own_address(numbers[1]);
    is_of(function, OEM) && (matches!(number, 0 | 3) || prints)
}
