//! The floating-point and vector registers of Arm. This program is compiled without them.

use core::arch::{asm, global_asm};

/// Lets EL1 use them (`CPACR_EL1.FPEN`).
pub fn turn_on() {
    // SAFETY: nothing else is in that register.
    unsafe { asm!("msr cpacr_el1, {}", "isb", in(reg) 3_u64 << 20, options(nostack)) };
}

/// Fills both halves of all of them.
pub fn fill(value: u64) {
    // SAFETY: nobody uses them.
    unsafe { partita_test_fill(value) };
}

/// The bits in which any half of one differs from this.
pub fn differences(value: u64) -> u64 {
    // SAFETY: reads them.
    unsafe { partita_test_differences(value) }
}

unsafe extern "C" {
    /// Fills both halves of every vector register.
    fn partita_test_fill(value: u64);
    /// The bits in which any half of a vector register differs.
    fn partita_test_differences(value: u64) -> u64;
}

global_asm!(
    r#"
    .pushsection .text.vector_registers, "ax", @progbits
    .arch_extension simd
    .global partita_test_fill
partita_test_fill:
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    dup     v\number\().2d, x0
    .endr
    ret
    .global partita_test_differences
partita_test_differences:
    mov     x1, xzr
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    mov     x2, v\number\().d[0]
    eor     x2, x2, x0
    orr     x1, x1, x2
    mov     x2, v\number\().d[1]
    eor     x2, x2, x0
    orr     x1, x1, x2
    .endr
    mov     x0, x1
    ret
    .arch_extension nosimd
    .popsection
"#
);
