//! Partitions in trouble of a kind that only their architecture has.

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::{rest, wait_until};
use core::arch::{asm, naked_asm};
use partita_guest_rt::{hart, println, probe, sbi};

/// The extension id of the debug console (SBI 2.0, chapter 12).
const DEBUG_CONSOLE: usize = 0x4442_434e;

/// Runs into trouble after `after-us`, or on input, in the way that the arguments name.
pub fn fault(arguments: &Arguments<'_>) -> ! {
    greet("fault");
    hart::enable_sources(hart::source::TIMER);
    wait_until(hart::time() + 10 * arguments.number("after-us", 0) as u64);
    if arguments.number("on-input", 0) != 0 {
        while sbi::console_read(&mut [0]) != Ok(1) {
            wait_until(hart::time() + 10_000);
        }
    }
    println!("fault: now");
    for (word, _) in arguments.words() {
        match word {
            // The vector is where nothing is: the first fault leads to another one, for ever.
            "vector" => {
                // SAFETY: the partition ends here.
                unsafe {
                    asm!("csrw stvec, {}", "ld zero, 0({})", in(reg) 0x10_usize, in(reg) 0x20_usize)
                };
            }
            // The handler's second instruction faults, each time again.
            "handler" => {
                let vector = broken_handler as *const () as usize;
                // SAFETY: as above.
                unsafe {
                    asm!("csrw stvec, {}", "ld zero, 0({})", in(reg) vector, in(reg) 0x20_usize)
                };
            }
            "access" => {
                // SAFETY: the partition ends here, or the fault is handled by the runtime, which ends it.
                unsafe { asm!("ld zero, 0({})", in(reg) 0x20_usize) };
            }
            "illegal" => {
                // SAFETY: as above.
                unsafe { asm!("csrr zero, mstatus") };
            }
            "call" => {
                // SAFETY: the monitor refuses the memory, which is not this partition's.
                let refused = unsafe { sbi::call(DEBUG_CONSOLE, 0, [8, 0x8000_0000, 0, 0, 0, 0]) };
                println!("fault: call returned {}", refused.error as isize);
            }
            "breakpoint" => {
                // SAFETY: it does nothing else than to trap.
                let caught =
                    unsafe { probe::execute(partita_test_breakpoint as *const () as usize, 0) };
                let cause = caught.map_or_else(|trap| trap.cause, |_| usize::MAX);
                println!("fault: cause {cause}");
            }
            "float" => {
                // SAFETY: turns floating point on.
                unsafe { asm!("csrs sstatus, {}", in(reg) 0x6000_usize) };
                wait_until(hart::time() + 10_000);
            }
            _ => {}
        }
    }
    println!("fault: still here");
    rest()
}

/// A trap that is the partition's own business, if the hart does as it is told.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn partita_test_breakpoint() {
    naked_asm!(
        ".balign 4",
        ".option push",
        ".option norvc",
        "ebreak",
        ".option pop",
        "ret"
    )
}

#[unsafe(naked)]
extern "C" fn broken_handler() {
    naked_asm!(".balign 4", "nop", "ld zero, 0x20(zero)", "sret")
}
