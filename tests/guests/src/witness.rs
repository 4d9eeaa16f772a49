//! The one whom nothing may disturb: a periodic task that checks its deadlines, its interrupts, its
//! memory and its registers.

use crate::arguments::Arguments;
use crate::registers::{FloatingPoint, read_floating_point, write_floating_point};
use crate::{rtc, serial};
use core::arch::asm;
use core::ptr::with_exposed_provenance;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use partita_guest_rt::hart::source;
use partita_guest_rt::trap::{self, EXTERNAL_INTERRUPT, TrapFrame};
use partita_guest_rt::{hart, monitor, println, sbi};

/// Memory that only this partition writes, and what it holds.
static ROOM: [AtomicU64; 64] = [const { AtomicU64::new(PATTERN) }; 64];
const PATTERN: u64 = 0x0123_4567_89ab_cdef;
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

/// Own memory at its two ends, as it was at the start.
struct Ends {
    addresses: [usize; 2],
    values: [u64; 2],
}

impl Ends {
    fn read(addresses: [usize; 2]) -> [u64; 2] {
        // SAFETY: the manifest's words name the first and the last 8 bytes of this partition's memory.
        addresses.map(|address| unsafe { with_exposed_provenance::<u64>(address).read_volatile() })
    }

    fn new(base: usize, end: usize) -> Self {
        let addresses = [base, end - 8];
        Self {
            addresses,
            values: Self::read(addresses),
        }
    }

    fn hold(&self) -> bool {
        Self::read(self.addresses) == self.values
    }
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
fn wait(ticks: u64) {
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

fn write_registers() {
    write_floating_point(&REGISTERS);
    // SAFETY: the trap vector does not use the register.
    unsafe { asm!("csrw sscratch, {}", in(reg) OWN) };
}

fn registers_hold() -> bool {
    let scratch: u64;
    // SAFETY: reads a register.
    unsafe { asm!("csrr {}, sscratch", out(reg) scratch) };
    scratch == OWN && read_floating_point() == REGISTERS
}

/// Wakes each `period-us`, works for `work-us`, and reports every `report` periods. A deadline is missed
/// if it woke more than `tolerance-us` late, or if an alarm of the clock (`clock:1`), or an interrupt of
/// SiFive's serial port (`port:` and its `line:`), did not come in the period. A microsecond has
/// `ticks-per-us` ticks of machine time. Its memory is from `base:` to `end:`.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let ticks = arguments.number("ticks-per-us", 10) as u64;
    let period = ticks * arguments.number("period-us", 1000) as u64;
    let work = ticks * arguments.number("work-us", 50) as u64;
    let tolerance = ticks * arguments.number("tolerance-us", 20) as u64;
    let report = arguments.number("report", 20) as u64;
    let has_clock = arguments.number("clock", 0) != 0;
    let port = arguments.number("port", 0);
    let has_alarm = has_clock || port != 0;
    serial::choose(port, arguments.number("line", 0));
    HAS_CLOCK.store(has_clock, SeqCst);
    let ends = Ends::new(arguments.number("base", 0), arguments.number("end", 8));
    trap::set_handler(handle);
    hart::enable_sources(source::TIMER | source::EXTERNAL | source::SOFTWARE);
    write_registers();
    if has_clock {
        rtc::enable();
    }
    println!("witness: running");
    let (mut met, mut missed, mut worst, mut spoilt) = (0, 0, 0, 0);
    let (mut periods, mut alarms) = (0, 0);
    let mut release = hart::time() + period;
    loop {
        if has_alarm {
            // Half a period, in nanoseconds.
            let half = 500 * period / ticks;
            if has_clock {
                rtc::alarm_in(half);
            } else {
                serial::raise();
            }
            alarms += 1;
        }
        wait(release);
        let late = hart::time() - release;
        worst = worst.max(late);
        if late > tolerance || ALARMS.load(SeqCst) != alarms {
            missed += 1;
        } else {
            met += 1;
        }
        let room = ROOM.iter().all(|word| word.load(SeqCst) == PATTERN);
        if !room || !ends.hold() || !registers_hold() {
            spoilt += 1;
            write_registers();
        }
        let end = hart::time() + work;
        while hart::time() < end {}
        periods += 1;
        if periods % report == 0 {
            let _ = monitor::report_deadlines(met, missed, 1000 * worst / ticks);
            let strange = STRANGE.load(SeqCst);
            println!(
                "witness: {periods} periods, {missed} missed, {strange} strange, {spoilt} spoilt"
            );
            (met, missed, worst) = (0, 0, 0);
        }
        release += period;
    }
}
