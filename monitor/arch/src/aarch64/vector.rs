//! The first and the last instructions of every trap, and of the monitor.
//!
//! While a partition runs, `SP_EL3` points to the context of its virtual core; in a trap, to the monitor's stack.

use crate::arch::context::offsets;
use crate::cores::Core;
use core::arch::{asm, global_asm};

/// Saves the registers that a function may change, and takes the monitor's stack; `x19` is the context.
macro_rules! save_first {
    () => {
        concat!(
            "    stp   x0, x1, [sp, #0]\n",
            "    stp   x2, x3, [sp, #16]\n",
            "    stp   x4, x5, [sp, #32]\n",
            "    stp   x6, x7, [sp, #48]\n",
            "    stp   x8, x9, [sp, #64]\n",
            "    stp   x10, x11, [sp, #80]\n",
            "    stp   x12, x13, [sp, #96]\n",
            "    stp   x14, x15, [sp, #112]\n",
            "    stp   x16, x17, [sp, #128]\n",
            "    stp   x18, x19, [sp, #144]\n",
            "    str   x30, [sp, #240]\n",
            "    mov   x19, sp\n",
            "    ldr   x0, [sp, {stack}]\n",
            "    mov   sp, x0\n",
        )
    };
}

global_asm!(
    // The image begins with the vectors, and execution with the first of them, at EL3. The first four are those of an
    // exception at EL3 that uses `SP_EL0`, and EL3 never does: `SPSel` is 1 from reset on (DDI 0487, D1.3.1).
    // What they have room for is the way from reset to Rust.
    ".pushsection .text.vector, \"ax\"",
    ".balign 2048",
    ".global monitor_vectors",
    "monitor_vectors:",
    // All cores start here, without translation. The first is always the boot core; the others sleep
    // until it has made memory ready, and those that the board does not have for ever.
    ".global _start",
    "_start:",
    "    msr   spsel, #1",
    "    msr   daifset, #15",
    "    adr   x0, monitor_vectors",
    "    msr   vbar_el3, x0",
    "    mov   x0, {system_control_low}",
    "    movk  x0, {system_control_high}, lsl #16",
    "    msr   sctlr_el3, x0",
    "    mov   x0, #0x30", // bits that read as one
    "    msr   scr_el3, x0",
    "    msr   cptr_el3, xzr",
    "    isb",
    "    mrs   x19, mpidr_el1",
    "    tst   x19, #0xff00",
    "    and   x19, x19, #0xff",
    "    ldr   x20, =__cores",
    "    ccmp  x19, x20, #0, eq",
    "    b.hs  9f",
    "    ldr   x0, =__stacks",
    "    add   x1, x19, #1",
    "    add   x0, x0, x1, lsl {stack_stride_bits}",
    "    mov   sp, x0",
    "    ldr   x20, =__released",
    "    ldr   x21, ={released}",
    "    cbnz  x19, 4f",
    "    str   xzr, [x20]",
    "    ldr   x0, =__data_start",
    "    ldr   x1, =__data_end",
    "    ldr   x2, =__data_source",
    "1:  cmp   x0, x1",
    "    b.hs  2f",
    "    ldr   x3, [x2], #8",
    "    str   x3, [x0], #8",
    "    b     1b",
    "2:  ldr   x0, =__bss_start",
    "    ldr   x1, =__bss_end",
    "3:  cmp   x0, x1",
    "    b.hs  5f",
    "    stp   xzr, xzr, [x0], #16",
    "    b     3b",
    // Released: there are tables.
    "4:  wfe",
    "    ldr   x0, [x20]",
    "    cmp   x0, x21",
    "    b.ne  4b",
    "5:  mov   x0, x19",
    "    bl    {start}",
    "9:  wfi",
    "    b     9b",
    ".ltorg",
    // Fails to assemble where the way from reset is longer than that.
    ".org monitor_vectors + 0x200",
    // From EL3 itself: a mistake of the monitor's.
    ".rept 4",
    ".balign 128",
    "    b     monitor_fault",
    ".endr",
    // From a lower level, AArch64: synchronous, IRQ, FIQ, SError.
    ".balign 128",
    "from_call_or_fault:",
    save_first!(),
    // Only a call by `smc #0`: others have another meaning.
    "    mrs   x1, esr_el3",
    "    mov   w2, {call}",
    "    cmp   x1, x2",
    "    mov   x0, x19",
    "    b.eq  quick_way",
    "    mov   w1, {synchronous}",
    "    b     full_way",
    ".balign 128",
    "from_interrupt:",
    save_first!(),
    "    mov   w1, {interrupt}",
    "    b     full_way",
    ".balign 128",
    save_first!(),
    "    mov   w1, {interrupt}",
    "    b     full_way",
    ".balign 128",
    "from_system_error:",
    save_first!(),
    "    mov   w1, {system_error}",
    "    b     full_way",
    // The same from AArch32, and in the room between what follows them. They are symbols, so that each is a routine of
    // its own for the audit.
    ".balign 128",
    ".global vector_aarch32_call_or_fault",
    "vector_aarch32_call_or_fault:",
    "    b     from_call_or_fault",
    // A call is mostly answered at once, and Rust keeps the registers that are not saved yet. Everything else may
    // lead to another partition: save all.
    ".global quick_way",
    "quick_way:",
    "    bl    {quick_call}",
    "    mov   sp, x19",
    "    cbnz  w0, 2f",
    "    ldr   x0, [sp, {stack}]",
    "    mov   sp, x0",
    "    mov   w1, {synchronous}",
    "full_way:",
    "    ldr   x0, [x19, {core}]",
    "    stp   x20, x21, [x19, #160]",
    "    stp   x22, x23, [x19, #176]",
    "    stp   x24, x25, [x19, #192]",
    "    stp   x26, x27, [x19, #208]",
    "    stp   x28, x29, [x19, #224]",
    "    bl    {trap}",
    "    b     enter_partition",
    ".balign 128",
    ".global vector_aarch32_interrupt",
    "vector_aarch32_interrupt:",
    "    b     from_interrupt",
    // x0: the context to enter.
    ".global enter_partition",
    "enter_partition:",
    "    mov   sp, x0",
    "    ldp   x20, x21, [sp, #160]",
    "    ldp   x22, x23, [sp, #176]",
    "    ldp   x24, x25, [sp, #192]",
    "    ldp   x26, x27, [sp, #208]",
    "    ldp   x28, x29, [sp, #224]",
    "2:",
    "    ldp   x0, x1, [sp, #0]",
    "    ldp   x2, x3, [sp, #16]",
    "    ldp   x4, x5, [sp, #32]",
    "    ldp   x6, x7, [sp, #48]",
    "    ldp   x8, x9, [sp, #64]",
    "    ldp   x10, x11, [sp, #80]",
    "    ldp   x12, x13, [sp, #96]",
    "    ldp   x14, x15, [sp, #112]",
    "    ldp   x16, x17, [sp, #128]",
    "    ldp   x18, x19, [sp, #144]",
    "    ldr   x30, [sp, #240]",
    "    eret",
    // Nothing is executed ahead beyond an exception return.
    "    dsb   nsh",
    "    isb",
    "    b     monitor_fault",
    ".balign 128",
    ".global vector_aarch32_fast_interrupt",
    "vector_aarch32_fast_interrupt:",
    "    b     from_interrupt",
    ".global monitor_fault",
    "monitor_fault:",
    "    ldr   x3, =__fault_stack_top",
    "    mov   sp, x3",
    "    mrs   x0, esr_el3",
    "    mrs   x1, elr_el3",
    "    mrs   x2, far_el3",
    "    bl    {fault}",
    "8:  wfi",
    "    b     8b",
    ".balign 128",
    ".global vector_aarch32_system_error",
    "vector_aarch32_system_error:",
    "    b     from_system_error",
    ".ltorg",
    ".global monitor_vectors_end",
    "monitor_vectors_end:",
    ".popsection",
    stack_stride_bits = const STACK_STRIDE.trailing_zeros(),
    // `SCTLR_EL3`: no translation yet, instructions cached.
    system_control_low = const 0x1830,
    system_control_high = const 0x30c5,
    released = const RELEASED,
    start = sym crate::arch::boot::start_core,
    fault = sym crate::arch::trap::monitor_fault,
    quick_call = sym crate::arch::call::quick,
    trap = sym crate::arch::trap::trap,
    call = const crate::arch::register::class::CALL << 26 | 1 << 25,
    synchronous = const entry::SYNCHRONOUS,
    interrupt = const entry::INTERRUPT,
    system_error = const entry::SYSTEM_ERROR,
    stack = const offsets::STACK,
    core = const offsets::CORE,
);

/// What a trap is, by the vector's entry.
pub mod entry {
    /// An exception of the instruction that was executed.
    pub const SYNCHRONOUS: u32 = 0;
    /// An interrupt of the monitor's.
    pub const INTERRUPT: u32 = 1;
    /// An asynchronous external abort.
    pub const SYSTEM_ERROR: u32 = 2;
}

/// What the boot core writes to let the others go on.
const RELEASED: u64 = 0x656e_7573_6174_6970;

/// Bytes of a core's stack with the guard page below it.
pub const STACK_STRIDE: usize = 0x8000;

unsafe extern "C" {
    static __text_start: u8;
    static __instructions_end: u8;
    static __code_end: u8;
    static __text_end: u8;
    static __data_start: u8;
    static __monitor_end: u8;
    static __stacks: u8;
    static __released: core::sync::atomic::AtomicU64;
}

/// Lets the other cores go on: tables and data are ready.
pub fn release() {
    // SAFETY: a place that the linker script keeps for this alone.
    let released = unsafe { &__released };
    released.store(RELEASED, core::sync::atomic::Ordering::SeqCst);
    // SAFETY: the others do not translate yet, so what they look at has to be in memory; then they are woken.
    unsafe {
        asm!(
            "dc civac, {place}",
            "dsb sy",
            "sev",
            place = in(reg) &raw const __released,
            options(nostack, preserves_flags)
        );
    }
}

/// Gives up the stack of the boot code and lets the core's schedule begin.
pub fn run(core: &mut Core) -> ! {
    let top = stack_top(core.id);
    // SAFETY: nothing on the old stack is used any more, since this does not return; `first` has the
    // signature that this call assumes, and the vector's way out takes the context it returns.
    unsafe {
        asm!(
            "mov  sp, {top}",
            "bl   {first}",
            "b    enter_partition",
            top = in(reg) top,
            first = sym crate::arch::trap::first,
            in("x0") core::ptr::from_mut(core),
            options(noreturn)
        )
    }
}

/// Where the linker put the monitor.
pub struct Layout {
    /// First address of text and read-only data.
    pub text: u64,
    /// Bytes of instructions, whole pages.
    pub code: u64,
    /// Bytes of text and read-only data in use.
    pub text_used: u64,
    /// First address of data.
    pub data: u64,
    /// Bytes of data, zeroed data and stacks.
    pub data_used: u64,
}

/// Where the linker put the monitor.
pub fn layout() -> Layout {
    let text = (&raw const __text_start) as u64;
    let code = ((&raw const __code_end) as u64).wrapping_sub(text);
    let instructions = ((&raw const __instructions_end) as u64).wrapping_sub(text);
    let constants = ((&raw const __text_end) as u64).wrapping_sub(text.wrapping_add(code));
    Layout {
        text,
        code,
        data: (&raw const __data_start) as u64,
        text_used: instructions.wrapping_add(constants),
        data_used: ((&raw const __monitor_end) as u64)
            .wrapping_sub((&raw const __data_start) as u64),
    }
}

/// The guard page under a core's stack.
pub fn guard_page(core: usize) -> u64 {
    ((&raw const __stacks) as u64).wrapping_add(core.wrapping_mul(STACK_STRIDE) as u64)
}

/// The top of a core's stack.
pub fn stack_top(core: usize) -> u64 {
    guard_page(core).wrapping_add(STACK_STRIDE as u64)
}
