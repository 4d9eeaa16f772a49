//! Floating-point and vector registers: the 32 registers of 128 bits, their control and their status.

use crate::arch::platform::coprocessors::TRAP_FLOATING_POINT;
use crate::arch::register::{read, synchronize, write};
use core::arch::global_asm;

/// The registers of one virtual core.
#[repr(C, align(16))]
pub struct State {
    registers: [u128; 32],
    control: u64,
    status: u64,
}

impl State {
    /// All zero.
    pub const ZERO: Self = Self {
        registers: [0; 32],
        control: 0,
        status: 0,
    };
}

global_asm!(
    ".pushsection .text.floating_point, \"ax\"",
    ".arch_extension fp",
    ".arch_extension simd",
    "floating_point_save:",
    "    stp   q0, q1, [x0, #0]",
    "    stp   q2, q3, [x0, #32]",
    "    stp   q4, q5, [x0, #64]",
    "    stp   q6, q7, [x0, #96]",
    "    stp   q8, q9, [x0, #128]",
    "    stp   q10, q11, [x0, #160]",
    "    stp   q12, q13, [x0, #192]",
    "    stp   q14, q15, [x0, #224]",
    "    stp   q16, q17, [x0, #256]",
    "    stp   q18, q19, [x0, #288]",
    "    stp   q20, q21, [x0, #320]",
    "    stp   q22, q23, [x0, #352]",
    "    stp   q24, q25, [x0, #384]",
    "    stp   q26, q27, [x0, #416]",
    "    stp   q28, q29, [x0, #448]",
    "    stp   q30, q31, [x0, #480]",
    "    mrs   x1, fpcr",
    "    mrs   x2, fpsr",
    "    str   x1, [x0, #512]",
    "    str   x2, [x0, #520]",
    "    ret",
    "floating_point_restore:",
    "    ldp   q0, q1, [x0, #0]",
    "    ldp   q2, q3, [x0, #32]",
    "    ldp   q4, q5, [x0, #64]",
    "    ldp   q6, q7, [x0, #96]",
    "    ldp   q8, q9, [x0, #128]",
    "    ldp   q10, q11, [x0, #160]",
    "    ldp   q12, q13, [x0, #192]",
    "    ldp   q14, q15, [x0, #224]",
    "    ldp   q16, q17, [x0, #256]",
    "    ldp   q18, q19, [x0, #288]",
    "    ldp   q20, q21, [x0, #320]",
    "    ldp   q22, q23, [x0, #352]",
    "    ldp   q24, q25, [x0, #384]",
    "    ldp   q26, q27, [x0, #416]",
    "    ldp   q28, q29, [x0, #448]",
    "    ldp   q30, q31, [x0, #480]",
    "    ldr   x1, [x0, #512]",
    "    ldr   x2, [x0, #520]",
    "    msr   fpcr, x1",
    "    msr   fpsr, x2",
    "    ret",
    ".arch_extension nosimd",
    ".arch_extension nofp",
    ".popsection",
);

unsafe extern "C" {
    fn floating_point_save(state: *mut State);
    fn floating_point_restore(state: *const State);
}

/// Lets the monitor reach the registers: it never uses them for itself.
fn open() -> u64 {
    let before = read!("cptr_el3");
    write!("cptr_el3", before & !TRAP_FLOATING_POINT);
    synchronize();
    before
}

/// Saves what is in the registers.
#[inline(never)]
pub fn save(state: &mut State) {
    let before = open();
    // SAFETY: writes the whole state and changes nothing else.
    unsafe { floating_point_save(state) };
    write!("cptr_el3", before);
}

/// Loads the registers, which the monitor itself does not use.
#[inline(never)]
pub fn restore(state: &State) {
    let before = open();
    // SAFETY: reads the whole state; the compiler keeps nothing in these registers, for which its target has no
    // instructions.
    unsafe { floating_point_restore(state) };
    write!("cptr_el3", before);
}
