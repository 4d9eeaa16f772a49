//! Harts of one partition that ask things of each other at awkward moments.

use crate::arguments::Arguments;
use crate::idle::{rest, wait_until};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::{self, Stack, source};
use partita_guest_rt::{monitor, println, sbi};

/// The most harts of the partition.
const MAX: usize = 4;
static mut STACKS: [Stack<4096>; MAX] = [const { Stack::new() }; MAX];

/// Starts of hart 1.
static STARTS: AtomicUsize = AtomicUsize::new(0);
/// Not 0 once the partition has asked for its end.
static ENDING: AtomicUsize = AtomicUsize::new(0);
/// Inter-processor interrupts taken by the target.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// When the target last ran, in ticks.
static ALIVE: AtomicU64 = AtomicU64::new(0);
/// Harts that an interrupt of the flood goes to.
static FLOODED: AtomicUsize = AtomicUsize::new(0);
/// What hart 1 found pending after its start, and that it looked.
static FOUND: AtomicUsize = AtomicUsize::new(usize::MAX);
/// How long hart 1 works after each start, in ticks.
static WORK: AtomicU64 = AtomicU64::new(0);

fn start(number: usize, main: extern "C" fn(usize) -> !) -> bool {
    let stacks = &raw mut STACKS;
    // SAFETY: whoever starts a hart does so while it is stopped, or the call is refused; in both
    // cases the words at the top of its stack are the same before and after.
    let stack = unsafe { &mut (*stacks)[number] };
    hart::start(number, stack, main).is_ok()
}

fn spin_until(ticks: u64) {
    while hart::time() < ticks {}
}

/// Runs on for ever, and says so if it was started after the end.
extern "C" fn run_on(_hart: usize) -> ! {
    STARTS.fetch_add(1, SeqCst);
    if ENDING.load(SeqCst) != 0 {
        println!("restless: hart 1 runs on");
    }
    loop {
        core::hint::spin_loop();
    }
}

/// Starts hart 1 again and again, whether it is stopped or not.
extern "C" fn start_for_ever(_hart: usize) -> ! {
    loop {
        let _ = start(1, run_on);
    }
}

/// Ends the partition after `after-us` by `shutdown`, `reboot` or `panic`, while its other harts start
/// one that has perhaps been stopped. `phase` is by how many rounds those begin later.
pub fn restless(arguments: &Arguments<'_>) -> ! {
    let after = 10 * arguments.number("after-us", 100) as u64;
    let harts = arguments.number("harts", 3).min(MAX);
    let stopped = |number: &usize| sbi::hart_status(*number) == Ok(sbi::hart_state::STOPPED);
    let left = (1..harts).filter(|number| !stopped(number)).count();
    println!("restless: {left} harts of a former life");
    start(1, run_on);
    // Each start of the partition is at another moment, so each of its lives has another phase.
    let salt = arguments.number("phase", hart::time() as usize % 251);
    (2..harts).for_each(|number| {
        (0..salt).for_each(|_| core::hint::spin_loop());
        start(number, start_for_ever);
    });
    while STARTS.load(SeqCst) == 0 {}
    spin_until(hart::time() + after);
    ENDING.store(1, SeqCst);
    for (word, value) in arguments.words() {
        let kind = match word {
            "shutdown" => sbi::RESET_TYPE_SHUTDOWN,
            "reboot" => sbi::RESET_TYPE_COLD_REBOOT,
            "panic" => monitor::panic(value.unwrap_or(0) as u64),
            _ => continue,
        };
        let _ = sbi::system_reset(kind, sbi::RESET_REASON_NO_REASON);
    }
    println!("restless: still here");
    rest()
}

/// Says what is pending for a while after the start.
extern "C" fn look(_hart: usize) -> ! {
    let end = hart::time() + 5_000;
    let mut found = 0;
    while hart::time() < end {
        found |= hart::pending_sources();
    }
    FOUND.store(found & source::SOFTWARE, SeqCst);
    rest()
}

/// Sends hart 1 an interrupt as soon as it has asked for its start.
pub fn greet() -> ! {
    let started = start(1, look);
    let sent = sbi::send_ipi(1 << 1, 0).is_ok();
    while FOUND.load(SeqCst) == usize::MAX {}
    let arrived = FOUND.load(SeqCst) != 0;
    println!("greet: started {started}, sent {sent}, arrived {arrived}");
    rest()
}

/// Takes interrupts without ever waiting, so that its budget is used up for most of the time.
extern "C" fn take(_hart: usize) -> ! {
    loop {
        if hart::pending_sources() & source::SOFTWARE != 0 {
            hart::clear_software_interrupt();
            TAKEN.fetch_add(1, SeqCst);
        }
    }
}

/// Sends hart 1, which never waits, `count` interrupts `gap-us` after the one before has arrived.
pub fn knock(arguments: &Arguments<'_>) -> ! {
    let count = arguments.number("count", 20);
    let gap = 10 * arguments.number("gap-us", 130) as u64;
    hart::enable_sources(source::TIMER);
    start(1, take);
    println!("knock: running");
    for number in 1..=count {
        wait_until(hart::time() + gap);
        let _ = sbi::send_ipi(1 << 1, 0);
        while TAKEN.load(SeqCst) < number {
            wait_until(hart::time() + 500);
        }
    }
    println!("knock: {count} arrived");
    rest()
}

/// Uses up its budget, with an interrupt pending that it enabled and never takes if `pending:1`.
pub fn ignore(arguments: &Arguments<'_>) -> ! {
    hart::enable_sources(source::SOFTWARE);
    if arguments.number("pending", 1) != 0 {
        let _ = sbi::send_ipi(1, 0);
    }
    println!("ignore: running");
    loop {
        core::hint::spin_loop();
    }
}

/// Sends interrupts to the first hart as long as that one does not run.
extern "C" fn pester(_hart: usize) -> ! {
    hart::enable_sources(source::TIMER);
    loop {
        if hart::time() > ALIVE.load(SeqCst) + 400 {
            let _ = sbi::send_ipi(FLOODED.load(SeqCst), 0);
        } else {
            wait_until(hart::time() + 200);
        }
    }
}

/// Uses up its budget on the first hart, and floods it from the others while it may not run. With
/// `target:0` the flood goes to nobody, but costs them the same.
pub fn flood(arguments: &Arguments<'_>) -> ! {
    println!("flood: running");
    FLOODED.store(arguments.number("target", 1), SeqCst);
    for number in 1..arguments.number("harts", MAX).min(MAX) {
        start(number, pester);
    }
    loop {
        ALIVE.store(hart::time(), SeqCst);
    }
}

/// Says how often it came round in `for-us`, after a while.
pub fn count(arguments: &Arguments<'_>) -> ! {
    println!("count: running");
    spin_until(hart::time() + 10 * arguments.number("after-us", 5_000) as u64);
    let end = hart::time() + 10 * arguments.number("for-us", 20_000) as u64;
    let mut rounds = 0_u64;
    while hart::time() < end {
        rounds += 1;
    }
    println!("count: {rounds} rounds");
    rest()
}

/// Works for a while and stops, before its budget is used up.
extern "C" fn work_and_stop(_hart: usize) -> ! {
    STARTS.fetch_add(1, SeqCst);
    spin_until(hart::time() + WORK.load(SeqCst));
    let _ = sbi::hart_stop();
    rest()
}

/// Starts hart 1 every `period-us`, if it has stopped, to work for `work-us`.
pub fn relay(arguments: &Arguments<'_>) -> ! {
    let period = 10 * arguments.number("period-us", 60) as u64;
    WORK.store(10 * arguments.number("work-us", 50) as u64, SeqCst);
    hart::enable_sources(source::TIMER);
    println!("relay: running");
    let mut told = false;
    loop {
        let _ = start(1, work_and_stop);
        wait_until(hart::time() + period);
        if !told && STARTS.load(SeqCst) >= 20 {
            told = true;
            println!("relay: 20 starts");
        }
    }
}
