/* What a FreeRTOS partition asks of Partita. */
#ifndef PARTITA_H
#define PARTITA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "FreeRTOS.h"

/* ---- Time ---- */

/* Ticks of the time in one tick of the kernel, and nanoseconds in one of the former: what the
 * partition's device tree says, known before `main`. */
extern uint64_t partita_time_per_tick;
extern uint64_t partita_ns_per_time;
#define PARTITA_TIME_PER_TICK partita_time_per_tick
#define PARTITA_NS_PER_TIME partita_ns_per_time

/* The time since the machine's start. */
static inline uint64_t partita_time(void)
{
    uint64_t ticks;
#ifdef __aarch64__
    __asm volatile("isb\n mrs %0, cntpct_el0" : "=r"(ticks));
#else
    __asm volatile("csrr %0, time" : "=r"(ticks));
#endif
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

/* The kinds of health events, by their names in the manifest. */
enum partita_health_kind {
    PARTITA_ACCESS_FAULT = 1,
    PARTITA_ILLEGAL_INSTRUCTION = 2,
    PARTITA_UNEXPECTED_TRAP = 3,
    PARTITA_FLOATING_POINT = 4,
    PARTITA_PANIC = 5,
    PARTITA_RESET = 6,
    PARTITA_SHUTDOWN = 7,
    PARTITA_BUDGET_OVERRUN = 8,
    PARTITA_IMAGE_CORRUPT = 9,
    PARTITA_DEADLINE_MISS = 10,
    PARTITA_INTERRUPT_DENIED = 11,
    PARTITA_DOUBLE_TRAP = 12,
    PARTITA_WATCHDOG = 13,
    PARTITA_STORM = 14,
    PARTITA_CALL_DENIED = 15,
};

/* Something that went wrong in another partition. */
struct partita_health_event {
    /* Which one, counted from 0 in the order of the manifest. */
    unsigned int partition;
    /* What; a later monitor may know more kinds than these. */
    enum partita_health_kind kind;
};

/* Waits in a task for a health event of another partition that the manifest wants this one to be told of.
 * Returns false if none comes within `ticks`; portMAX_DELAY waits for ever. The monitor keeps the oldest 16
 * while nobody waits. For one task of the partition, whose notification value with index 0 it uses. */
bool partita_health_event_wait(struct partita_health_event *event, TickType_t ticks);

/* Adds the kind's name in the manifest to a line. */
void partita_line_health_kind(struct partita_line *line, enum partita_health_kind kind);

/* Defined by an application that takes such events in interrupt context, and not in a task. Needs
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
