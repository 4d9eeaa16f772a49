//! The one whom nothing may disturb: a periodic task that checks its deadlines, its interrupts, its
//! memory and its registers.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "riscv64")]
mod riscv64;

use crate::arguments::Arguments;
#[cfg(target_arch = "aarch64")]
use aarch64 as architecture;
use core::ptr::with_exposed_provenance;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use partita_guest_rt::{hart, monitor, println};
#[cfg(target_arch = "riscv64")]
use riscv64 as architecture;

/// Memory that only this partition writes, and what it holds.
static ROOM: [AtomicU64; 64] = [const { AtomicU64::new(PATTERN) }; 64];
const PATTERN: u64 = 0x0123_4567_89ab_cdef;

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

/// Wakes each `period-us`, works for `work-us`, and reports every `report` periods. A deadline is missed
/// if it woke more than `tolerance-us` late, or if an interrupt of its device did not come in the period. A microsecond has
/// `ticks-per-us` ticks of machine time. Its memory is from `base:` to `end:`.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let ticks = arguments.number("ticks-per-us", 10) as u64;
    let period = ticks * arguments.number("period-us", 1000) as u64;
    let work = ticks * arguments.number("work-us", 50) as u64;
    let tolerance = ticks * arguments.number("tolerance-us", 20) as u64;
    let report = arguments.number("report", 20) as u64;
    let ends = Ends::new(arguments.number("base", 0), arguments.number("end", 8));
    let has_alarm = architecture::prepare(arguments);
    println!("witness: running");
    let (mut met, mut missed, mut worst, mut spoilt) = (0, 0, 0, 0);
    let (mut periods, mut alarms) = (0, 0);
    let mut release = hart::time() + period;
    loop {
        if has_alarm {
            // Half a period, in nanoseconds.
            let half = 500 * period / ticks;
            architecture::raise_alarm(half);
            alarms += 1;
        }
        architecture::wait(release);
        let late = hart::time() - release;
        worst = worst.max(late);
        if late > tolerance || architecture::alarms() != alarms {
            missed += 1;
        } else {
            met += 1;
        }
        let room = ROOM.iter().all(|word| word.load(SeqCst) == PATTERN);
        if !room || !ends.hold() || !architecture::registers_hold() {
            spoilt += 1;
            architecture::write_registers();
        }
        let end = hart::time() + work;
        while hart::time() < end {}
        periods += 1;
        if periods % report == 0 {
            let _ = monitor::report_deadlines(met, missed, 1000 * worst / ticks);
            let strange = architecture::strange();
            println!(
                "witness: {periods} periods, {missed} missed, {strange} strange, {spoilt} spoilt"
            );
            (met, missed, worst) = (0, 0, 0);
        }
        release += period;
    }
}
