//! The first instructions of a partition.
//!
//! The monitor enters at S-EL1 with translation off, all exceptions masked, and the device tree's address in
//! `x0`. Memory is of the device kind as long as translation is off, so nothing here is unaligned or exclusive.

core::arch::global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .global _start
_start:
    msr     daifset, #0xf
    msr     spsel, #1
    adrp    x1, partita_trap_vector
    add     x1, x1, :lo12:partita_trap_vector
    msr     vbar_el1, x1
    adrp    x1, __stack_top
    add     x1, x1, :lo12:__stack_top
    mov     sp, x1
    isb
    /* Both ends are aligned to 64 bytes by the linker script. */
    adrp    x1, __bss_start
    add     x1, x1, :lo12:__bss_start
    adrp    x2, __bss_end
    add     x2, x2, :lo12:__bss_end
1:
    cmp     x1, x2
    b.hs    2f
    stp     xzr, xzr, [x1], #16
    b       1b
2:
    mov     x29, xzr
    mov     x30, xzr
    mov     x1, x0
    mrs     x0, mpidr_el1
    and     x0, x0, #0xff
    bl      {main}
    /* It does not return. */
    brk     #0

    /* A further core: x0 = top of its stack, where `hart` left the function to run. */
    .global partita_start_hart
partita_start_hart:
    msr     daifset, #0xf
    msr     spsel, #1
    adrp    x1, partita_trap_vector
    add     x1, x1, :lo12:partita_trap_vector
    msr     vbar_el1, x1
    mov     sp, x0
    isb
    ldr     x1, [x0]
    mov     x29, xzr
    mov     x30, xzr
    mrs     x0, mpidr_el1
    and     x0, x0, #0xff
    blr     x1
    brk     #0
    .popsection
"#,
    main = sym first,
);

unsafe extern "C" {
    /// The program's, from `entry!`.
    fn partita_main(hart: usize, device_tree: usize) -> !;
}

/// Learns what the device tree says of interrupts, then runs the program.
extern "C" fn first(hart: usize, device_tree: usize) -> ! {
    // SAFETY: the address is the one that the monitor gave this partition.
    let tree = unsafe { crate::device_tree::at(device_tree) };
    if let Some(tree) = tree {
        crate::interrupts::learn(tree);
    }
    // SAFETY: defined by `entry!` with this signature, and called once, on a stack, with interrupts off.
    unsafe { partita_main(hart, device_tree) }
}
