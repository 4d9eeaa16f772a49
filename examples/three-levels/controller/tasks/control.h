/* The control task: one job in each period, which also watches whether it is preempted. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdint.h>

/* What happened in a time. */
struct control_record {
    /* A deadline is met if a job ends before the next is released. */
    uint64_t met;
    uint64_t missed;
    /* From a release to the task's first instruction, in ticks of the `time` register. */
    uint64_t worst_wake_up;
    /* How often a job was preempted by another partition, and for how long at most in ticks. */
    uint64_t preemptions;
    uint64_t longest_preemption;
};

void control_create(void);

/* What happened since the last call. For a task of lower priority. */
struct control_record control_take_record(void);

#endif
