//! Asks for the boot measurements, rightly and wrongly.

use crate::arguments::Arguments;
use crate::idle::rest;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use partita_guest_rt::monitor::{self, Measurement};
use partita_guest_rt::{println, sbi};

/// The Partita extension and its function.
const CALL: (usize, usize) = (0x0850_4152, 6);
/// Room for a measurement, and something behind it that must not change.
static ROOM: [AtomicU64; 16] = [const { AtomicU64::new(0x5a5a) }; 16];

/// Says all measurements, then tries buffers that are not its own: at `foreign`,
/// and across the end of its RAM, `end`.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let mut index = 0;
    while let Ok((measurement, count)) = monitor::measurement(index) {
        say(index, count, &measurement);
        index += 1;
    }
    println!("measurements: {index} in all");
    let size = size_of::<Measurement>();
    let own = ROOM.as_ptr().addr();
    let foreign = arguments.number("foreign", 0x8000_0000);
    let end = arguments.number("end", 0);
    for (name, index, address, length) in [
        ("own", 0, own, size),
        ("larger", 0, own, size + 8),
        ("small", 0, own, size - 1),
        ("crooked", 0, own + 4, size),
        ("foreign", 0, foreign, size),
        ("monitor", 0, 0x8000_0000, size),
        ("across", 0, end.wrapping_sub(size - 8), size),
        ("wrapping", 0, usize::MAX - 7, size),
        ("beyond", index, own, size),
        ("far", usize::MAX, own, size),
    ] {
        // SAFETY: writes to `ROOM`, if to anything of this program.
        let answer = unsafe { sbi::call(CALL.0, CALL.1, [index, address, length, 0, 0, 0]) };
        println!("measurements: {name} answers {}", answer.error as isize);
    }
    let behind = ROOM.iter().skip(size / 8);
    let intact = behind.clone().all(|word| word.load(SeqCst) == 0x5a5a);
    println!(
        "measurements: {} words behind intact {intact}",
        behind.count()
    );
    rest()
}

fn say(index: usize, count: usize, measurement: &Measurement) {
    let digest = measurement.digest;
    let first = u64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ]);
    println!(
        "measurements: {index} of {count}: {} {} role {} standing {} size {} digest {first:016x}",
        measurement.name.as_str(),
        measurement.partition,
        measurement.role,
        measurement.standing,
        measurement.size,
    );
}
