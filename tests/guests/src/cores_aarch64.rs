//! A program on two cores: they interrupt each other, one stops and starts again, one or the whole sleeps.

use crate::arguments::Arguments;
use crate::idle::rest;
use crate::neutral::{nanoseconds, ticks};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::{self, Stack};
use partita_guest_rt::interrupts::{self, Reason};
use partita_guest_rt::{println, smc};

/// How often the second core has started, and how often it was called since then.
static STARTS: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Not zero if the second core is to stop.
static STOP: AtomicUsize = AtomicUsize::new(0);
/// When the timer ends a sleep, and how often that is still to be done.
static DUE: AtomicU64 = AtomicU64::new(0);
static SLEEPS: AtomicUsize = AtomicUsize::new(0);

/// A way to suspend that goes on somewhere else.
type Way = fn(&'static mut Stack<4096>, extern "C" fn(usize) -> !) -> i64;

static mut STACK: Stack<4096> = Stack::new();
static mut AWAKE_STACK: Stack<4096> = Stack::new();

/// Waits until this is so, which an interrupt tells.
fn wait(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        hart::wait_for_interrupt();
        interrupts::take();
    }
}

extern "C" fn second(_: usize) -> ! {
    interrupts::open();
    STARTS.store(STARTS.load(SeqCst) + 1, SeqCst);
    let _ = hart::call(1);
    loop {
        hart::wait_for_interrupt();
        if interrupts::take() == Some(Reason::Software) {
            if STOP.load(SeqCst) != 0 {
                hart::stop();
                println!("cores: it does not stop");
            }
            CALLS.store(CALLS.load(SeqCst) + 1, SeqCst);
            let _ = hart::call(1);
        }
    }
}

fn start() -> i64 {
    STOP.store(0, SeqCst);
    CALLS.store(0, SeqCst);
    let stack = &raw mut STACK;
    // SAFETY: the core is stopped, so nobody uses its stack; if it runs it is not started, and the stack not written
    // to where it uses it.
    hart::start(1, unsafe { &mut *stack }, second)
}

fn stop() {
    STOP.store(1, SeqCst);
    let _ = hart::call(2);
    while hart::state(1) != 1 {}
}

/// Calls the second core `count:` times and waits for each answer; then the rest, with `sleeps:` sleeps.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let count = arguments.number("count", 100);
    println!("cores: running");
    interrupts::open();
    println!("cores: start answers {}", start());
    wait(|| STARTS.load(SeqCst) == 1);
    println!("cores: start again answers {}", hart::start_again(1));
    let mut worst = 0;
    for number in 1..=count {
        let before = hart::time();
        let _ = hart::call(2);
        wait(|| CALLS.load(SeqCst) == number);
        worst = worst.max(hart::time() - before);
    }
    println!(
        "cores: {count} calls answered, worst {} ns",
        nanoseconds(worst)
    );
    println!("cores: call of another one answers {}", hart::call(4));
    println!("cores: state {}", hart::state(1));
    println!(
        "cores: sleep beside it answers {}",
        sleep(1000, hart::suspend_all)
    );
    standby(1000);
    stop();
    println!("cores: state {}", hart::state(1));
    println!("cores: start answers {}", start());
    wait(|| STARTS.load(SeqCst) == 2);
    stop();
    println!("cores: stopped again");
    SLEEPS.store(arguments.number("sleeps", 3), SeqCst);
    println!(
        "cores: power-down answers {}",
        sleep(1000, hart::power_down)
    );
    rest()
}

/// Waits for the timer in a suspend that keeps everything.
fn standby(microseconds: usize) {
    // What is left of the other core's last call ends a suspend at once.
    interrupts::take();
    let due = hart::time() + ticks(microseconds);
    hart::set_timer(due);
    let answer = hart::standby();
    let late = hart::time().wrapping_sub(due) as i64;
    let reason = interrupts::take();
    println!(
        "cores: standby answers {answer}, by {reason:?}, in time: {}",
        late >= 0
    );
}

/// Suspends this core in a way that keeps nothing, until its timer fires; it goes on in `awake`. Returns the answer if
/// it does not.
fn sleep(microseconds: usize, way: Way) -> i64 {
    let due = hart::time() + ticks(microseconds);
    DUE.store(due, SeqCst);
    hart::set_timer(due);
    let stack = &raw mut AWAKE_STACK;
    // SAFETY: it is used by nobody but what goes on after the sleep.
    let answer = way(unsafe { &mut *stack }, awake);
    hart::set_timer(u64::MAX);
    answer
}

extern "C" fn awake(_: usize) -> ! {
    let late = hart::time().wrapping_sub(DUE.load(SeqCst));
    interrupts::open();
    let reason = interrupts::take();
    if (late as i64) < 0 {
        // By the last call of the other core, which was not taken yet.
        println!("cores: sleep answers {}", sleep(1000, hart::suspend_all));
    }
    println!("cores: awake after {} ns by {reason:?}", nanoseconds(late));
    let left = SLEEPS.load(SeqCst) - 1;
    SLEEPS.store(left, SeqCst);
    if left != 0 {
        println!("cores: sleep answers {}", sleep(1000, hart::suspend_all));
    }
    println!("cores: done");
    smc::system_off();
    rest()
}
