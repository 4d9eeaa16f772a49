//! Interrupts that reach a partition without the monitor, by an APLIC and its hart's interrupt file.
//!
//! Registers: RISC-V Advanced Interrupt Architecture 1.0, chapters 3 and 4.

use crate::arguments::Arguments;
use crate::idle::wait_until;
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::trap::{self, EXTERNAL_INTERRUPT, TrapFrame};
use partita_guest_rt::{hart, println, probe};

/// The supervisor-level interrupt domain, and the interrupt file of hart 0; the tree says the same.
const DOMAIN: usize = 0xd00_0000;
const FILE: usize = 0x2800_0000;
/// `siselect`, `sireg`, `stopei`, `stopi`.
const SELECT: usize = 0x150;
const REGISTER: usize = 0x151;
const TOP: usize = 0x15c;
const TOP_OF_ALL: usize = 0xdb0;
/// Registers behind `siselect`.
const PRIORITIES: core::ops::Range<usize> = 0x30..0x40;
const DELIVERY: usize = 0x70;
const THRESHOLD: usize = 0x72;
const ENABLE: usize = 0xc0;
/// `sourcecfg`: asserted while high.
const LEVEL_HIGH: u32 = 6;

/// External interrupts taken by who has no line.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

fn write(address: usize, value: u32) {
    // SAFETY: a register of the interrupt controller, which no other code uses.
    let written = unsafe { probe::store_u32(address, value) };
    written.unwrap_or_else(|trap| panic!("the controller is denied: {trap:?}"));
}

fn set(register: usize, value: usize) {
    // SAFETY: registers of the partition's own interrupt file; interrupts are off.
    let written = unsafe {
        probe::write_csr::<SELECT>(register).and_then(|()| probe::write_csr::<REGISTER>(value))
    };
    written.unwrap_or_else(|trap| panic!("the interrupt file is denied: {trap:?}"));
}

/// Changes the priority of every local interrupt. Returns whether one was changed before.
pub fn change_priorities() -> bool {
    let mut found = 0;
    for register in PRIORITIES.step_by(2) {
        // SAFETY: as in `set`.
        let read = unsafe { probe::write_csr::<SELECT>(register) };
        found |= read
            .and_then(|()| probe::read_csr::<REGISTER>())
            .unwrap_or(1);
        set(register, usize::MAX);
    }
    found != 0
}

/// Opens the interrupt file of hart 0 for identities 1 to 63.
fn open_file() {
    set(DELIVERY, 1);
    set(THRESHOLD, 0);
    set(ENABLE, usize::MAX);
}

/// Lets a line interrupt hart 0, by the identity that is its number.
pub fn open(line: usize) {
    open_file();
    write(DOMAIN + 4 * line, LEVEL_HIGH);
    write(DOMAIN + 0x3000 + 4 * line, line as u32);
    write(DOMAIN + 0x1edc, line as u32);
}

/// Takes what is pending: the identity, or 0.
pub fn claim() -> u32 {
    let top = probe::read_csr::<TOP>().unwrap_or_else(|trap| panic!("stopei is denied: {trap:?}"));
    // SAFETY: it claims what is pending, and nobody else does.
    let claimed = unsafe { probe::write_csr::<TOP>(0) };
    claimed.unwrap_or_else(|trap| panic!("stopei is denied: {trap:?}"));
    (top >> 16) as u32
}

/// Looks at a line again after its interrupt was handled.
pub fn complete(line: u32) {
    write(DOMAIN + 0x1cdc, line);
}

/// Has an interrupt pending and never takes it.
pub fn leave_pending() -> ! {
    open_file();
    hart::enable_sources(hart::source::EXTERNAL);
    write(FILE, 5);
    let pending = hart::pending_sources() & hart::source::EXTERNAL != 0;
    println!("imsic: pending {pending}");
    loop {
        core::hint::spin_loop();
    }
}

fn count(frame: &mut TrapFrame) {
    match frame.cause {
        EXTERNAL_INTERRUPT => {
            TAKEN.fetch_add(1, SeqCst);
            // It would come again for ever.
            hart::disable_sources(hart::source::EXTERNAL);
        }
        _ => trap::unexpected(frame),
    }
}

/// Enables external interrupts without having a line, and looks `count` times whether there is one; then
/// reaches for the interrupt file of the hart.
pub fn look(arguments: &Arguments<'_>) -> ! {
    trap::set_handler(count);
    hart::enable_sources(hart::source::EXTERNAL);
    let times = arguments.number("count", 20);
    let mut pending = 0;
    for _ in 0..times {
        hart::enable_sources(hart::source::TIMER);
        wait_until(hart::time() + 5000);
        hart::disable_sources(hart::source::TIMER);
        hart::enable_interrupts();
        hart::disable_interrupts();
        if hart::pending_sources() & hart::source::EXTERNAL != 0 {
            pending += 1;
        }
    }
    let taken = TAKEN.load(SeqCst);
    println!("imsic: {times} looks, {pending} pending, {taken} taken");
    // SAFETY: if one of these can be written the test has failed, whatever becomes of the program.
    let doors = unsafe {
        [
            probe::read_csr::<SELECT>().is_ok(),
            probe::write_csr::<SELECT>(DELIVERY).is_ok(),
            probe::read_csr::<REGISTER>().is_ok(),
            probe::write_csr::<REGISTER>(1).is_ok(),
            probe::read_csr::<TOP>().is_ok(),
            probe::write_csr::<TOP>(0).is_ok(),
            probe::read_csr::<TOP_OF_ALL>().is_ok(),
            probe::store_u32(FILE, 6).is_ok(),
        ]
    };
    let open = doors.iter().filter(|open| **open).count();
    println!("imsic: {} doors, {open} open", doors.len());
    crate::idle::rest()
}
