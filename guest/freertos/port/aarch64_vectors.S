/* The vector table (Arm ARM, D1.4.1.1). Tasks use SP_EL0; interrupts, which can be interrupted, SP_EL1. */

    .macro vector target
    .balign 128
    b       \target
    .endm

    .section .text.partita_freertos_vectors, "ax", @progbits
    .balign 2048
    .global _freertos_vector_table
_freertos_vector_table:
    /* From a task. */
    vector  synchronous
    vector  FreeRTOS_IRQ_Handler
    vector  partita_freertos_exception
    vector  partita_freertos_exception
    /* From an interrupt. */
    vector  partita_freertos_exception
    vector  FreeRTOS_IRQ_Handler
    vector  partita_freertos_exception
    vector  partita_freertos_exception
    /* From EL0, where nothing runs. */
    .rept 8
    vector  partita_freertos_exception
    .endr

    .balign 128
synchronous:
    /* A yield is a supervisor call; upstream's handler waits for ever at everything else. */
    stp     x0, x1, [sp, #-16]!
    mrs     x0, esr_el1
    lsr     x0, x0, #26
    cmp     x0, #0x15
    ldp     x0, x1, [sp], #16
    b.eq    FreeRTOS_SWI_Handler
    b       partita_freertos_exception
