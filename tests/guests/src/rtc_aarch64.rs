//! A program with a device of its own: alarms of the PL031 clock (DDI 0224, chapter 3), which counts seconds.

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::rest;
use crate::neutral::{nanoseconds, ticks};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::interrupts::{self, Reason};
use partita_guest_rt::trap::{self, Cause, TrapFrame};
use partita_guest_rt::{hart, monitor, println};

/// Where the board has the clock.
const CLOCK: usize = 0x901_0000;
const SECONDS: usize = CLOCK;
const ALARM: usize = CLOCK + 0x04;
const INTERRUPT_ENABLED: usize = CLOCK + 0x10;
const INTERRUPT_PENDING: usize = CLOCK + 0x14;
const CLEAR_INTERRUPT: usize = CLOCK + 0x1c;
/// Its interrupt line.
const LINE: usize = 34;
/// Lines of others: a virtio slot's and the monitor's serial port's.
const FOREIGN: [usize; 2] = [48, 40];

/// Interrupts taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Interrupts of a line that is not ours, or of none.
static STRANGE: AtomicUsize = AtomicUsize::new(0);
/// Time of the last interrupt in ticks.
static LAST: AtomicU64 = AtomicU64::new(0);

fn read(register: usize) -> u32 {
    // SAFETY: a register of the clock, which is this program's.
    unsafe { core::ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
}

fn strange() {
    STRANGE.store(STRANGE.load(SeqCst) + 1, SeqCst);
}

fn answer() {
    LAST.store(hart::time(), SeqCst);
    if monitor::interrupt_claim() != Ok(Some(LINE)) {
        return strange();
    }
    // While it is claimed there is nothing else to claim, and nothing of others can be completed.
    if monitor::interrupt_claim() != Ok(None)
        || FOREIGN
            .map(monitor::interrupt_complete)
            .iter()
            .any(Result::is_ok)
    {
        strange();
    }
    write(CLEAR_INTERRUPT, 1);
    let completed = monitor::interrupt_complete(LINE);
    let again = monitor::interrupt_complete(LINE);
    if completed.is_err() || again.is_ok() {
        strange();
    }
    TAKEN.store(TAKEN.load(SeqCst) + 1, SeqCst);
}

fn listen() {
    interrupts::open();
    write(CLEAR_INTERRUPT, 1);
    write(INTERRUPT_ENABLED, 1);
}

/// Takes `count:` alarms, each a second after the one before, gives the core back in between, and says how late the
/// latest one was.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let count = arguments.number("count", 3);
    listen();
    println!("rtc: running");
    let mut worst = 0;
    for number in 1..=count {
        let due = hart::time() + hart::time_hz();
        write(ALARM, read(SECONDS) + 1);
        while TAKEN.load(SeqCst) < number {
            hart::wait_for_interrupt();
            if interrupts::take() == Some(Reason::External) {
                answer();
            }
        }
        worst = worst.max(LAST.load(SeqCst).saturating_sub(due));
        let strange = STRANGE.load(SeqCst);
        println!(
            "rtc: {number} taken, {strange} strange, worst {} ns",
            nanoseconds(worst)
        );
    }
    rest()
}

/// Handles an interrupt, and brings about the next one at once.
fn feed(frame: &mut TrapFrame, cause: Cause) {
    if cause != Cause::Interrupt(Reason::External) {
        trap::unexpected(frame);
    }
    if monitor::interrupt_claim() == Ok(Some(LINE)) {
        write(CLEAR_INTERRUPT, 1);
        write(ALARM, read(SECONDS));
        let _ = monitor::interrupt_complete(LINE);
        TAKEN.store(TAKEN.load(SeqCst) + 1, SeqCst);
    }
}

/// Lets the clock interrupt as fast as it can, and says every `report-us` how often it did.
pub fn storm(arguments: &Arguments<'_>) -> ! {
    let report = ticks(arguments.number("report-us", 10_000));
    greet("rtc");
    trap::set_handler(feed);
    listen();
    write(ALARM, read(SECONDS));
    let mut next = hart::time() + report;
    hart::enable_interrupts();
    loop {
        if hart::time() >= next {
            hart::disable_interrupts();
            println!("rtc: {} taken", TAKEN.load(SeqCst));
            next += report;
            hart::enable_interrupts();
        }
    }
}

/// Looks at the alarm that an earlier life may have left, then lets one interrupt and ends.
pub fn leave() -> ! {
    println!(
        "rtc: found {} {}",
        read(INTERRUPT_ENABLED),
        read(INTERRUPT_PENDING)
    );
    write(INTERRUPT_ENABLED, 1);
    write(ALARM, read(SECONDS));
    println!(
        "rtc: leaves {} {}",
        read(INTERRUPT_ENABLED),
        read(INTERRUPT_PENDING)
    );
    monitor::panic(1)
}
