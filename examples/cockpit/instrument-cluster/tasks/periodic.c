#include "periodic.h"

#include "partita.h"

static void run(void *parameter)
{
    struct periodic_task *task = parameter;
    const uint64_t period = task->period * PARTITA_TIME_PER_TICK;
    struct deadline_record *record = &task->record;
    TickType_t release = 0;

    for (;;) {
        xTaskDelayUntil(&release, task->period);
        uint64_t wake_up = partita_time() - partita_tick_time(release);
        if (wake_up > record->worst_wake_up) {
            record->worst_wake_up = wake_up;
        }

        /* By the kernel's count and not by the time, which may be ahead of it: the kernel takes a
         * release that it has not reached yet for one of long ago. */
        TickType_t periods_gone = (xTaskGetTickCount() - release) / task->period;
        record->missed += periods_gone;
        release += periods_gone * task->period;

        task->job();

        if (partita_time() - partita_tick_time(release) < period) {
            record->met++;
        } else {
            record->missed++;
        }
    }
}

void periodic_task_create(struct periodic_task *task)
{
    xTaskCreateStatic(run, task->name, configMINIMAL_STACK_SIZE, task, task->priority, task->stack,
                      &task->control_block);
}

void periodic_task_take_record(struct periodic_task *task, struct deadline_record *sum)
{
    /* The task itself needs no critical section: who calls this cannot preempt it. */
    taskENTER_CRITICAL();
    struct deadline_record record = task->record;
    task->record = (struct deadline_record){0};
    taskEXIT_CRITICAL();

    sum->met += record.met;
    sum->missed += record.missed;
    if (record.worst_wake_up > sum->worst_wake_up) {
        sum->worst_wake_up = record.worst_wake_up;
    }
}
