//! Probes on RISC-V: from S-mode, each in a slot of two instructions.

mod race;
mod user;

use super::{Attempt, MOST_NUMBERS, Outcome, Prober, Trap, hold, store};
use crate::arguments::Arguments;
use crate::imsic;
use crate::registers::{FloatingPoint, read_floating_point, write_floating_point};
use crate::rtc;
use crate::sbi_arguments::random;
use core::arch::{asm, naked_asm};
use core::fmt;
use partita_guest_rt::trap::{
    ILLEGAL_INSTRUCTION, INSTRUCTION_ACCESS_FAULT, LOAD_ACCESS_FAULT, STORE_ACCESS_FAULT,
};
use partita_guest_rt::{console, hart, println, probe};
use sbi_spec::binary::SbiRet;

/// Causes of denied accesses.
const DENIED: [usize; 3] = [
    INSTRUCTION_ACCESS_FAULT,
    LOAD_ACCESS_FAULT,
    STORE_ACCESS_FAULT,
];
/// `jalr zero, 0(ra)` and `ecall` (unprivileged specification, chapters 2.5 and 2.8).
const RETURN: u32 = 0x0000_8067;
const CALL: u32 = 0x0000_0073;
/// `csrrw`, `csrrs` and `csrrc` of `a0` (chapter 7.1), without the register's number.
const REGISTER_ACCESSES: [u32; 4] = [0x0000_2573, 0x0005_1073, 0x0005_2573, 0x0005_3573];

impl From<SbiRet> for Outcome {
    fn from(answer: SbiRet) -> Self {
        Self::Answer(answer.error as isize, answer.value)
    }
}

/// What stays from probe to probe.
pub struct State {
    /// What was left in the floating-point registers.
    left: FloatingPoint,
}

impl State {
    /// Of the first probe.
    pub const NEW: Self = Self { left: [0; 33] };
}

/// Before the first probe.
pub fn prepare(_: &Arguments<'_>) {
    hart::enable_sources(hart::source::TIMER);
}

/// Gives the hart back until this time.
pub fn wait_until(ticks: u64) {
    crate::idle::wait_until(ticks);
}

/// Waits for ever.
pub fn rest() -> ! {
    crate::idle::rest()
}

/// Writes a line to the console.
pub fn say(arguments: fmt::Arguments<'_>) {
    console::print(arguments, "\n");
}

impl Attempt for Prober {
    fn attempt(&mut self, verb: &str, numbers: [usize; MOST_NUMBERS]) -> Option<Outcome> {
        let [first, second, third, ..] = numbers;
        let outcome = match verb {
            "s" => {
                self.instruction(first, second, third);
                return None;
            }
            "sc" => {
                self.call(numbers);
                return None;
            }
            "i" => self.instruction(first, second, third),
            "h" => self.held(first, second, third),
            // SAFETY: the table names addresses where no code of this program is.
            "x" => outcome(unsafe { probe::execute(first, second) }),
            "t" => self.translated(first, self.place(second as u32), third),
            "tx" => self.translated(first, second, third),
            "c" => Outcome::from(self.call(numbers)),
            "n" => self.repeated(first, second, third),
            "nc" => self.calls(numbers),
            "u" => outcome(user::execute(self.place_call(first as u32), second)),
            "file" => {
                imsic::open(first);
                return None;
            }
            "a" => self.alarms(first, second),
            "race" => self.race(numbers),
            "r" => self.registers(first, second),
            "float" => {
                let strange = self.floating_point(first);
                hold(self.ticks, second);
                Outcome::Value(strange)
            }
            "random" => Outcome::Answers(random(first, second)),
            _ => return None,
        };
        Some(outcome)
    }
}

impl Prober {
    /// As [`Self::place`], with a call behind it that ends user mode.
    fn place_call(&self, instruction: u32) -> usize {
        store(self.slot, instruction);
        store(self.slot + 4, CALL);
        self.slot
    }

    /// Takes alarms of the clock, each due when it is set: by the monitor, or from the interrupt controller,
    /// which is a PLIC (1) or an interrupt file (2).
    fn alarms(&self, times: usize, way: usize) -> Outcome {
        rtc::enable();
        let mut passed = 0;
        for _ in 0..times {
            rtc::alarm_in(0);
            while hart::pending_sources() & hart::source::EXTERNAL == 0 {
                core::hint::spin_loop();
            }
            let taken = match way {
                0 => rtc::take(),
                1 => rtc::take_direct(),
                _ => rtc::take_by_file(),
            };
            passed += usize::from(taken);
        }
        let denied = times - passed;
        Outcome::Count { denied, passed }
    }

    /// Translation, instruction, argument; times; then what another hart writes meanwhile, and where.
    fn race(&self, numbers: [usize; MOST_NUMBERS]) -> Outcome {
        let [
            translation,
            instruction,
            argument,
            times,
            place,
            one,
            other,
            _,
        ] = numbers;
        // No instruction: the one that the other hart changes.
        let code = match instruction {
            0 => place,
            _ => self.place(instruction as u32),
        };
        let (mut denied, mut passed) = (0, 0);
        race::against(place, [one, other], || {
            for _ in 0..times {
                match self.translated(translation, code, argument) {
                    Outcome::Trap(Trap { cause, .. }) if DENIED.contains(&cause) => denied += 1,
                    _ => passed += 1,
                }
            }
        });
        Outcome::Count { denied, passed }
    }

    /// Puts an instruction into this probe's slot.
    fn place(&self, instruction: u32) -> usize {
        store(self.slot, instruction);
        store(self.slot + 4, RETURN);
        self.slot
    }

    /// Executes it with `argument` in `a0` and `stored` in `a2`.
    fn instruction(&self, instruction: usize, argument: usize, stored: usize) -> Outcome {
        let code = self.place(instruction as u32);
        // SAFETY: it is one instruction that changes `a0` at most, and a return.
        outcome(unsafe { probe::execute_with(code, argument, stored) })
    }

    /// As [`Self::instruction`], then keeps the hart for a while.
    fn held(&self, instruction: usize, argument: usize, hold_us: usize) -> Outcome {
        let outcome = self.instruction(instruction, argument, 0);
        hold(self.ticks, hold_us);
        outcome
    }

    /// Calls `code` with this in `satp` meanwhile.
    fn translated(&self, translation: usize, code: usize, argument: usize) -> Outcome {
        // SAFETY: the table's page tables map this partition's memory onto itself.
        unsafe { asm!("csrw satp, {}", "sfence.vma", in(reg) translation) };
        // SAFETY: it is an instruction that uses `a0` at most and a return, or the fetch is denied.
        let outcome = outcome(unsafe { probe::execute(code, argument) });
        // SAFETY: back to where it was.
        unsafe { asm!("csrw satp, zero", "sfence.vma") };
        outcome
    }

    fn repeated(&self, times: usize, instruction: usize, argument: usize) -> Outcome {
        let code = self.place(instruction as u32);
        let mut denied = 0;
        for _ in 0..times {
            // SAFETY: as in `instruction`.
            denied += usize::from(unsafe { probe::execute(code, argument) }.is_err());
        }
        let passed = times - denied;
        Outcome::Count { denied, passed }
    }

    /// Extension, function, then arguments.
    fn call(&self, numbers: [usize; MOST_NUMBERS]) -> SbiRet {
        let [extension, function, a0, a1, a2, a3, a4, a5] = numbers;
        let code = self.place(CALL);
        // SAFETY: the instructions cache sees the slot after a fence; the call follows the C calling
        // convention, and what it is asked for is to be refused or harmless.
        unsafe {
            asm!(
                ".option push",
                ".option arch, +zifencei",
                "fence.i",
                ".option pop"
            );
            call_at(a0, a1, a2, a3, a4, a5, function, extension, code)
        }
    }

    /// Times, extension, function, then arguments.
    fn calls(&self, numbers: [usize; MOST_NUMBERS]) -> Outcome {
        let [times, extension, function, a0, a1, a2, a3, a4] = numbers;
        let mut denied = 0;
        for _ in 0..times {
            let answer = self.call([extension, function, a0, a1, a2, a3, a4, 0]);
            denied += usize::from(answer.error != 0);
        }
        let passed = times - denied;
        Outcome::Count { denied, passed }
    }

    /// How many floating-point registers hold something else than this left there; leaves `value` in them.
    fn floating_point(&mut self, value: usize) -> usize {
        let found = read_floating_point();
        let strange = found
            .iter()
            .zip(&self.state.left)
            .filter(|(found, left)| found != left)
            .count();
        self.state.left = [value as u64; 33];
        self.state.left[32] &= 0x7f;
        write_floating_point(&self.state.left);
        strange
    }

    /// Reads, writes, sets and clears each register of a range; denied is what is an illegal instruction
    /// and says which.
    fn registers(&self, first: usize, last: usize) -> Outcome {
        let (mut denied, mut passed) = (0, 0);
        for register in first..=last {
            for access in REGISTER_ACCESSES {
                let instruction = access | (register as u32) << 20;
                let code = self.place(instruction);
                // SAFETY: if this is not denied, the test has failed.
                match unsafe { probe::execute(code, usize::MAX) } {
                    Err(probe::Trap { cause, value })
                        if cause == ILLEGAL_INSTRUCTION && value == instruction as usize =>
                    {
                        denied += 1;
                    }
                    _ => {
                        passed += 1;
                        println!("isolation: register {register:#x} was not denied");
                    }
                }
            }
        }
        Outcome::Count { denied, passed }
    }
}

fn outcome(result: Result<usize, probe::Trap>) -> Outcome {
    match result {
        Ok(value) => Outcome::Value(value),
        Err(probe::Trap { cause, value }) => Outcome::Trap(Trap { cause, value }),
    }
}

/// Calls `code` with eight arguments.
#[unsafe(naked)]
unsafe extern "C" fn call_at(
    _a0: usize,
    _a1: usize,
    _a2: usize,
    _a3: usize,
    _a4: usize,
    _a5: usize,
    _a6: usize,
    _a7: usize,
    _code: usize,
) -> SbiRet {
    naked_asm!("ld t0, 0(sp)", "jr t0")
}
