//! Scalable vectors and matrices stay what a program of Linux's has put into them, in both modes.

use crate::kernel::{self, Arguments, say};
use crate::scalable_registers::{Check, Features, streaming_length, vector_length};
use core::arch::asm;
use core::cell::UnsafeCell;

/// `HWCAP_SVE`; `HWCAP2_SME` and `HWCAP2_SME_FA64`.
const VECTORS: u64 = 1 << 22;
const MATRICES: u64 = 1 << 23;
const ALL_INSTRUCTIONS: u64 = 1 << 30;

/// Too much for the stack.
struct Place(UnsafeCell<Check>);

// SAFETY: one thread uses it.
unsafe impl Sync for Place {}

static PLACE: Place = Place(UnsafeCell::new(Check::NEW));

/// The virtual counter, and its ticks in a second.
fn time() -> (u64, u64) {
    let (now, rate);
    // SAFETY: reads registers.
    unsafe {
        asm!("isb", "mrs {}, cntvct_el0", "mrs {}, cntfrq_el0", out(reg) now, out(reg) rate, options(nostack));
    }
    (now, rate)
}

/// Fills all registers, spins for so many microseconds, and compares; so many rounds.
pub fn run(arguments: &Arguments) {
    let (rounds, microseconds) = (arguments.number(2), arguments.number(3));
    let [first, second] = kernel::capabilities(arguments);
    if first & VECTORS == 0 {
        say!("there are no scalable vectors");
        return;
    }
    let features = Features {
        matrices: second & MATRICES != 0,
        first_fault: second & ALL_INSTRUCTIONS != 0,
    };
    // As long as there are.
    let _ = kernel::set_vector_length(false, 256);
    if features.matrices {
        let _ = kernel::set_vector_length(true, 256);
        say!("matrices of {} bytes", streaming_length());
    }
    say!("vectors of {} bytes", vector_length());
    // SAFETY: this is called once.
    let check = unsafe { &mut *PLACE.0.get() };
    for round in 0..rounds {
        check.round(round as usize, features, || {
            let (start, rate) = time();
            let until = start + rate / 1000 * microseconds / 1000;
            while time().0 < until {}
        });
    }
    let [modes, vectors, predicates, control, matrices] = check.wrong;
    say!(
        "{modes} modes, {vectors} vectors, {predicates} predicates, {control} control, {matrices} matrices wrong"
    );
    say!("scalable {rounds} rounds");
}
