//! Performance counters: a partition counts what it did itself, whoever else was on the hart.

use crate::arguments::Arguments;
use crate::idle::rest;
use core::arch::asm;
use partita_guest_rt::{hart, println, probe, sbi};
use sbi_spec::pmu::{self, firmware_event, hardware_event};

/// Both partitions of a test use the same counter.
const COUNTER: usize = 3;
/// The register that it is read from.
const REGISTER: usize = 0xc03;
const ONLY: [usize; 2] = [COUNTER, 1];
const RESET: usize = 1;
const WITH_VALUE: usize = 1;
/// Bit of an overflow in `sie` and `sip` (Sscofpmf 1.0, 4).
const OVERFLOW: usize = 1 << 13;

fn call(function: usize, set: [usize; 2], flags: usize, more: usize) -> (isize, usize) {
    let arguments = [set[0], set[1], flags, more, 0, 0];
    // SAFETY: calls about counters touch no memory of this program.
    let answer = unsafe { sbi::call(pmu::EID_PMU, function, arguments) };
    (answer.error as isize, answer.value)
}

/// Executes 2 × `turns` instructions, and as few more as there are around a loop.
fn execute(turns: usize) {
    // SAFETY: changes one register.
    unsafe {
        asm!("1:", "addi {0}, {0}, -1", "bnez {0}, 1b", inout(reg) turns => _, options(nostack));
    }
}

/// Counts `rounds` times the instructions of `turns` turns of a loop, and says how far the counts were
/// off at most. All time that others had the hart is not in it.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let rounds = arguments.number("rounds", 10);
    let turns = arguments.number("turns", 100_000);
    let before = probe::read_csr::<REGISTER>().map_or_else(|trap| trap.cause, |_| 0);
    println!("counters: unused one traps {before}");
    let (mut least, mut most) = (usize::MAX, 0);
    for _ in 0..rounds {
        let _ = call(
            pmu::COUNTER_CONFIG_MATCHING,
            ONLY,
            0,
            hardware_event::INSTRUCTIONS,
        );
        let _ = call(pmu::COUNTER_START, ONLY, WITH_VALUE, 0);
        execute(turns);
        let _ = call(pmu::COUNTER_STOP, ONLY, 0, 0);
        let counted = probe::read_csr::<REGISTER>().unwrap_or(0);
        let _ = call(pmu::COUNTER_STOP, ONLY, RESET, 0);
        least = least.min(counted);
        most = most.max(counted);
    }
    println!(
        "counters: {rounds} rounds, {} too few, {} too many",
        (2 * turns).saturating_sub(least),
        most.saturating_sub(2 * turns)
    );
    let after = probe::read_csr::<REGISTER>().map_or_else(|trap| trap.cause, |_| 0);
    println!("counters: freed one traps {after}");
    overflow(turns);
    firmware();
    println!("counters: done");
    rest()
}

/// A counter that overflows raises an interrupt, once, and only here.
fn overflow(turns: usize) {
    let _ = call(
        pmu::COUNTER_CONFIG_MATCHING,
        ONLY,
        0,
        hardware_event::INSTRUCTIONS,
    );
    let _ = call(pmu::COUNTER_START, ONLY, WITH_VALUE, turns.wrapping_neg());
    let early = hart::pending_sources() & OVERFLOW != 0;
    execute(turns);
    let late = hart::pending_sources() & OVERFLOW != 0;
    // SAFETY: takes back the pending bit, which S-mode may write.
    unsafe { asm!("csrc sip, {}", in(reg) OVERFLOW, options(nostack)) };
    let cleared = hart::pending_sources() & OVERFLOW == 0;
    let _ = call(pmu::COUNTER_STOP, ONLY, RESET, 0);
    println!("counters: overflow pending {early} then {late}, cleared {cleared}");
}

/// The monitor counts the calls that it answers.
fn firmware() {
    let all = [crate::counters::FIRMWARE, 0xff];
    let event = pmu::event_type::FIRMWARE << 16 | firmware_event::SET_TIMER;
    let start = 1 << 2;
    let (error, counter) = call(pmu::COUNTER_CONFIG_MATCHING, all, start, event);
    for _ in 0..5 {
        let _ = sbi::set_timer(u64::MAX);
    }
    let (_, five) = call(pmu::COUNTER_FW_READ, [counter, 0], 0, 0);
    let _ = call(pmu::COUNTER_STOP, [counter, 1], RESET, 0);
    let _ = sbi::set_timer(u64::MAX);
    let (_, still) = call(pmu::COUNTER_FW_READ, [counter, 0], 0, 0);
    println!("counters: firmware {error}, timers {five} then {still}");
}

/// The first counter of firmware events.
const FIRMWARE: usize = 32;

/// Does not count, and looks for ever whether anything of another's counters can be seen.
pub fn watch(arguments: &Arguments<'_>) -> ! {
    let rounds = arguments.number("rounds", 1000);
    let (mut readable, mut pending) = (0, 0);
    for _ in 0..rounds {
        readable += usize::from(probe::read_csr::<REGISTER>().is_ok());
        readable += usize::from(probe::read_csr::<0xc0a>().is_ok());
        pending += usize::from(hart::pending_sources() & OVERFLOW != 0);
        // What other partitions' counters have overflowed (Sscofpmf 1.0, 3).
        pending += probe::read_csr::<0xda0>().unwrap_or(0) >> COUNTER;
        let _ = sbi::set_timer(hart::time() + 300);
        hart::enable_sources(hart::source::TIMER);
        hart::wait_for_interrupt();
    }
    println!("counters: watched {rounds} times, {readable} readable, {pending} pending");
    rest()
}
