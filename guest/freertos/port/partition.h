/* What the architectures' parts of the port and their common part have for each other. */
#ifndef PARTITA_PARTITION_H
#define PARTITA_PARTITION_H

#include <stddef.h>
#include <stdint.h>

/* Takes the time from which ticks count, and sets the timer for the first. With interrupts off. */
void partita_start_ticks(void);

/* The timer has fired. `instructions` is the count when the interrupt was taken. In interrupt context. */
void partita_tick(uint64_t instructions);

/* A line of a device, or a notification, is pending. In interrupt context. */
void partita_device_interrupts(void);

/* The glue, in src/glue.rs. */
_Noreturn void partita_unexpected_trap(size_t cause, size_t program_counter, size_t value);

#endif
