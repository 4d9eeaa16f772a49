//! A real-time partition with a device of its own: alarms of the goldfish clock.
//!
//! Registers: `docs/goldfish-virtual-hardware` of the Android emulator; QEMU `hw/rtc/goldfish_rtc.c`.

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::rest;
use crate::imsic;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::Stack;
use partita_guest_rt::trap::{self, EXTERNAL_INTERRUPT, TrapFrame};
use partita_guest_rt::{hart, monitor, println, probe, sbi};

/// Where the board has the clock; its tree says the same.
const CLOCK: usize = 0x10_1000;
const TIME_LOW: usize = CLOCK;
const TIME_HIGH: usize = CLOCK + 0x04;
const ALARM_LOW: usize = CLOCK + 0x08;
const ALARM_HIGH: usize = CLOCK + 0x0c;
const INTERRUPT_ENABLED: usize = CLOCK + 0x10;
const CLEAR_ALARM: usize = CLOCK + 0x14;
const CLEAR_INTERRUPT: usize = CLOCK + 0x1c;
/// Its interrupt line.
const LINE: usize = 11;
/// Lines of others: the first virtio slot's and the serial port's.
const FOREIGN: [usize; 2] = [1, 10];

/// Registers of the interrupt controller (PLIC specification 1.0, chapters 4 to 9), where they belong to a
/// context those of the first hart's supervisor mode.
const PRIORITY: usize = 0xc00_0000 + 4 * LINE;
const ENABLED: usize = 0xc00_2000 + 0x80;
const THRESHOLD: usize = 0xc20_0000 + 0x1000;
const CLAIM: usize = THRESHOLD + 4;

/// Interrupts taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Interrupts of a line that is not ours, or of none.
static STRANGE: AtomicUsize = AtomicUsize::new(0);
/// Time of the last interrupt by the clock, in nanoseconds.
static LAST_NS: AtomicU64 = AtomicU64::new(0);

fn read(register: usize) -> u32 {
    probe::load_u32(register).unwrap_or_else(|trap| panic!("the clock is denied: {trap:?}"))
}

fn write(register: usize, value: u32) {
    // SAFETY: a register of a device that no other code uses.
    let written = unsafe { probe::store_u32(register, value) };
    written.unwrap_or_else(|trap| panic!("the clock is denied: {trap:?}"));
}

/// The clock's time in nanoseconds; reading the low half latches the high one.
fn now_ns() -> u64 {
    let low = read(TIME_LOW);
    u64::from(read(TIME_HIGH)) << 32 | u64::from(low)
}

fn set_alarm(ns: u64) {
    write(ALARM_HIGH, (ns >> 32) as u32);
    write(ALARM_LOW, ns as u32);
}

fn handle(frame: &mut TrapFrame) {
    if frame.cause != EXTERNAL_INTERRUPT {
        trap::unexpected(frame);
    }
    LAST_NS.store(now_ns(), SeqCst);
    match monitor::interrupt_claim() {
        Ok(Some(LINE)) => {}
        _ => {
            STRANGE.fetch_add(1, SeqCst);
            return;
        }
    }
    // While it is claimed there is nothing else to claim, and it cannot be completed twice.
    if monitor::interrupt_claim() != Ok(None) {
        STRANGE.fetch_add(1, SeqCst);
    }
    // Nor can what another one may have claimed be completed.
    if FOREIGN
        .map(monitor::interrupt_complete)
        .iter()
        .any(Result::is_ok)
    {
        STRANGE.fetch_add(1, SeqCst);
    }
    write(CLEAR_INTERRUPT, 1);
    let completed = monitor::interrupt_complete(LINE);
    let again = monitor::interrupt_complete(LINE);
    if completed.is_err() || again.is_ok() {
        STRANGE.fetch_add(1, SeqCst);
    }
    TAKEN.fetch_add(1, SeqCst);
}

/// Lets the clock interrupt.
pub fn enable() {
    write(CLEAR_ALARM, 1);
    write(CLEAR_INTERRUPT, 1);
    write(INTERRUPT_ENABLED, 1);
}

/// Sets an alarm that is due in `ns`.
pub fn alarm_in(ns: u64) {
    set_alarm(now_ns() + ns);
}

/// Claims an interrupt, ends it and completes it; returns whether it was the clock's.
pub fn take() -> bool {
    let line = monitor::interrupt_claim();
    write(CLEAR_INTERRUPT, 1);
    line == Ok(Some(LINE)) && monitor::interrupt_complete(LINE).is_ok()
}

/// As [`take`], with the line direct to the first hart's supervisor mode.
pub fn take_direct() -> bool {
    let line = read(CLAIM);
    write(CLEAR_INTERRUPT, 1);
    write(CLAIM, line);
    line as usize == LINE
}

/// As [`take`], with the line direct to the first hart's interrupt file.
pub fn take_by_file() -> bool {
    let line = imsic::claim();
    write(CLEAR_INTERRUPT, 1);
    imsic::complete(line);
    line as usize == LINE
}

/// With the clock's line direct: sets `count` alarms `period-us` apart and suspends the hart until each.
/// With `reboot:1` it starts again in the end, and does not complete the last interrupt before. With
/// `imsic:1` the line comes through the hart's interrupt file.
pub fn suspend(arguments: &Arguments<'_>) -> ! {
    let period_ns = 1000 * arguments.number("period-us", 500) as u64;
    let count = arguments.number("count", 20);
    hart::enable_sources(hart::source::EXTERNAL);
    enable();
    let by_file = arguments.number("imsic", 0) != 0;
    if by_file {
        if imsic::change_priorities() {
            // An earlier life has left them.
            STRANGE.fetch_add(1, SeqCst);
        }
        imsic::open(LINE);
    } else {
        if read(PRIORITY) != 0 {
            // An earlier life has left it.
            STRANGE.fetch_add(1, SeqCst);
        }
        write(PRIORITY, 1);
        write(ENABLED, 1 << LINE);
        write(THRESHOLD, 0);
    }
    println!("rtc: running");
    let mut worst_ns = 0;
    let reboots = arguments.number("reboot", 0) != 0;
    for number in 1..=count {
        let alarm = now_ns() + period_ns;
        set_alarm(alarm);
        while hart::pending_sources() & hart::source::EXTERNAL == 0 {
            let _ = sbi::hart_suspend();
        }
        worst_ns = worst_ns.max(now_ns().saturating_sub(alarm));
        let line = if by_file { imsic::claim() } else { read(CLAIM) };
        if line as usize != LINE {
            STRANGE.fetch_add(1, SeqCst);
        }
        write(CLEAR_INTERRUPT, 1);
        if !(reboots && number == count) {
            if by_file {
                imsic::complete(line);
            } else {
                write(CLAIM, line);
            }
        }
    }
    let strange = STRANGE.load(SeqCst);
    println!("rtc: {count} suspends ended, {strange} strange, worst {worst_ns} ns");
    if reboots {
        let _ = sbi::system_reset(sbi::RESET_TYPE_COLD_REBOOT, sbi::RESET_REASON_NO_REASON);
    }
    rest()
}

/// Handles an interrupt, and brings about the next one at once.
fn feed(frame: &mut TrapFrame) {
    if frame.cause != EXTERNAL_INTERRUPT {
        trap::unexpected(frame);
    }
    if monitor::interrupt_claim() == Ok(Some(LINE)) {
        write(CLEAR_INTERRUPT, 1);
        set_alarm(now_ns());
        let _ = monitor::interrupt_complete(LINE);
        TAKEN.fetch_add(1, SeqCst);
    }
}

/// Looks at the alarm that an earlier life may have left, then sets one itself and ends.
pub fn leave(arguments: &Arguments<'_>) -> ! {
    const ALARM_STATUS: usize = CLOCK + 0x18;
    let enabled = read(INTERRUPT_ENABLED);
    println!("rtc: found {enabled} {}", read(ALARM_STATUS));
    write(INTERRUPT_ENABLED, 1);
    set_alarm(now_ns() + 1000 * arguments.number("alarm-us", 10_000) as u64);
    println!(
        "rtc: leaves {} {}",
        read(INTERRUPT_ENABLED),
        read(ALARM_STATUS)
    );
    monitor::panic(1)
}

static mut STACK: Stack<4096> = Stack::new();
/// When the second hart last ran, in ticks.
static ALIVE: AtomicU64 = AtomicU64::new(0);

extern "C" fn stay_alive(_hart: usize) -> ! {
    loop {
        ALIVE.store(hart::time(), SeqCst);
    }
}

/// Says which line it finds pending from an earlier life, then starts again with an alarm that comes when
/// the first hart has stopped and the second one, which somebody else keeps from its core, has not.
pub fn late() -> ! {
    println!("rtc: found {:?}", monitor::interrupt_claim());
    let stack = &raw mut STACK;
    // SAFETY: the hart is stopped, so nobody uses its stack.
    let started = hart::start(1, unsafe { &mut *stack }, stay_alive);
    println!("rtc: started {}", started.is_ok());
    while ALIVE.load(SeqCst) == 0 || hart::time() < ALIVE.load(SeqCst) + 1000 {}
    enable();
    alarm_in(200_000);
    let _ = sbi::system_reset(sbi::RESET_TYPE_COLD_REBOOT, sbi::RESET_REASON_NO_REASON);
    rest()
}

/// Lets the clock interrupt as fast as it can, and says every `report-us` how often it did.
pub fn storm(arguments: &Arguments<'_>) -> ! {
    let report = 10 * arguments.number("report-us", 10_000) as u64;
    greet("rtc");
    trap::set_handler(feed);
    hart::enable_sources(hart::source::EXTERNAL);
    write(CLEAR_ALARM, 1);
    write(CLEAR_INTERRUPT, 1);
    write(INTERRUPT_ENABLED, 1);
    set_alarm(now_ns());
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

/// Sets `count` alarms `period-us` apart and gives the core back in between.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let period_ns = 1000 * arguments.number("period-us", 500) as u64;
    let count = arguments.number("count", 20);
    trap::set_handler(handle);
    hart::enable_sources(hart::source::EXTERNAL);
    enable();
    println!("rtc: running");
    let mut worst_ns = 0;
    for number in 1..=count {
        let alarm = now_ns() + period_ns;
        set_alarm(alarm);
        while TAKEN.load(SeqCst) < number {
            // Interrupts are off, so that none is taken between the look and the wait.
            hart::wait_for_interrupt();
            hart::enable_interrupts();
            hart::disable_interrupts();
        }
        worst_ns = worst_ns.max(LAST_NS.load(SeqCst).saturating_sub(alarm));
    }
    let (taken, strange) = (TAKEN.load(SeqCst), STRANGE.load(SeqCst));
    println!("rtc: {taken} taken, {strange} strange, worst {worst_ns} ns");
    let stray = [0, 10, 12, 95, 96, 1023, usize::MAX]
        .into_iter()
        .filter(|line| monitor::interrupt_complete(*line).is_ok())
        .count();
    println!("rtc: {stray} stray completions taken");
    rest()
}
