//! A program whose floating-point and vector registers hold something while others run.

use crate::arguments::Arguments;
use crate::neutral::{listen_to_timer, wait_us};
use crate::vector_registers::{differences, fill, turn_on};
use partita_guest_rt::println;

/// How many rounds there are in a line.
const REPORT: u64 = 100;

/// Fills all of them each `period-us:`, gives the core back, and looks at them.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let period = arguments.number("period-us", 500);
    turn_on();
    listen_to_timer();
    let (mut rounds, mut wrong) = (0_u64, 0);
    loop {
        let value = 0x94d0_49bb_1331_11eb_u64.wrapping_mul(rounds + 1);
        fill(value);
        wait_us(period);
        wrong += u64::from(differences(value) != 0);
        rounds += 1;
        if rounds.is_multiple_of(REPORT) {
            println!("float: {rounds} rounds, {wrong} wrong");
        }
    }
}
