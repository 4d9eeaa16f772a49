//! Probes on Arm: from EL2 and EL1 of the normal world, and from EL1 of the secure one.

mod port;
mod random;
mod world;

use super::{Attempt, MOST_NUMBERS, Outcome, Prober, Trap, hold, store};
use crate::arguments::Arguments;
use crate::vector_registers;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use partita_guest_rt::{hart, interrupts};
use world::Level;

pub use port::say;
pub use world::is_program;

/// `ret`, `smc #0` and `hvc #0`, and where the number is in these (DDI 0487, C6.2.317, C6.2.355 and C6.2.139).
const RETURN: u32 = 0xd65f_03c0;
const CALL: u32 = 0xd400_0003;
const HYPERVISOR_CALL: u32 = 0xd400_0002;
const CALL_NUMBER: u32 = 1 << 5;

/// What stays from probe to probe.
pub struct State {
    /// What was left in the vector registers.
    left: u64,
}

impl State {
    /// Of the first probe.
    pub const NEW: Self = Self { left: 0 };
}

/// Whether it gives the core back while it has nothing to do, as a more critical one has to.
static GIVES_BACK: AtomicBool = AtomicBool::new(false);

/// Before the first probe.
pub fn prepare(arguments: &Arguments<'_>) {
    world::prepare(arguments.number("linux", 0) != 0);
    if arguments.number("waits", 0) != 0 {
        GIVES_BACK.store(true, Relaxed);
        interrupts::open();
    }
}

/// Waits until this time. A more critical partition has its turn whenever it wants.
pub fn wait_until(ticks: u64) {
    if GIVES_BACK.load(Relaxed) {
        hart::set_timer(ticks);
        while hart::time() < ticks {
            hart::wait_for_interrupt();
        }
        hart::set_timer(u64::MAX);
        interrupts::take();
    }
    while hart::time() < ticks {}
}

/// Waits for ever.
pub fn rest() -> ! {
    loop {
        hart::wait_for_interrupt();
    }
}

impl Attempt for Prober {
    fn attempt(&mut self, verb: &str, numbers: [usize; MOST_NUMBERS]) -> Option<Outcome> {
        let [first, second, third, fourth, ..] = numbers;
        let outcome = match verb {
            "s" => {
                self.instruction(Level::Own, numbers);
                return None;
            }
            "i" => self.instruction(Level::Own, numbers),
            "e" => self.instruction(Level::One, numbers),
            // With translation: so that memory may be accessed at any address.
            "v" if world::is_program() => {
                world::translated_program(|| self.instruction(Level::Own, numbers))
            }
            // Translation, whose second table is there.
            "walk" => world::walked(third, || {
                self.instruction(Level::Own, [first, second, 0, 0, 0, 0, 0, 0])
            }),
            "v" => world::translated(|| self.instruction(Level::Own, numbers)),
            "x" => outcome(world::execute(Level::Own, first, &mut [0; 18])),
            "ex" => outcome(world::execute(Level::One, first, &mut [0; 18])),
            "c" => self.call(Level::Own, numbers),
            "ec" => self.call(Level::One, numbers),
            "smc1" => self.call_by(CALL | CALL_NUMBER, Level::Own, numbers),
            "hvc" => self.call_by(HYPERVISOR_CALL, Level::Own, numbers),
            "hvc1" => self.call_by(HYPERVISOR_CALL | CALL_NUMBER, Level::Own, numbers),
            "n" => self.repeated(first, |prober| {
                prober.instruction(Level::Own, [second, third, fourth, 0, 0, 0, 0, 0])
            }),
            "nc" => {
                let [_, call @ ..] = numbers;
                let [function, a1, a2, a3, a4, a5, a6] = call;
                self.repeated(first, |prober| {
                    prober.call(Level::Own, [function, a1, a2, a3, a4, a5, a6, 0])
                })
            }
            "m" => {
                world::masked(first, || hold(self.ticks, second));
                Outcome::Value(0)
            }
            "with-interrupt" => Outcome::Value(world::with_interrupt(|| hold(self.ticks, first))),
            // The state to begin in, and up to four words of instructions.
            "old" => {
                for (place, &word) in numbers[1..5].iter().enumerate() {
                    store(self.slot + 4 * place, word as u32);
                }
                Outcome::Value(world::execute_32(self.slot, first, 500 * self.ticks))
            }
            "float" => {
                let found = vector_registers::differences(self.state.left);
                self.state.left = first as u64;
                vector_registers::fill(self.state.left);
                hold(self.ticks, second);
                let kept = vector_registers::differences(self.state.left);
                Outcome::Value((found | kept) as usize)
            }
            "storm" => world::storm(first),
            "dma" => Outcome::Value(port::copy_by_device(first)),
            "random" => Outcome::Answers(random::random(
                |numbers| self.call(Level::Own, numbers),
                first,
                second,
            )),
            _ => return None,
        };
        Some(outcome)
    }
}

impl Prober {
    /// Puts an instruction into this probe's slot.
    fn place(&self, instruction: u32) -> usize {
        store(self.slot, instruction);
        store(self.slot + 4, RETURN);
        self.slot
    }

    /// The instruction, and what it finds in `x0` and `x2`. It may change `x0` and `x1`.
    fn instruction(&self, level: Level, numbers: [usize; MOST_NUMBERS]) -> Outcome {
        let [instruction, argument, stored, ..] = numbers;
        let code = self.place(instruction as u32);
        let mut registers = [0; 18];
        registers[0] = argument;
        registers[2] = stored;
        outcome(world::execute(level, code, &mut registers))
    }

    /// A call by `smc`.
    fn call(&self, level: Level, numbers: [usize; MOST_NUMBERS]) -> Outcome {
        self.call_by(CALL, level, numbers)
    }

    /// A call by this instruction: `x0` to `x7`. Whatever it changes beyond `x3` is an answer that no call has.
    fn call_by(&self, instruction: u32, level: Level, numbers: [usize; MOST_NUMBERS]) -> Outcome {
        let code = self.place(instruction);
        let mut registers = core::array::from_fn(|number| 0x5150 + number);
        registers[..MOST_NUMBERS].copy_from_slice(&numbers);
        let before = registers;
        match world::execute(level, code, &mut registers) {
            Err(trap) => Outcome::Trap(trap),
            // SMCCC 1.4, 2.7: calls that do not use them leave `x4` to `x17` as they are.
            Ok(_) if before[4..] != registers[4..] => Outcome::Answer(isize::MIN, registers[4]),
            Ok(error) => Outcome::Answer(error as isize, registers[1]),
        }
    }

    /// Denied is what ends in an exception or is answered with an error.
    fn repeated(&self, times: usize, attempt: impl Fn(&Self) -> Outcome) -> Outcome {
        let is_denied = |outcome| match outcome {
            Outcome::Trap(_) => true,
            Outcome::Answer(error, _) => error != 0,
            _ => false,
        };
        let denied = (0..times).filter(|_| is_denied(attempt(self))).count();
        let passed = times - denied;
        Outcome::Count { denied, passed }
    }
}

fn outcome(result: Result<usize, Trap>) -> Outcome {
    match result {
        Ok(value) => Outcome::Value(value),
        Err(trap) => Outcome::Trap(trap),
    }
}
