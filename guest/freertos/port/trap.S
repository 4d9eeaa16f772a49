/* The trap vector: notes the time before anything else, then goes to the kernel's handler.
 *
 * `sscratch` always points to the record. The instruction counter is read by the third instruction,
 * and every register is as it was when the kernel's handler begins. */

    .section .text.partita_freertos_vector, "ax", @progbits
    .balign 4
    .global partita_freertos_vector
partita_freertos_vector:
    csrrw   t0, sscratch, t0
    sd      t1, 0(t0)
    csrr    t1, instret
    sd      t1, 8(t0)
    ld      t1, 0(t0)
    csrrw   t0, sscratch, t0
    j       freertos_risc_v_trap_handler
