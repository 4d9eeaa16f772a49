//! A partition with several harts that call, fence, stop and start each other.

use crate::arguments::Arguments;
use crate::idle::rest;
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::{self, Stack, source};
use partita_guest_rt::{println, sbi};
use sbi_spec::{hsm, susp};

/// The most harts of the partition.
const MAX: usize = 8;
/// Interrupts that each hart has taken.
static TAKEN: [AtomicUsize; MAX] = [const { AtomicUsize::new(0) }; MAX];
/// Starts of each hart.
static STARTS: [AtomicUsize; MAX] = [const { AtomicUsize::new(0) }; MAX];
/// What the further harts do with the next interrupt.
static TASK: AtomicUsize = AtomicUsize::new(0);
/// Calls that were answered with an error.
static ERRORS: AtomicUsize = AtomicUsize::new(0);
/// Number of harts.
static HARTS: AtomicUsize = AtomicUsize::new(0);

/// Takes the interrupt and waits for the next.
const COUNT: usize = 0;
/// As [`COUNT`], and fences all harts in between, as they all do.
const FENCE: usize = 1;
/// Stops.
const STOP: usize = 2;
/// Suspends, keeping its state.
const SUSPEND: usize = 3;
/// Suspends without keeping its state: it goes on as if started.
const FORGET: usize = 4;

static mut STACKS: [Stack<4096>; MAX] = [const { Stack::new() }; MAX];

unsafe extern "C" {
    fn partita_start_hart();
}

fn check<T, E>(result: Result<T, E>) {
    if result.is_err() {
        ERRORS.fetch_add(1, SeqCst);
    }
}

/// What each further hart does, from its start to its end.
extern "C" fn follow(hart: usize) -> ! {
    STARTS[hart].fetch_add(1, SeqCst);
    hart::enable_sources(source::SOFTWARE);
    loop {
        while hart::pending_sources() & source::SOFTWARE == 0 {
            hart::wait_for_interrupt();
        }
        hart::clear_software_interrupt();
        let task = TASK.load(SeqCst);
        if task == FENCE {
            check(sbi::remote_fence_i(0, usize::MAX));
            check(sbi::remote_sfence_vma(0, usize::MAX, 0x1000, 0x3000));
        }
        TAKEN[hart].fetch_add(1, SeqCst);
        match task {
            STOP => {
                let _ = sbi::hart_stop();
                ERRORS.fetch_add(1, SeqCst);
            }
            SUSPEND => {
                check(sbi::hart_suspend());
                if hart::pending_sources() & source::SOFTWARE == 0 {
                    ERRORS.fetch_add(1, SeqCst);
                }
            }
            FORGET => forget(hart),
            _ => {}
        }
    }
}

/// Non-retentive suspend (SBI 2.0, chapter 9.4).
fn forget(hart: usize) {
    // SAFETY: the hart loses its stack's contents for good and starts on it anew; it is its own.
    unsafe {
        let resume = partita_start_hart as *const () as usize;
        let kind = hsm::suspend_type::NON_RETENTIVE as usize;
        let arguments = [kind, resume, stack_top(hart, follow), 0, 0, 0];
        let _ = sbi::call(hsm::EID_HSM, hsm::HART_SUSPEND, arguments);
    }
    ERRORS.fetch_add(1, SeqCst);
}

/// Puts the function to run where `partita_start_hart` looks for it, as `hart::start` does.
///
/// # Safety
/// Nothing on the stack of `hart` is needed any more.
unsafe fn stack_top(hart: usize, main: extern "C" fn(usize) -> !) -> usize {
    let stack = &raw mut STACKS;
    // SAFETY: the caller's promise; the slot lies in the stack of this hart.
    unsafe {
        let top = (&raw mut (*stack)[hart]).cast::<u8>().add(4096 - 16);
        top.cast::<usize>().write(main as *const () as usize);
        top as usize
    }
}

fn start(number: usize) {
    let stacks = &raw mut STACKS;
    // SAFETY: the hart is stopped, so nobody uses its stack.
    let stack = unsafe { &mut (*stacks)[number] };
    check(hart::start(number, stack, follow));
}

fn wait_for(counters: &[AtomicUsize; MAX], target: usize) {
    for counter in &counters[1..HARTS.load(SeqCst)] {
        while counter.load(SeqCst) < target {
            core::hint::spin_loop();
        }
    }
}

fn wait_for_state(number: usize, state: usize) {
    while sbi::hart_status(number) != Ok(state) {
        core::hint::spin_loop();
    }
}

/// Sends all others an interrupt to do `task`, and waits until they have begun it.
fn command(task: usize, total: &mut usize) {
    TASK.store(task, SeqCst);
    let others = ((1 << HARTS.load(SeqCst)) - 1) & !1;
    check(sbi::send_ipi(others, 0));
    if task == FENCE {
        check(sbi::remote_fence_i(others, 0));
    }
    *total += 1;
    wait_for(&TAKEN, *total);
}

/// Plays with `harts` harts, each exercise `rounds` times; `look:0` does not ask the monitor whether
/// they are suspended, and `reboot:1` starts all over again in the end.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let harts = arguments.number("harts", 2).min(MAX);
    let rounds = arguments.number("rounds", 100);
    let suspends = arguments.number("suspends", rounds);
    let looks = arguments.number("look", 1) != 0;
    HARTS.store(harts, SeqCst);
    (1..harts).for_each(start);
    wait_for(&STARTS, 1);
    let (mut total, mut starts) = (0, 1);
    println!("harts: {harts} started");
    (0..rounds).for_each(|_| command(COUNT, &mut total));
    println!("harts: {rounds} interrupts each");
    (0..rounds).for_each(|_| command(FENCE, &mut total));
    println!("harts: {rounds} fences each");
    for _ in 0..rounds {
        command(STOP, &mut total);
        (1..harts).for_each(|number| wait_for_state(number, sbi::hart_state::STOPPED));
        (1..harts).for_each(start);
        starts += 1;
        wait_for(&STARTS, starts);
    }
    println!("harts: {rounds} stops each");
    let wait_suspended = || {
        if looks {
            (1..harts).for_each(|number| wait_for_state(number, sbi::hart_state::SUSPENDED));
        }
    };
    for _ in 0..suspends {
        command(SUSPEND, &mut total);
        wait_suspended();
        command(FORGET, &mut total);
        wait_suspended();
        starts += 1;
        command(COUNT, &mut total);
        wait_for(&STARTS, starts);
    }
    println!("harts: {suspends} suspends each");
    println!("harts: {} errors", ERRORS.load(SeqCst));
    if arguments.number("reboot", 0) != 0 {
        // The others are told to fence while this one restarts all of them.
        TASK.store(FENCE, SeqCst);
        let _ = sbi::send_ipi((1 << harts) - 2, 0);
        let _ = sbi::system_reset(sbi::RESET_TYPE_WARM_REBOOT, sbi::RESET_REASON_NO_REASON);
    }
    rest()
}

/// Times that the whole partition was suspended.
static SUSPENDED: AtomicUsize = AtomicUsize::new(0);
/// When the last suspend was to end, in ticks.
static DUE: AtomicUsize = AtomicUsize::new(0);

/// Suspends the whole partition `suspends` times (SBI 2.0, chapter 13), each time until a timer `period-us`
/// later, after it was refused while another hart runs.
pub fn suspend_system(arguments: &Arguments<'_>) -> ! {
    let harts = arguments.number("harts", 1).min(MAX);
    HARTS.store(harts, SeqCst);
    PERIOD.store(10 * arguments.number("period-us", 500), SeqCst);
    WANTED.store(arguments.number("suspends", 3), SeqCst);
    if harts > 1 {
        (1..harts).for_each(start);
        wait_for(&STARTS, 1);
        // SAFETY: the call is refused; if it were not, the hart would go on as in `resumed`.
        let refused = unsafe { suspend_call() };
        println!("suspend: beside others answers {refused}");
        let mut total = 0;
        command(STOP, &mut total);
        (1..harts).for_each(|number| wait_for_state(number, sbi::hart_state::STOPPED));
    }
    suspend_once()
}

static PERIOD: AtomicUsize = AtomicUsize::new(0);
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// # Safety
/// As [`stack_top`], for hart 0.
unsafe fn suspend_call() -> isize {
    // SAFETY: the caller's promise.
    unsafe {
        let resume = partita_start_hart as *const () as usize;
        let arguments = [0, resume, stack_top(0, resumed), 0, 0, 0];
        sbi::call(susp::EID_SUSP, susp::SUSPEND, arguments).error as isize
    }
}

fn suspend_once() -> ! {
    let due = hart::time() as usize + PERIOD.load(SeqCst);
    DUE.store(due, SeqCst);
    // Starting anew has turned it off.
    hart::enable_sources(source::TIMER);
    check(sbi::set_timer(due as u64));
    // SAFETY: nothing on the stack is needed any more: `resumed` never returns to here.
    let error = unsafe { suspend_call() };
    println!("suspend: refused with {error}");
    rest()
}

/// Hart 0 goes on here.
extern "C" fn resumed(_: usize) -> ! {
    let early = (hart::time() as usize) < DUE.load(SeqCst);
    let pending = hart::pending_sources() & source::TIMER != 0;
    if early || !pending {
        ERRORS.fetch_add(1, SeqCst);
    }
    let times = SUSPENDED.fetch_add(1, SeqCst) + 1;
    if times < WANTED.load(SeqCst) {
        suspend_once()
    }
    println!("suspend: {times} times, {} errors", ERRORS.load(SeqCst));
    // The others can be started again.
    (1..HARTS.load(SeqCst)).for_each(start);
    wait_for(&STARTS, 2);
    println!("suspend: done");
    rest()
}
