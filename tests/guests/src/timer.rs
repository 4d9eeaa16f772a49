//! The partition's timer: never early, late by little, and off when it is off.

use crate::arguments::Arguments;
use crate::idle::rest;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use partita_guest_rt::trap::{self, TIMER_INTERRUPT, TrapFrame};
use partita_guest_rt::{hart, println, probe, sbi};

/// Time of the last timer interrupt, in ticks; 0 is none since it was last looked at.
static FIRED: AtomicU64 = AtomicU64::new(0);
/// Number of `stimecmp` (Sstc extension 1.0).
const STIMECMP: usize = 0x14d;

fn handle(frame: &mut TrapFrame) {
    if frame.cause != TIMER_INTERRUPT {
        trap::unexpected(frame);
    }
    FIRED.store(hart::time(), SeqCst);
    let _ = sbi::set_timer(u64::MAX);
}

/// Fires `count` timers `period-us` apart: waiting for every other one, spinning for the rest.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let period = 10 * arguments.number("period-us", 500) as u64;
    let count = arguments.number("count", 100);
    trap::set_handler(handle);
    hart::enable_sources(hart::source::TIMER);
    hart::enable_interrupts();
    let (mut early, mut worst) = (0, 0);
    for number in 0..count {
        let deadline = hart::time() + period;
        let _ = sbi::set_timer(deadline);
        let fired = loop {
            match FIRED.swap(0, SeqCst) {
                0 if number % 2 == 0 => wait_with_interrupts_off(),
                0 => core::hint::spin_loop(),
                fired => break fired,
            }
        };
        if fired < deadline {
            early += 1;
        }
        worst = worst.max(fired.saturating_sub(deadline));
    }
    println!("timer: {count} fired, {early} early, worst {worst} ticks late");
    past();
    never(period);
    moved(period);
    compare_register(period);
    println!("timer: done");
    rest()
}

/// Waits unless the interrupt came already, which must not happen in between.
fn wait_with_interrupts_off() {
    hart::disable_interrupts();
    if FIRED.load(SeqCst) == 0 {
        hart::wait_for_interrupt();
    }
    hart::enable_interrupts();
}

/// Spins for `ticks` and says whether the timer fired.
fn fires_within(ticks: u64) -> bool {
    let end = hart::time() + ticks;
    while hart::time() < end {
        if FIRED.swap(0, SeqCst) != 0 {
            return true;
        }
    }
    FIRED.swap(0, SeqCst) != 0
}

/// A deadline in the past fires at once.
fn past() {
    let _ = sbi::set_timer(0);
    println!("timer: past fires {}", fires_within(100));
}

/// `u64::MAX` turns the timer off, and clears what is pending (SBI 2.0, chapter 6.1).
fn never(period: u64) {
    hart::disable_interrupts();
    let _ = sbi::set_timer(0);
    let _ = fires_within(10);
    let before = hart::pending_sources() & hart::source::TIMER != 0;
    let _ = sbi::set_timer(u64::MAX);
    let after = hart::pending_sources() & hart::source::TIMER != 0;
    hart::enable_interrupts();
    let fires = fires_within(2 * period);
    println!("timer: off pending {before} then {after}, fires {fires}");
}

/// A timer that was set again fires at its last deadline only.
fn moved(period: u64) {
    let _ = sbi::set_timer(hart::time() + period);
    let _ = sbi::set_timer(hart::time() + 4 * period);
    let first = fires_within(2 * period);
    let last = fires_within(4 * period);
    println!("timer: moved fires {first} then {last}");
}

/// The register behind the timer, where the partition has it.
fn compare_register(period: u64) {
    // SAFETY: the handler takes the interrupt that follows.
    let written = unsafe { probe::write_csr::<STIMECMP>((hart::time() + period) as usize) };
    match written {
        Ok(()) => println!("timer: stimecmp fires {}", fires_within(2 * period)),
        Err(trap) => println!("timer: stimecmp denied cause {}", trap.cause),
    }
}
