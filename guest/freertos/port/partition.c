/* The port's C part that is the same on every architecture: the tick from the monitor's timer, interrupts,
 * the kernel's hooks. riscv64.c and aarch64.c have the registers.
 *
 * The rest is upstream's port (on RISC-V made a supervisor-mode one by src/supervisor_port.rs), and the
 * Rust glue in src/glue.rs. */

#include "FreeRTOS.h"
#include "lateness.h"
#include "partita.h"
#include "partition.h"
#include "string.h"
#include "task.h"

/* How many late ticks one interrupt catches up with; more are left to the next, which comes at once. */
#define MOST_TICKS_AT_ONCE 1000u

/* How many device interrupts are handled before lower-priority work goes on. */
#define MOST_DEVICE_INTERRUPTS_AT_ONCE 16u

/* How many health events of others are handled before lower-priority work goes on: all that the monitor
 * keeps. */
#define MOST_HEALTH_EVENTS_AT_ONCE 16u

/* What a claim returns when there are health events to take (`NOTIFICATION_LINE` in common/abi). */
#define NOTIFICATION_LINE 0xffffu

/* The glue, in src/glue.rs. */
int32_t partita_notification_take(void);
void partita_set_timer(uint64_t deadline);
size_t partita_interrupt_claim(void);
void partita_interrupt_complete(size_t line);
_Noreturn void partita_stop(const char *reason, size_t length, unsigned int line);

uint64_t partita_time_per_tick;
uint64_t partita_ns_per_time;

static uint64_t start_time;
static uint64_t next_tick_time;
static uint64_t late_ticks;

/* The task that waits for health events of other partitions. */
static TaskHandle_t volatile health_task;

/* Called by the glue, before `main`. */
void partita_set_time_hz(uint64_t hz)
{
    partita_time_per_tick = hz / configTICK_RATE_HZ;
    partita_ns_per_time = 1000000000u / hz;
}

uint64_t partita_tick_time(TickType_t tick)
{
    return start_time + tick * PARTITA_TIME_PER_TICK;
}

uint64_t partita_late_ticks(void)
{
    return late_ticks;
}

void partita_start_ticks(void)
{
    start_time = partita_time();
    next_tick_time = start_time + PARTITA_TIME_PER_TICK;
    partita_set_timer(next_tick_time);
}

/* Every deadline is the last one plus a period, so the tick does not drift. Whoever was kept from
 * running for longer catches up with the kernel's count, so that it stays the true time. */
void partita_tick(uint64_t instructions)
{
    uint64_t now = partita_time();
    uint64_t ticks = 1;

    if (now < next_tick_time) {
        partita_set_timer(next_tick_time);
        return;
    }
    if (partita_lateness_is_measured) {
        partita_lateness_record(next_tick_time, instructions);
    }

    if (now - next_tick_time >= PARTITA_TIME_PER_TICK) {
        ticks += (now - next_tick_time) / PARTITA_TIME_PER_TICK;
        if (ticks > MOST_TICKS_AT_ONCE) {
            ticks = MOST_TICKS_AT_ONCE;
        }
        late_ticks += ticks - 1;
    }
    next_tick_time += ticks * PARTITA_TIME_PER_TICK;
    partita_set_timer(next_tick_time);

    BaseType_t switch_required = pdFALSE;
    for (; ticks != 0; ticks--) {
        if (xTaskIncrementTick() != pdFALSE) {
            switch_required = pdTRUE;
        }
    }
    portYIELD_FROM_ISR(switch_required);
}

/* Takes the oldest health event of another partition, if there is one. */
static bool take_health_event(struct partita_health_event *event)
{
    int32_t taken = partita_notification_take();
    if (taken < 0) {
        return false;
    }
    event->partition = (unsigned int) taken >> 8;
    event->kind = (enum partita_health_kind)(taken & 0xff);
    return true;
}

/* There are health events: wakes the task that takes them, or takes them here. */
static void health_events(void)
{
    if (health_task != NULL) {
        BaseType_t switch_required = pdFALSE;
        vTaskNotifyGiveFromISR(health_task, &switch_required);
        portYIELD_FROM_ISR(switch_required);
        return;
    }
    struct partita_health_event event;
    for (unsigned int taken = 0; taken < MOST_HEALTH_EVENTS_AT_ONCE; taken++) {
        if (!take_health_event(&event)) {
            return;
        }
        vApplicationHealthEvent(event.partition, event.kind);
    }
}

bool partita_health_event_wait(struct partita_health_event *event, TickType_t ticks)
{
    TimeOut_t start;
    vTaskSetTimeOutState(&start);
    /* First the task, then the look: what comes after the look wakes it. */
    health_task = xTaskGetCurrentTaskHandle();
    partita_enable_device_interrupts();
    while (!take_health_event(event)) {
        /* An earlier wake-up, whose events are taken already, is no new one. */
        if (xTaskCheckForTimeOut(&start, &ticks) != pdFALSE) {
            return false;
        }
        ulTaskNotifyTake(pdTRUE, ticks);
    }
    return true;
}

__attribute__((weak)) void vApplicationHealthEvent(unsigned int partition, unsigned int kind)
{
    (void) partition;
    (void) kind;
}

void partita_device_interrupts(void)
{
    for (unsigned int handled = 0; handled < MOST_DEVICE_INTERRUPTS_AT_ONCE; handled++) {
        size_t line = partita_interrupt_claim();
        if (line == 0) {
            return;
        }
        if (line == NOTIFICATION_LINE) {
            health_events();
            continue;
        }
        vApplicationDeviceInterrupt(line);
        partita_interrupt_complete(line);
    }
}

__attribute__((weak)) void vApplicationDeviceInterrupt(size_t line)
{
    partita_panic("a device interrupts, but vApplicationDeviceInterrupt is not defined");
}

/* Nothing is to be done: the monitor gets the core, and may give it to another partition. */
__attribute__((weak)) void vApplicationIdleHook(void)
{
    __asm volatile("wfi" ::: "memory");
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name)
{
    struct partita_line line = {0};
    partita_line_text(&line, "freertos: stack overflow in task ");
    partita_line_text(&line, name);
    partita_line_write(&line);
    partita_panic("a task's stack is too small");
}

_Noreturn void partita_assertion_failed(const char *file, unsigned int line)
{
    partita_stop(file, strlen(file), line);
}

_Noreturn void partita_panic(const char *reason)
{
    partita_stop(reason, strlen(reason), 0);
}
