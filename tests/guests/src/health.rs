//! Partitions in trouble, and one that is told of it.

use crate::arguments::Arguments;
use crate::idle::rest;
use crate::neutral::{forget_timer, listen_to_devices, listen_to_timer, wait_us};
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use partita_guest_rt::{hart, monitor, println};

/// Both are changed at the start. A start that finds them changed has found what was there before: the
/// image has the first one, and memory after it, which a start finds filled with zeros, the second one.
static IMAGE: AtomicU64 = AtomicU64::new(1);
static BEYOND: AtomicU64 = AtomicU64::new(0);

/// Says that it starts, and what it finds in memory.
pub fn greet(name: &str) {
    let (image, beyond) = (IMAGE.swap(2, SeqCst), BEYOND.swap(3, SeqCst));
    println!("{name}: running, found {image} {beyond}");
}

/// Reports a missed deadline after `after-us`.
pub fn miss(arguments: &Arguments<'_>) -> ! {
    greet("miss");
    listen_to_timer();
    wait_us(arguments.number("after-us", 0));
    let reported = monitor::report_deadlines(0, 1, 0);
    println!("miss: reported {}", reported.is_ok());
    rest()
}

/// Resets its watchdog `times` times, `every-us`, then no more. With `start-us` or `start-ns` it starts
/// it first.
pub fn watch(arguments: &Arguments<'_>) -> ! {
    greet("watch");
    listen_to_timer();
    let start_ns = arguments.number("start-us", 0) * 1000 + arguments.number("start-ns", 0);
    if start_ns != 0 {
        let started = monitor::watchdog_start(Some(start_ns as u64));
        println!("watch: started {}", started.is_ok());
    }
    for _ in 0..arguments.number("times", 0) {
        wait_us(arguments.number("every-us", 1000));
        let _ = monitor::watchdog_reset();
    }
    println!("watch: no more");
    if arguments.number("spin", 0) != 0 {
        loop {
            core::hint::spin_loop();
        }
    }
    rest()
}

/// Says which health events of others it is told of.
pub fn listen() -> ! {
    println!("listen: running");
    listen_to_devices();
    loop {
        hart::wait_for_interrupt();
        forget_timer();
        match monitor::interrupt_claim() {
            Ok(Some(monitor::NOTIFICATION_LINE)) => {
                while let Ok(Some(event)) = monitor::notification_take() {
                    let name = event.kind.map_or("unknown", monitor::Kind::name);
                    println!("listen: {name} of {}", event.partition);
                }
            }
            Ok(Some(line)) => println!("listen: line {line}"),
            _ => {}
        }
    }
}
