/* Periodic tasks that check their own deadlines. */
#ifndef PERIODIC_H
#define PERIODIC_H

#include <stdint.h>

#include "FreeRTOS.h"
#include "task.h"

/* A deadline is met if a job that is released at a period's start ends before the next one. A
 * period in which the task did not get to start its job is a missed deadline too. */
struct deadline_record {
    uint64_t met;
    uint64_t missed;
    /* From a release to the task's first instruction, in ticks of the `time` register. */
    uint64_t worst_wake_up;
};

struct periodic_task {
    const char *name;
    UBaseType_t priority;
    TickType_t period;
    /* One job. */
    void (*job)(void);
    struct deadline_record record;
    StaticTask_t control_block;
    /* Of configMINIMAL_STACK_SIZE words. */
    StackType_t *stack;
};

/* Creates the task; its first release is a period after the scheduler's start. */
void periodic_task_create(struct periodic_task *task);

/* Adds what the task recorded since the last call to `sum`. For a task of lower priority. */
void periodic_task_take_record(struct periodic_task *task, struct deadline_record *sum);

#endif
