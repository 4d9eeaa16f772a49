//! A periodic task that checks its own deadlines: the one whom nothing may disturb.

use crate::arguments::Arguments;
use crate::idle::wait_until;
use partita_guest_rt::{hart, monitor, println};

/// Wakes each `period-us`, works for `work-us`, and counts a deadline as missed if it woke more than
/// `tolerance-us` late. Reports every `report` periods.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let period = 10 * arguments.number("period-us", 1000) as u64;
    let work = 10 * arguments.number("work-us", 0) as u64;
    let tolerance = 10 * arguments.number("tolerance-us", 200) as u64;
    let report = arguments.number("report", 50) as u64;
    println!("periodic: running");
    hart::enable_sources(hart::source::TIMER);
    let (mut met, mut missed, mut worst) = (0, 0, 0);
    let mut release = hart::time() + period;
    let mut all_met = 0;
    loop {
        wait_until(release);
        let late = hart::time() - release;
        worst = worst.max(late);
        if late > tolerance {
            missed += 1;
        } else {
            met += 1;
        }
        let end = hart::time() + work;
        while hart::time() < end {}
        if met + missed == report {
            let _ = monitor::report_deadlines(met, missed, 100 * worst);
            all_met += met;
            println!("periodic: {all_met} met, {missed} missed");
            (met, missed, worst) = (0, 0, 0);
        }
        release += period;
    }
}
