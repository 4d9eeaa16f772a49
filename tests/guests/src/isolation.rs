//! Carries out a table of probes that it is told, and says what came of each. The table is the test's:
//! every instruction, address and call comes from there.
//!
//! A word is a verb and hexadecimal numbers: `i:53503,80000000`. Each probe has a slot of its own at the
//! address that `slots:` names, and its instruction is put there, so that its program counter is known. What the
//! verbs do is of the architecture.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "riscv64")]
mod riscv64;

#[cfg(target_arch = "aarch64")]
pub use aarch64::{is_program, say};

use crate::arguments::Arguments;
#[cfg(target_arch = "aarch64")]
use aarch64 as architecture;
use core::ptr::with_exposed_provenance_mut;
use partita_guest_rt::hart;
#[cfg(target_arch = "riscv64")]
use riscv64 as architecture;

/// Time between two probes, in microseconds: the console must not lose lines, and the other
/// partitions have their turn.
const PACE_US: u64 = 150;
/// Bytes of a slot.
const SLOT_BYTES: usize = 16;
/// The most numbers of a word.
const MOST_NUMBERS: usize = 8;

/// The exception that a probe ended in.
struct Trap {
    /// What the architecture tells of it.
    cause: usize,
    /// The address that it is about.
    value: usize,
}

/// How calls chosen by chance were answered.
#[derive(Default)]
pub struct Answers {
    /// Calls that were made.
    pub made: usize,
    /// Those that were answered "invalid parameter".
    pub parameter: usize,
    /// Those that were answered "invalid address".
    pub address: usize,
}

/// What came of a probe.
enum Outcome {
    Trap(Trap),
    Value(usize),
    /// A call's error and value.
    Answer(isize, usize),
    Count {
        denied: usize,
        passed: usize,
    },
    Answers(Answers),
}

struct Prober {
    slot: usize,
    index: usize,
    /// Ticks of machine time in a microsecond.
    ticks: u64,
    /// What the architecture keeps from probe to probe.
    state: architecture::State,
}

/// What an architecture makes of words.
trait Attempt {
    /// Carries out a word; `None` if it only prepares one.
    fn attempt(&mut self, verb: &str, numbers: [usize; MOST_NUMBERS]) -> Option<Outcome>;
}

/// Writes a line.
macro_rules! say {
    ($($argument:tt)*) => { architecture::say(format_args!($($argument)*)) };
}

/// Carries out what the arguments say.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let slots = arguments.number("slots", 0);
    let mut prober = Prober {
        slot: slots,
        index: 0,
        ticks: arguments.number("ticks-per-us", 10) as u64,
        state: architecture::State::NEW,
    };
    architecture::prepare(arguments);
    say!("isolation: running");
    // Not at the same time as the other partition's first lines.
    architecture::wait_until(hart::time() + 10 * PACE_US * prober.ticks);
    for (verb, text) in arguments.pairs() {
        let mut numbers = [0; MOST_NUMBERS];
        for (number, digits) in numbers.iter_mut().zip(text.split(',')) {
            *number = usize::from_str_radix(digits, 16).unwrap_or(0);
        }
        prober.word(verb, numbers);
    }
    say!("isolation: done");
    architecture::rest()
}

impl Prober {
    fn word(&mut self, verb: &str, numbers: [usize; MOST_NUMBERS]) {
        let [first, second, ..] = numbers;
        let before = hart::time();
        match verb {
            "w4" => return store(first, second as u32),
            "w8" => {
                store(first, second as u32);
                return store(first + 4, (second >> 32) as u32);
            }
            _ => {}
        }
        let Some(outcome) = self.attempt(verb, numbers) else {
            return;
        };
        let after = hart::time();
        let index = self.index;
        match outcome {
            Outcome::Trap(Trap { cause, value }) => {
                say!("isolation: {index} {before} {after} trap {cause} {value:#x}");
            }
            Outcome::Value(value) => {
                say!("isolation: {index} {before} {after} value {value:#x}");
            }
            Outcome::Answer(error, value) => {
                say!("isolation: {index} {before} {after} answer {error} {value:#x}");
            }
            Outcome::Count { denied, passed } => {
                say!("isolation: {index} {before} {after} count {denied} {passed}");
            }
            Outcome::Answers(answers) => {
                // They may have printed something.
                say!("");
                let Answers {
                    made,
                    parameter,
                    address,
                } = answers;
                say!("isolation: {index} {before} {after} answers {made} {parameter} {address}");
            }
        }
        self.index += 1;
        self.slot += SLOT_BYTES;
        architecture::wait_until(hart::time() + PACE_US * self.ticks);
    }
}

/// Does not give the core back for so many microseconds of `ticks`.
fn hold(ticks: u64, us: usize) {
    let end = hart::time() + ticks * us as u64;
    while hart::time() < end {}
}

/// Writes to this partition's own memory.
fn store(address: usize, value: u32) {
    // SAFETY: the table names memory of this partition that this program does not use; if it is not there,
    // the fault ends the test.
    unsafe { with_exposed_provenance_mut::<u32>(address).write_volatile(value) };
}
