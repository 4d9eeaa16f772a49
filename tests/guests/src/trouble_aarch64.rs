//! Partitions in trouble of a kind that only their architecture has.

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::rest;
use crate::neutral::{console_read, listen_to_timer, wait_us};
use core::arch::asm;
use partita_guest_rt::{println, smc};

/// Runs into trouble after `after-us`, or on input, in the way that the arguments name.
pub fn fault(arguments: &Arguments<'_>) -> ! {
    greet("fault");
    listen_to_timer();
    wait_us(arguments.number("after-us", 0));
    if arguments.number("on-input", 0) != 0 {
        while console_read(&mut [0]) != 1 {
            wait_us(1000);
        }
    }
    println!("fault: now");
    for (word, _) in arguments.words() {
        match word {
            // Nothing is at the address: it is between the machine's memories.
            "access" => {
                // SAFETY: the partition ends here, or the fault is handled by the runtime, which ends it.
                unsafe { asm!("ldr xzr, [{}]", in(reg) 0x0f80_0000_usize) };
            }
            "illegal" => {
                // SAFETY: as above.
                unsafe { asm!("udf #0") };
            }
            // The vector is where nothing is: the first fault leads to another one, for ever.
            "vector" => {
                // SAFETY: as above.
                unsafe { asm!("msr vbar_el1, {}", "isb", "udf #0", in(reg) 0x0f80_0000_usize) };
            }
            "call" => {
                // SAFETY: the monitor refuses the memory, which is not this partition's.
                let (error, _) = unsafe { smc::call(0xc300_0008, [0x0e00_0000, 8, 0]) };
                println!("fault: call returned {}", error as isize);
            }
            _ => {}
        }
    }
    println!("fault: still here");
    rest()
}
