//! A Rust panic ends the partition: it says where on the console, then tells the monitor.

use crate::{hart, monitor, println};
use core::panic::PanicInfo;

/// The code of a Rust panic in the health event.
const CODE: u64 = 1;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hart::disable_interrupts();
    println!("{info}");
    monitor::panic(CODE)
}
