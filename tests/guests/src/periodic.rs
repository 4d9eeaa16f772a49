//! A periodic task that checks its own deadlines: the one whom nothing may disturb.

use crate::arguments::Arguments;
use crate::neutral::{listen_to_timer, nanoseconds, ticks, wait_until};
use partita_guest_rt::{hart, monitor, println};

/// Wakes each `period-us`, works for `work-us`, and counts a deadline as missed if it woke more than
/// `tolerance-us` late. Reports every `report` periods.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let period = ticks(arguments.number("period-us", 1000));
    let work = ticks(arguments.number("work-us", 0));
    let tolerance = ticks(arguments.number("tolerance-us", 200));
    let report = arguments.number("report", 50) as u64;
    println!("periodic: running");
    listen_to_timer();
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
            let _ = monitor::report_deadlines(met, missed, nanoseconds(worst));
            all_met += met;
            println!("periodic: {all_met} met, {missed} missed");
            (met, missed, worst) = (0, 0, 0);
        }
        release += period;
    }
}
