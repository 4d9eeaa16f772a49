/* The histogram of timer lateness. */
#ifndef PARTITA_LATENESS_H
#define PARTITA_LATENESS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether ticks are to be recorded. */
extern bool partita_lateness_is_measured;

/* Counts one tick interrupt: the time at which it was due, and the instruction counter at the trap
 * vector. Called with interrupts off, and takes up to 100 ns. */
void partita_lateness_record(uint64_t due, uint64_t instructions);

/* What the instruction counter was at a time that has gone by. In riscv64.c and aarch64.c. */
uint64_t partita_instructions_at(uint64_t due);

#endif
