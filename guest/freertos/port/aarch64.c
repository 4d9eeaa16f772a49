/* The port's part for Arm: EL1, where the monitor interrupts by software-generated interrupts. */

#include <stdbool.h>

#include "FreeRTOS.h"
#include "lateness.h"
#include "partita.h"
#include "partition.h"
#include "task.h"

/* An emulator that executes an instruction each nanosecond executes as many in a tick of the time. */
#define INSTRUCTIONS_PER_TIME PARTITA_NS_PER_TIME

/* The interrupt's number in what the interrupt controller's register of acknowledged ones holds. */
#define NUMBER_MASK 0xffffffu

/* Numbers from here on stand for no interrupt. */
#define NO_INTERRUPT 1020u

/* The glue, in src/glue.rs. */
uint32_t partita_timer_interrupt(void);
uint32_t partita_external_interrupt(void);
void partita_open_interrupts(void);
uint32_t partita_interrupt_acknowledge(void);
void partita_interrupt_end(uint32_t interrupt);

static uint32_t timer_interrupt;
static uint32_t external_interrupt;

/* Whether the application takes interrupts of devices, and whether one came before it did. */
static volatile bool takes_device_interrupts;
static volatile bool device_interrupt_waits;

#ifdef PARTITA_GICV2
uintptr_t partita_interrupt_interface;

/* Upstream's addresses of registers of the interface. */
extern uint64_t ullICCPMR, ullICCIAR, ullICCEOIR;

/* Called once, before the application. */
void partita_set_interrupt_interface(uintptr_t interface)
{
    partita_interrupt_interface = interface;
    ullICCPMR = portICCPMR_PRIORITY_MASK_REGISTER_ADDRESS;
    ullICCIAR = portICCIAR_INTERRUPT_ACKNOWLEDGE_REGISTER_ADDRESS;
    ullICCEOIR = portICCEOIR_END_OF_INTERRUPT_REGISTER_ADDRESS;
}
#else
void partita_set_interrupt_interface(uintptr_t interface)
{
    (void)interface;
}
#endif

/* Called by the kernel when the scheduler starts, with interrupts off. */
void partita_setup_tick(void)
{
    timer_interrupt = partita_timer_interrupt();
    external_interrupt = partita_external_interrupt();
    partita_open_interrupts();
    partita_start_ticks();
}

/* There is no counter of instructions that both worlds leave alone: the time has to do, which an emulator
 * derives from them. */
uint64_t partita_instructions_at(uint64_t due)
{
    return due * INSTRUCTIONS_PER_TIME;
}

void partita_enable_device_interrupts(void)
{
    taskENTER_CRITICAL();
    takes_device_interrupts = true;
    if (device_interrupt_waits) {
        device_interrupt_waits = false;
        partita_device_interrupts();
    }
    taskEXIT_CRITICAL();
}

/* Returns whether the interrupt is one that the monitor tells of. */
static bool handle(uint32_t interrupt)
{
    if (interrupt == timer_interrupt) {
        partita_tick(partita_time() * INSTRUCTIONS_PER_TIME);
    } else if (interrupt == external_interrupt) {
        if (takes_device_interrupts) {
            partita_device_interrupts();
        } else {
            device_interrupt_waits = true;
        }
    } else {
        return false;
    }
    return true;
}

/* Called by upstream's interrupt handler, on the interrupt stack, with the interrupt acknowledged and masked. With a
 * GICv2 in the secure world the monitor has done that, and upstream's handler has found none. */
void vApplicationIRQHandler(uint32_t acknowledged)
{
    if (handle(acknowledged & NUMBER_MASK)) {
        return;
    }
    uint32_t interrupt = partita_interrupt_acknowledge();
    if (interrupt < NO_INTERRUPT) {
        handle(interrupt);
        partita_interrupt_end(interrupt);
    }
}

/* Called by the vectors for every exception that is not a yield. */
_Noreturn void partita_freertos_exception(void)
{
    size_t cause, program_counter, value;
    __asm volatile("mrs %0, esr_el1" : "=r"(cause));
    __asm volatile("mrs %0, elr_el1" : "=r"(program_counter));
    __asm volatile("mrs %0, far_el1" : "=r"(value));
    partita_unexpected_trap(cause, program_counter, value);
}
