//! The witness on RISC-V: its device is the clock, or SiFive's serial port.

use crate::arguments::Arguments;
use crate::registers::{FloatingPoint, read_floating_point, write_floating_point};
use crate::{rtc, serial};
use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::source;
use partita_guest_rt::trap::{self, EXTERNAL_INTERRUPT, TrapFrame};
use partita_guest_rt::{hart, sbi};

/// What the floating-point registers and `sscratch` hold; no other partition of the tests has it.
const OWN: u64 = 0x7717_7e55;
const REGISTERS: FloatingPoint = {
    let mut registers = [OWN; 33];
    // `fcsr` has 8 bits.
    registers[32] = OWN & 0xff;
    registers
};

/// Whether it has the clock, not the port.
static HAS_CLOCK: AtomicBool = AtomicBool::new(true);
/// Interrupts of it taken.
static ALARMS: AtomicUsize = AtomicUsize::new(0);
/// What came without cause: interrupts that nobody asked for.
static STRANGE: AtomicUsize = AtomicUsize::new(0);

/// Takes interrupts from here on, and fills the registers. Returns whether it has a device: a clock (`clock:1`), or
/// SiFive's serial port (`port:` and its `line:`).
pub fn prepare(arguments: &Arguments<'_>) -> bool {
    let has_clock = arguments.number("clock", 0) != 0;
    let port = arguments.number("port", 0);
    serial::choose(port, arguments.number("line", 0));
    HAS_CLOCK.store(has_clock, SeqCst);
    trap::set_handler(handle);
    hart::enable_sources(source::TIMER | source::EXTERNAL | source::SOFTWARE);
    write_registers();
    if has_clock {
        rtc::enable();
    }
    has_clock || port != 0
}

/// Makes the device interrupt, the clock after so many nanoseconds.
pub fn raise_alarm(after_ns: u64) {
    if HAS_CLOCK.load(SeqCst) {
        rtc::alarm_in(after_ns);
    } else {
        serial::raise();
    }
}

/// Interrupts of the device that were taken.
pub fn alarms() -> usize {
    ALARMS.load(SeqCst)
}

/// Interrupts that nobody asked for.
pub fn strange() -> usize {
    STRANGE.load(SeqCst)
}

/// Only the clock or the port may interrupt, and only with its own line.
fn handle(frame: &mut TrapFrame) {
    let take = if HAS_CLOCK.load(SeqCst) {
        rtc::take
    } else {
        serial::take
    };
    if frame.cause == EXTERNAL_INTERRUPT && take() {
        ALARMS.fetch_add(1, SeqCst);
    } else if frame.cause == EXTERNAL_INTERRUPT {
        STRANGE.fetch_add(1, SeqCst);
    } else {
        trap::unexpected(frame);
    }
}

/// Waits, with every source enabled, and counts what is pending before the time has come.
pub fn wait(ticks: u64) {
    let _ = sbi::set_timer(ticks);
    while hart::time() < ticks {
        hart::wait_for_interrupt();
        let pending = hart::pending_sources();
        if hart::time() >= ticks {
            return;
        }
        if pending & source::EXTERNAL != 0 {
            hart::enable_interrupts();
            hart::disable_interrupts();
        }
        if pending & (source::TIMER | source::SOFTWARE) != 0 {
            STRANGE.fetch_add(1, SeqCst);
            hart::clear_software_interrupt();
        }
    }
}

/// Fills the registers.
pub fn write_registers() {
    write_floating_point(&REGISTERS);
    // SAFETY: the trap vector does not use the register.
    unsafe { asm!("csrw sscratch, {}", in(reg) OWN) };
}

/// Whether the registers have kept what they were filled with.
pub fn registers_hold() -> bool {
    let scratch: u64;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, sscratch", out(reg) scratch) };
    scratch == OWN && read_floating_point() == REGISTERS
}
