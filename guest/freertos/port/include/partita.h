/* What a FreeRTOS partition asks of Partita. */
#ifndef PARTITA_H
#define PARTITA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "FreeRTOS.h"

/* ---- Time ---- */

/* Ticks of the `time` register in one tick of the kernel, and nanoseconds in one of the former: what the
 * partition's device tree says, known before `main`. */
extern uint64_t partita_time_per_tick;
extern uint64_t partita_ns_per_time;
#define PARTITA_TIME_PER_TICK partita_time_per_tick
#define PARTITA_NS_PER_TIME partita_ns_per_time

/* The time since the machine's start. */
static inline uint64_t partita_time(void)
{
    uint64_t ticks;
    __asm volatile("csrr %0, time" : "=r"(ticks));
    return ticks;
}

/* The time at which the kernel's tick `tick` is due. Ticks are never early and do not drift. */
uint64_t partita_tick_time(TickType_t tick);

/* How many tick interrupts came too late to be taken on their own. The kernel's count has them. */
uint64_t partita_late_ticks(void);

/* ---- Deadlines ---- */

/* Adds to the partition's record what happened since the last report. */
void partita_report_deadlines(uint64_t met, uint64_t missed, uint64_t worst_latency_ns);

/* ---- Console ---- */

/* Writes to the partition's console. What it does not take in bounded time is lost. */
void partita_console_write(const char *text, size_t length);

/* A line that is put together without a formatter, and written at once. What does not fit is cut. */
struct partita_line {
    size_t length;
    char text[118];
};

void partita_line_text(struct partita_line *line, const char *text);
void partita_line_number(struct partita_line *line, uint64_t number);
/* A number of tenths, as `1.2`. */
void partita_line_tenths(struct partita_line *line, uint64_t tenths);
/* Ends the line, writes it and empties it. */
void partita_line_write(struct partita_line *line);

/* ---- The partition ---- */

bool partita_has_argument_of_length(const char *name, size_t length);

/* Whether `name`, a string literal, is a word of the partition's command line. */
#define partita_has_argument(name) partita_has_argument_of_length("" name, sizeof(name) - 1)

/* Stops the partition, which becomes a health event; `reason` goes to the console. */
_Noreturn void partita_panic(const char *reason);

/* ---- Health ---- */

/* Starts the partition's watchdog: unless it is reset within `timeout_ns`, and again and again from then
 * on, that is a health event. 0 takes the time of the manifest, which is the longest too. Nothing stops
 * it. Returns whether the manifest gives the partition one. */
bool partita_watchdog_start(uint64_t timeout_ns);

/* Resets the partition's watchdog. A good place is the lowest priority that has a deadline. */
void partita_watchdog_reset(void);

/* Defined by an application that the manifest wants to be told of other partitions' health events, in
 * interrupt context: `partition` counts in the order of the manifest, `kind` is the event's number. Needs
 * partita_enable_device_interrupts(). */
void vApplicationHealthEvent(unsigned int partition, unsigned int kind);

/* ---- Device interrupts ---- */

/* Lets the partition's devices interrupt. */
void partita_enable_device_interrupts(void);

/* Defined by an application that has devices: handles the interrupt of `line`, in interrupt context.
 * The line is masked until this returns. */
void vApplicationDeviceInterrupt(size_t line);

/* ---- How late the timer is ---- */

/* The lateness of tick interrupts, in instructions from the time at which the tick was due to the
 * trap vector. Only meaningful in an emulator that executes an instruction each nanosecond. */
struct partita_lateness {
    uint64_t count;
    uint64_t median;
    uint64_t worst;
};

/* Starts to measure. From then on each tick interrupt takes up to 100 ns more, after the vector. */
void partita_lateness_measure(void);

/* The lateness since the last call. Takes long; call it from the lowest priority. */
struct partita_lateness partita_lateness_take(void);

#endif
