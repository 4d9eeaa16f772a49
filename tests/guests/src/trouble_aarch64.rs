//! Partitions in trouble of a kind that only their architecture has.

use crate::arguments::Arguments;
use crate::health::greet;
use crate::idle::rest;
use crate::neutral::{console_read, listen_to_timer, wait_us};
use core::arch::asm;
use partita_guest_rt::trap::{self, Cause, TrapFrame};
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
            // As `register`, with something in every register, and on the stack.
            "pattern" => {
                // SAFETY: the partition ends here.
                unsafe { partita_test_pattern() };
            }
            // The performance counters' control, which traps (`MDCR_EL3.TPM`).
            "register" => {
                // SAFETY: as above.
                unsafe { asm!("mrs xzr, pmcr_el0") };
            }
            "float" => {
                // SAFETY: as above; `fmov d0, xzr`, of which the assembler knows nothing here.
                unsafe {
                    asm!("msr cpacr_el1, {}", "isb", ".inst 0x9e6703e0", in(reg) 3_u64 << 20)
                };
            }
            // `rdvl xzr, #1`, where EL1 lets itself use scalable vectors.
            "scalable" => {
                // SAFETY: as above.
                unsafe {
                    asm!("msr cpacr_el1, {}", "isb", ".inst 0x04bf503f", in(reg) 0x33_u64 << 16)
                };
            }
            // All that keeps this program's interrupts from it: `PSTATE`, its group (`ICC_IGRPEN1_EL1`), and its
            // priorities (`ICC_PMR_EL1`), but not those of the monitor, which has the same mask.
            "mask" => {
                // SAFETY: as above, but without a fault: the loop has no end.
                unsafe {
                    asm!(
                        "msr daifset, #0xf",
                        "msr S3_0_C4_C6_0, {mask}",
                        "msr S3_0_C12_C12_7, xzr",
                        "isb",
                        "1: b 1b",
                        mask = in(reg) 0x20_u64,
                        options(noreturn, nostack)
                    )
                };
            }
            "caught" => trap::set_handler(go_on),
            // The handler's second instruction faults, each time again. A vector where nothing is would fault
            // without executing anything, and QEMU's time would stand still with `-icount`.
            "handler" => {
                let vector = partita_test_broken_vector as *const () as usize;
                // SAFETY: as above.
                unsafe { asm!("msr vbar_el1, {}", "isb", "udf #0", in(reg) vector) };
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

/// Says what the exception was, and goes on behind it.
fn go_on(frame: &mut TrapFrame, cause: Cause) {
    if let Cause::Exception(syndrome) = cause {
        println!("fault: syndrome {syndrome:#x}");
        frame.program_counter += 4;
    }
}

unsafe extern "C" {
    fn partita_test_broken_vector();
    /// Leaves 0x1000 and its number in each register and accesses one that traps, in the function below this one.
    fn partita_test_pattern() -> !;
}

// Only the entry of synchronous exceptions of this level is ever used, the fifth one.
core::arch::global_asm!(
    r#"
    .pushsection .text.partita_test_broken_vector, "ax", @progbits
    .balign 2048
    .global partita_test_broken_vector
partita_test_broken_vector:
    .space  0x200
    nop
    udf     #0
    .popsection
"#
);

core::arch::global_asm!(
    r#"
    .pushsection .text.partita_test_pattern, "ax", @progbits
    .global partita_test_pattern
    .type partita_test_pattern, %function
partita_test_pattern:
    stp     x29, x30, [sp, #-32]!
    ldr     x0, =0x0123456789abcdef
    str     x0, [sp, #16]
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28
    mov     x\number, #0x1000 + \number
    .endr
    mov     x29, sp
    bl      partita_test_trapped
    b       .
    .size partita_test_pattern, . - partita_test_pattern
    .type partita_test_trapped, %function
partita_test_trapped:
    mrs     xzr, pmcr_el0
    b       .
    .size partita_test_trapped, . - partita_test_trapped
    .popsection
"#
);
