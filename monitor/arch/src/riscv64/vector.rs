//! The first and the last instructions of every trap, and of the monitor.

use crate::arch::context::offsets;
use crate::cores::Core;
use core::arch::{asm, global_asm};

global_asm!(
    // All harts start here. The first that has a supervisor mode is always the boot hart; the others
    // sleep until it calls, and those before it for ever.
    ".pushsection .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "    csrw  mie, zero",
    "    csrw  mscratch, zero",
    "    la    t0, monitor_fault",
    "    csrw  mtvec, t0",
    "    csrr  a0, mhartid",
    "    addi  t0, zero, %lo(__harts)",
    "    bgeu  a0, t0, 9f",
    "    addi  t1, zero, %lo(__first_hart)",
    "    bltu  a0, t1, 9f",
    "    la    sp, __stacks",
    "    addi  t0, a0, 1",
    "    slli  t0, t0, {stack_stride_bits}",
    "    add   sp, sp, t0",
    "    bne   a0, t1, 2f",
    "    la    t0, __bss_start",
    "    la    t1, __bss_end",
    "1:  bgeu  t0, t1, 3f",
    "    sd    zero, 0(t0)",
    "    addi  t0, t0, 8",
    "    j     1b",
    "2:  li    t0, 8", // machine software interrupt: the boot hart calls
    "    csrw  mie, t0",
    "4:  wfi",
    "    csrr  t1, mip",
    "    and   t1, t1, t0",
    "    beqz  t1, 4b",
    "3:  call  {start}",
    "9:  csrw  mie, zero",
    "    wfi",
    "    j     9b",
    // A trap in the monitor before the first partition: a mistake of ours.
    ".balign 4",
    ".global monitor_fault",
    "monitor_fault:",
    "    la    sp, __fault_stack_top",
    "    csrr  a0, mcause",
    "    csrr  a1, mepc",
    "    csrr  a2, mtval",
    "    call  {fault}",
    "8:  wfi",
    "    j     8b",
    ".popsection",
    // From a partition. `mscratch` points to the context of the virtual core that runs.
    ".pushsection .text.vector, \"ax\"",
    ".balign 64",
    ".global trap_entry",
    "trap_entry:",
    "    csrrw x31, mscratch, x31",
    "    sd    x1, 8(x31)",
    "    sd    x2, 16(x31)",
    "    sd    x5, 40(x31)",
    "    sd    x6, 48(x31)",
    "    sd    x7, 56(x31)",
    "    sd    x10, 80(x31)",
    "    sd    x11, 88(x31)",
    "    sd    x12, 96(x31)",
    "    sd    x13, 104(x31)",
    "    sd    x14, 112(x31)",
    "    sd    x15, 120(x31)",
    "    sd    x16, 128(x31)",
    "    sd    x17, 136(x31)",
    "    sd    x28, 224(x31)",
    "    sd    x29, 232(x31)",
    "    sd    x30, 240(x31)",
    "    ld    sp, {stack}(x31)",
    "    csrr  a1, mcause",
    "    csrrw t0, mscratch, x31",
    "    sd    t0, 248(x31)",
    // A call, a denied load or store or a reading of the time is mostly answered at once, and Rust keeps
    // the registers that are not saved yet. Everything else may lead to another partition: save all.
    "    bltz  a1, 1f", // an interrupt
    "    mv    a0, x31",
    "    addi  t0, a1, -{call_cause}",
    "    beqz  t0, 3f",
    "    andi  t0, a1, ~2", // 5 and 7
    "    addi  t0, t0, -{load_cause}",
    "    bnez  t0, 5f",
    "    call  {quick_access}",
    "    j     4f",
    "5:  addi  t0, a1, -{illegal_cause}",
    "    bnez  t0, 1f",
    "    call  {quick_illegal}",
    "    j     4f",
    "3:  call  {quick_call}",
    "4:  csrr  x31, mscratch",
    "    bnez  a0, 2f",
    "1:",
    "    ld    a0, {hart}(x31)",
    "    sd    x3, 24(x31)",
    "    sd    x4, 32(x31)",
    "    sd    x8, 64(x31)",
    "    sd    x9, 72(x31)",
    "    sd    x18, 144(x31)",
    "    sd    x19, 152(x31)",
    "    sd    x20, 160(x31)",
    "    sd    x21, 168(x31)",
    "    sd    x22, 176(x31)",
    "    sd    x23, 184(x31)",
    "    sd    x24, 192(x31)",
    "    sd    x25, 200(x31)",
    "    sd    x26, 208(x31)",
    "    sd    x27, 216(x31)",
    "    call  {trap}",
    // a0: the context to enter.
    ".global enter_partition",
    "enter_partition:",
    "    mv    x31, a0",
    "    csrw  mscratch, x31",
    "    ld    x3, 24(x31)",
    "    ld    x4, 32(x31)",
    "    ld    x8, 64(x31)",
    "    ld    x9, 72(x31)",
    "    ld    x18, 144(x31)",
    "    ld    x19, 152(x31)",
    "    ld    x20, 160(x31)",
    "    ld    x21, 168(x31)",
    "    ld    x22, 176(x31)",
    "    ld    x23, 184(x31)",
    "    ld    x24, 192(x31)",
    "    ld    x25, 200(x31)",
    "    ld    x26, 208(x31)",
    "    ld    x27, 216(x31)",
    "2:",
    "    ld    x1, 8(x31)",
    "    ld    x2, 16(x31)",
    "    ld    x5, 40(x31)",
    "    ld    x6, 48(x31)",
    "    ld    x7, 56(x31)",
    "    ld    x10, 80(x31)",
    "    ld    x11, 88(x31)",
    "    ld    x12, 96(x31)",
    "    ld    x13, 104(x31)",
    "    ld    x14, 112(x31)",
    "    ld    x15, 120(x31)",
    "    ld    x16, 128(x31)",
    "    ld    x17, 136(x31)",
    "    ld    x28, 224(x31)",
    "    ld    x29, 232(x31)",
    "    ld    x30, 240(x31)",
    "    ld    x31, 248(x31)",
    "    mret",
    ".popsection",
    stack_stride_bits = const STACK_STRIDE.trailing_zeros(),
    start = sym crate::arch::boot::start_hart,
    fault = sym crate::arch::trap::monitor_fault,
    quick_access = sym crate::arch::fault::quick,
    quick_call = sym crate::arch::call::quick,
    call_cause = const crate::arch::csr::cause::SUPERVISOR_CALL,
    quick_illegal = sym crate::arch::fault::quick_time,
    illegal_cause = const crate::arch::csr::cause::ILLEGAL_INSTRUCTION,
    load_cause = const crate::arch::csr::cause::LOAD_ACCESS,
    trap = sym crate::arch::trap::trap,
    stack = const offsets::STACK,
    hart = const offsets::HART,
);

/// The general registers that the vector has saved when it calls `fault::quick`, `fault::quick_time` or
/// `call::quick`, one bit each.
pub const SAVED_FOR_QUICK: u32 = 0b1111_0000_0000_0011_1111_1100_1110_0111;

/// Bytes of a hart's stack with the guard page below it.
pub const STACK_STRIDE: usize = 0x8000;

unsafe extern "C" {
    static __stacks: u8;
    static __text_start: u8;
    static __text_end: u8;
    static __data_start: u8;
    static __data_end: u8;
}

/// Gives up the stack of the boot code and lets the hart's schedule begin.
pub fn run(hart: &mut Core) -> ! {
    let top = stack_top(hart.id);
    // SAFETY: nothing on the old stack is used any more, since this does not return; `first` has the
    // signature that this call assumes, and the vector's way out takes the context it returns.
    unsafe {
        asm!(
            "mv   sp, {top}",
            "call {first}",
            "la   t0, trap_entry",
            "csrw mtvec, t0",
            "j    enter_partition",
            top = in(reg) top,
            first = sym crate::arch::trap::first,
            in("a0") core::ptr::from_mut(hart),
            options(noreturn)
        )
    }
}

/// Where the linker put the monitor.
pub struct Layout {
    /// First address of text and read-only data.
    pub text: u64,
    /// Bytes of text and read-only data in use.
    pub text_used: u64,
    /// Bytes of data, zeroed data and stacks.
    pub data_used: u64,
}

/// Where the linker put the monitor.
pub fn layout() -> Layout {
    let text = (&raw const __text_start) as u64;
    Layout {
        text,
        text_used: ((&raw const __text_end) as u64).wrapping_sub(text),
        data_used: ((&raw const __data_end) as u64).wrapping_sub((&raw const __data_start) as u64),
    }
}

/// The guard page under a hart's stack.
pub fn guard_page(hart: usize) -> u64 {
    ((&raw const __stacks) as u64).wrapping_add(hart.wrapping_mul(STACK_STRIDE) as u64)
}

/// The top of a hart's stack.
pub fn stack_top(hart: usize) -> u64 {
    guard_page(hart).wrapping_add(STACK_STRIDE as u64)
}
