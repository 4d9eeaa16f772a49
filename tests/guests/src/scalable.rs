//! Scalable vectors and matrices in Linux's place, at EL2 of the normal world, while a program in the secure world uses
//! floating point.

use crate::arguments::Arguments;
use crate::isolation::say;
use crate::scalable_registers::{Check, Features, streaming_length, vector_length};
use core::arch::asm;
use core::ptr::with_exposed_provenance_mut;
use partita_guest_rt::{hart, smc};

/// The memory at `memory:`, which is behind the program: other parts have less.
fn place(arguments: &Arguments<'_>) -> &'static mut Check {
    let place = with_exposed_provenance_mut::<Check>(arguments.number("memory", 0));
    // SAFETY: nobody else uses it, and this is called once. Zero is a value of all fields.
    unsafe {
        place.write_bytes(0, 1);
        &mut *place
    }
}

/// Lets EL2 use everything, with vectors as long as there are.
fn turn_on() -> Features {
    let features: u64;
    // SAFETY: the registers exist where this part is played: `CPTR_EL2`, `ZCR_EL2`, `SMCR_EL2`.
    unsafe {
        asm!("msr cptr_el2, {}", "isb", "mrs {}, id_aa64pfr1_el1",
            in(reg) 0x22ff_u64, out(reg) features, options(nostack));
        asm!("msr s3_4_c1_c2_0, {}", "isb", in(reg) 0xf_u64, options(nostack));
        let matrices = features >> 24 & 0xf != 0;
        let mut all_instructions = 0_u64;
        if matrices {
            // `FA64`: streaming mode has all instructions, where `ID_AA64SMFR0_EL1` says so.
            asm!("msr s3_4_c1_c2_6, {}", "isb", "mrs {}, s3_0_c0_c4_5",
                in(reg) 1_u64 << 31 | 0xf, out(reg) all_instructions, options(nostack));
        }
        Features {
            matrices,
            first_fault: all_instructions & 1 << 63 != 0,
        }
    }
}

/// Says what it finds in all registers, leaves something there, and starts again.
pub fn leave(arguments: &Arguments<'_>) -> ! {
    let features = turn_on();
    let check = place(arguments);
    let (mode, bytes) = check.leave(features);
    say(format_args!(
        "scalable: found mode {mode}, {bytes} bytes of vectors and predicates"
    ));
    say(format_args!("scalable: leaves something"));
    // Sometimes the other has the registers when the end comes.
    let until = hart::time() + crate::neutral::ticks(600);
    while hart::time() < until {}
    smc::system_reset();
    rest()
}

fn rest() -> ! {
    loop {
        hart::wait_for_interrupt();
    }
}

/// Fills all registers, spins for `period-us:`, and compares; `rounds:` times.
pub fn run(arguments: &Arguments<'_>) -> ! {
    let rounds = arguments.number("rounds", 100);
    let period = crate::neutral::ticks(arguments.number("period-us", 100));
    let features = turn_on();
    say(format_args!(
        "scalable: vectors of {} bytes",
        vector_length()
    ));
    if features.matrices {
        let all = features.first_fault;
        say(format_args!(
            "scalable: matrices of {} bytes, all instructions {all}",
            streaming_length()
        ));
    }
    let check = place(arguments);
    for round in 0..rounds {
        check.round(round, features, || {
            let until = hart::time() + period;
            while hart::time() < until {}
        });
    }
    let [modes, vectors, predicates, control, matrices] = check.wrong;
    say(format_args!(
        "scalable: {rounds} rounds, wrong: {modes} modes, {vectors} vectors, {predicates} predicates, {control} control, \
         {matrices} matrices"
    ));
    say(format_args!("scalable: done"));
    rest()
}
