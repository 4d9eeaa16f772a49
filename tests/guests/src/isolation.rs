//! Carries out a table of probes that it is told, and says what came of each. The table is the test's:
//! every instruction, address and call comes from there.
//!
//! A word is a verb and hexadecimal numbers: `i:53503,80000000`. Each probe has a slot of its own at the
//! address that `slots:` names, and its instruction is put there, so that its program counter is known.

mod race;
mod user;

use crate::arguments::Arguments;
use crate::idle::{rest, wait_until};
use crate::imsic;
use crate::registers::{FloatingPoint, read_floating_point, write_floating_point};
use crate::rtc;
use crate::sbi_arguments::{Answers, random};
use core::arch::{asm, naked_asm};
use core::ptr::with_exposed_provenance_mut;
use partita_guest_rt::probe::{self, Trap};
use partita_guest_rt::trap::{
    ILLEGAL_INSTRUCTION, INSTRUCTION_ACCESS_FAULT, LOAD_ACCESS_FAULT, STORE_ACCESS_FAULT,
};
use partita_guest_rt::{hart, println};
use sbi_spec::binary::SbiRet;

/// Time between two probes, in microseconds: the console must not lose lines, and the other
/// partitions have their turn.
const PACE_US: u64 = 150;
/// Bytes of a slot.
const SLOT_BYTES: usize = 16;
/// The most numbers of a word.
const MOST_NUMBERS: usize = 8;
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

/// What came of a probe.
enum Outcome {
    Trap(Trap),
    Value(usize),
    Answer(SbiRet),
    Count { denied: usize, passed: usize },
    Answers(Answers),
}

struct Prober {
    slot: usize,
    index: usize,
    /// Ticks of machine time in a microsecond.
    ticks: u64,
    /// What was left in the floating-point registers.
    left: FloatingPoint,
}

/// Carries out what the arguments say.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let slots = arguments.number("slots", 0);
    let mut prober = Prober {
        slot: slots,
        index: 0,
        ticks: arguments.number("ticks-per-us", 10) as u64,
        left: [0; 33],
    };
    println!("isolation: running");
    hart::enable_sources(hart::source::TIMER);
    // Not at the same time as the other partition's first lines.
    wait_until(hart::time() + 10 * PACE_US * prober.ticks);
    for (verb, text) in arguments.pairs() {
        let mut numbers = [0; MOST_NUMBERS];
        for (number, digits) in numbers.iter_mut().zip(text.split(',')) {
            *number = usize::from_str_radix(digits, 16).unwrap_or(0);
        }
        prober.word(verb, numbers);
    }
    println!("isolation: done");
    rest()
}

impl Prober {
    fn word(&mut self, verb: &str, numbers: [usize; MOST_NUMBERS]) {
        let [first, second, third, ..] = numbers;
        let before = hart::time();
        let outcome = match verb {
            "w4" => return store(first, second as u32),
            "w8" => {
                store(first, second as u32);
                return store(first + 4, (second >> 32) as u32);
            }
            "s" => {
                self.instruction(first, second, third);
                return;
            }
            "sc" => {
                self.call(numbers);
                return;
            }
            "i" => self.instruction(first, second, third),
            "h" => self.held(first, second, third),
            // SAFETY: the table names addresses where no code of this program is.
            "x" => outcome(unsafe { probe::execute(first, second) }),
            "t" => self.translated(first, self.place(second as u32), third),
            "tx" => self.translated(first, second, third),
            "c" => Outcome::Answer(self.call(numbers)),
            "n" => self.repeated(first, second, third),
            "nc" => self.calls(numbers),
            "u" => outcome(user::execute(self.place_call(first as u32), second)),
            "file" => return imsic::open(first),
            "a" => self.alarms(first, second),
            "race" => self.race(numbers),
            "r" => self.registers(first, second),
            "float" => {
                let strange = self.floating_point(first);
                self.hold(second);
                Outcome::Value(strange)
            }
            "random" => Outcome::Answers(random(first, second)),
            _ => return,
        };
        let after = hart::time();
        let index = self.index;
        match outcome {
            Outcome::Trap(Trap { cause, value }) => {
                println!("isolation: {index} {before} {after} trap {cause} {value:#x}");
            }
            Outcome::Value(value) => {
                println!("isolation: {index} {before} {after} value {value:#x}");
            }
            Outcome::Answer(SbiRet { error, value }) => {
                let error = error as isize;
                println!("isolation: {index} {before} {after} answer {error} {value:#x}");
            }
            Outcome::Count { denied, passed } => {
                println!("isolation: {index} {before} {after} count {denied} {passed}");
            }
            Outcome::Answers(answers) => {
                // They may have printed something.
                println!("");
                let Answers {
                    made,
                    parameter,
                    address,
                } = answers;
                println!(
                    "isolation: {index} {before} {after} answers {made} {parameter} {address}"
                );
            }
        }
        self.index += 1;
        self.slot += SLOT_BYTES;
        wait_until(hart::time() + PACE_US * self.ticks);
    }

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
        self.hold(hold_us);
        outcome
    }

    /// Does not give the hart back.
    fn hold(&self, us: usize) {
        let end = hart::time() + self.ticks * us as u64;
        while hart::time() < end {}
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
            .zip(&self.left)
            .filter(|(found, left)| found != left)
            .count();
        self.left = [value as u64; 33];
        self.left[32] &= 0x7f;
        write_floating_point(&self.left);
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
                    Err(Trap { cause, value })
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

fn outcome(result: Result<usize, Trap>) -> Outcome {
    match result {
        Ok(value) => Outcome::Value(value),
        Err(trap) => Outcome::Trap(trap),
    }
}

/// Writes to this partition's own memory.
fn store(address: usize, value: u32) {
    // SAFETY: the table names memory of this partition that this program does not use; if it is not there,
    // the fault ends the test.
    unsafe { with_exposed_provenance_mut::<u32>(address).write_volatile(value) };
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
