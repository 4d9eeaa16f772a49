/* The histogram of timer lateness. */
#ifndef PARTITA_LATENESS_H
#define PARTITA_LATENESS_H

#include <stdint.h>

/* Counts one tick interrupt that came `instructions` late. Called with interrupts off. */
void partita_lateness_record(uint64_t instructions);

#endif
