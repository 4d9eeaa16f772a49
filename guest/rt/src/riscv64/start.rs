//! The first instructions of a partition and of each further hart.
//!
//! The monitor enters with `satp` = 0, interrupts off, `a0` = virtual hart id and `a1` = device tree
//! (first hart) or the opaque value of `hart_start` (further harts; RISC-V SBI 2.0, chapter 9.1).

core::arch::global_asm!(
    r#"
    .pushsection .text.entry, "ax", @progbits
    .global _start
_start:
    csrw    sie, zero
    csrci   sstatus, 2
    lla     t0, partita_trap_vector
    csrw    stvec, t0
    lla     sp, __stack_top
    /* Both ends are aligned to 64 bytes by the linker script. */
    lla     t0, __bss_start
    lla     t1, __bss_end
    bgeu    t0, t1, 2f
1:
    sd      zero, 0(t0)
    sd      zero, 8(t0)
    sd      zero, 16(t0)
    sd      zero, 24(t0)
    sd      zero, 32(t0)
    sd      zero, 40(t0)
    sd      zero, 48(t0)
    sd      zero, 56(t0)
    addi    t0, t0, 64
    bltu    t0, t1, 1b
2:
    call    partita_main
    /* `partita_main` does not return. */
    unimp

    /* A further hart: a1 = top of its stack, where `hart::start` left the function to run. */
    .global partita_start_hart
partita_start_hart:
    csrw    sie, zero
    csrci   sstatus, 2
    lla     t0, partita_trap_vector
    csrw    stvec, t0
    mv      sp, a1
    ld      t0, 0(sp)
    jalr    t0
    unimp
    .popsection
"#
);
