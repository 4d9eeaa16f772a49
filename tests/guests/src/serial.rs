//! A serial port of the board as a partition's own device: interrupts of its empty transmitter, on boards
//! that have no clock with an alarm.
//!
//! Registers: SiFive FU540-C000 manual v1p4, chapter 13, and National Semiconductor PC16550D with a word
//! for each register.

use crate::arguments::Arguments;
use crate::idle::rest;
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::trap::{self, EXTERNAL_INTERRUPT, TrapFrame};
use partita_guest_rt::{hart, monitor, println, probe, sbi};

/// Interrupts taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Interrupts of another line, or of none.
static STRANGE: AtomicUsize = AtomicUsize::new(0);
/// The port: its registers and its line.
static BASE: AtomicUsize = AtomicUsize::new(0);
static LINE: AtomicUsize = AtomicUsize::new(0);
/// Whether it is a 16550, not SiFive's.
static IS_16550: AtomicUsize = AtomicUsize::new(0);

fn write(register: usize, value: u32) {
    // SAFETY: a register of a device that no other code uses, or of the partition's own interrupt context.
    let written = unsafe { probe::store_u32(register, value) };
    written.unwrap_or_else(|trap| panic!("the port is denied: {trap:?}"));
}

/// Lets the empty transmitter interrupt, or no longer.
fn interrupt(wanted: bool) {
    let base = BASE.load(SeqCst);
    if IS_16550.load(SeqCst) != 0 {
        write(base + 0x04, if wanted { 2 } else { 0 });
    } else {
        write(base + 0x08, 1 << 16 | 1);
        write(base + 0x10, u32::from(wanted));
    }
}

/// Chooses SiFive's port with these registers and this line.
pub fn choose(base: usize, line: usize) {
    BASE.store(base, SeqCst);
    LINE.store(line, SeqCst);
}

/// Lets it interrupt at once.
pub fn raise() {
    interrupt(true);
}

/// Claims an interrupt, ends it and completes it; returns whether it was the port's.
pub fn take() -> bool {
    let line = LINE.load(SeqCst);
    let claimed = monitor::interrupt_claim() == Ok(Some(line));
    interrupt(false);
    claimed && monitor::interrupt_complete(line).is_ok()
}

fn handle(frame: &mut TrapFrame) {
    if frame.cause != EXTERNAL_INTERRUPT {
        trap::unexpected(frame);
    }
    if take() {
        TAKEN.fetch_add(1, SeqCst);
    } else {
        STRANGE.fetch_add(1, SeqCst);
    }
}

fn prepare(arguments: &Arguments<'_>) -> usize {
    choose(arguments.number("base", 0), arguments.number("line", 0));
    IS_16550.store(arguments.number("is-16550", 0), SeqCst);
    hart::enable_sources(hart::source::EXTERNAL);
    println!("serial: running");
    arguments.number("count", 20)
}

/// Takes `count` interrupts of the port, whose line goes through the monitor, and waits for each.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let count = prepare(arguments);
    trap::set_handler(handle);
    for number in 1..=count {
        interrupt(true);
        while TAKEN.load(SeqCst) + STRANGE.load(SeqCst) < number {
            // Interrupts are off, so that none is taken between the look and the wait.
            hart::wait_for_interrupt();
            hart::enable_interrupts();
            hart::disable_interrupts();
        }
    }
    let (taken, strange) = (TAKEN.load(SeqCst), STRANGE.load(SeqCst));
    println!("serial: {taken} taken, {strange} strange");
    rest()
}

/// The same with a direct line, which reaches the interrupt controller's context `context` of the hart.
pub fn suspend(arguments: &Arguments<'_>) -> ! {
    /// The interrupt controller (PLIC specification 1.0, chapters 4 to 9).
    const CONTROLLER: usize = 0xc00_0000;
    let count = prepare(arguments);
    let (line, context) = (LINE.load(SeqCst), arguments.number("context", 0));
    let threshold = CONTROLLER + 0x20_0000 + 0x1000 * context;
    write(CONTROLLER + 4 * line, 1);
    write(
        CONTROLLER + 0x2000 + 0x80 * context + 4 * (line / 32),
        1 << (line % 32),
    );
    write(threshold, 0);
    let mut taken = 0;
    for _ in 0..count {
        interrupt(true);
        while hart::pending_sources() & hart::source::EXTERNAL == 0 {
            let _ = sbi::hart_suspend();
        }
        let claimed = probe::load_u32(threshold + 4);
        interrupt(false);
        if claimed == Ok(line as u32) {
            write(threshold + 4, line as u32);
            taken += 1;
        }
    }
    println!("serial: {taken} direct interrupts taken");
    rest()
}
