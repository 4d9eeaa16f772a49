/* The port's part for RISC-V: supervisor mode's trap registers. */

#include "FreeRTOS.h"
#include "lateness.h"
#include "partita.h"
#include "partition.h"

/* Interrupts of `scause` and `sie` (RISC-V privileged 1.12, chapters 4.1.3 and 4.1.8). */
#define INTERRUPT (1UL << 63)
#define SUPERVISOR_TIMER 5UL
#define SUPERVISOR_EXTERNAL 9UL

/* An emulator that executes an instruction each nanosecond executes as many in a tick of `time`. */
#define INSTRUCTIONS_PER_TIME PARTITA_NS_PER_TIME

/* In trap.S. */
void partita_freertos_vector(void);

/* What the trap vector keeps: where it puts a register aside, and the instruction count. */
static volatile struct {
    uint64_t register_kept;
    uint64_t instructions;
} trap_record;

/* Called by the kernel when the scheduler starts, with interrupts off. */
void vPortSetupTimerInterrupt(void)
{
    /* The vector reads the instruction counter too; where that may not be read, this is where the
     * partition stops, with the runtime's vector still in place to say so. */
    __asm volatile("csrr zero, instret");
    __asm volatile("csrw sscratch, %0" ::"r"(&trap_record) : "memory");
    __asm volatile("csrw stvec, %0" ::"r"(partita_freertos_vector));

    partita_start_ticks();
    __asm volatile("csrs sie, %0" ::"r"(1UL << SUPERVISOR_TIMER));
}

/* The instruction counter stands still while every hart waits, and the time goes on, so the two are
 * compared anew for each interrupt: when `time` has just changed, it is exact. */
uint64_t partita_instructions_at(uint64_t due)
{
    uint64_t before = partita_time();
    uint64_t now, instructions;
    do {
        __asm volatile("csrr %0, time\n csrr %1, instret" : "=r"(now), "=r"(instructions));
    } while (now == before);
    /* `time` changed up to two instructions before it was read, as the loop has three, and `instret`
     * was read one after. The result is thus at most two too small: late is never called early. */
    return instructions - 3 - (now - due) * INSTRUCTIONS_PER_TIME;
}

void partita_enable_device_interrupts(void)
{
    __asm volatile("csrs sie, %0" ::"r"(1UL << SUPERVISOR_EXTERNAL));
}

static _Noreturn void unexpected_trap(void)
{
    size_t cause, program_counter, value;
    __asm volatile("csrr %0, scause" : "=r"(cause));
    __asm volatile("csrr %0, sepc" : "=r"(program_counter));
    __asm volatile("csrr %0, stval" : "=r"(value));
    partita_unexpected_trap(cause, program_counter, value);
}

/* Called by upstream's trap handler, on the interrupt stack. */
void freertos_risc_v_application_interrupt_handler(size_t cause)
{
    if (cause == (INTERRUPT | SUPERVISOR_TIMER)) {
        partita_tick(trap_record.instructions);
    } else if (cause == (INTERRUPT | SUPERVISOR_EXTERNAL)) {
        partita_device_interrupts();
    } else {
        unexpected_trap();
    }
}

/* Called by upstream's trap handler for every exception that is not a yield. */
void freertos_risc_v_application_exception_handler(void)
{
    unexpected_trap();
}
