//! The floating-point and vector registers stay what a program of Linux's has put into them.

use crate::kernel::say;
use crate::vector_registers::{differences, fill};

/// Fills all of them `rounds` times, and looks at them `looks` times each.
pub fn run(rounds: u64, looks: u64) {
    let mut wrong = 0_u64;
    for round in 0..rounds {
        let value = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(round + 1);
        fill(value);
        for _ in 0..looks {
            wrong += u64::from(differences(value) != 0);
        }
    }
    say!("float {rounds} rounds, {wrong} wrong");
}
