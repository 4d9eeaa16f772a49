#include "control.h"

#include <stddef.h>

#include "FreeRTOS.h"
#include "partita.h"
#include "task.h"

#define CONTROL_PRIORITY (tskIDLE_PRIORITY + 2)

/* The fast controller has a job of a tenth of a millisecond in each; the slow one a job that takes longer
 * than the fast one's period, so that it is preempted in the middle. In steps of some 20 instructions. */
#define FAST_PERIOD pdMS_TO_TICKS(1)
#define FAST_STEPS 2000u
#define SLOW_PERIOD pdMS_TO_TICKS(5)
#define SLOW_STEPS 25000u

/* Between two looks at the time, a few steps apart, only the partition's own tick comes in between, which
 * takes a few microseconds. */
#define STEPS_BETWEEN_LOOKS 16u
#define PREEMPTION_NS 50000u

static StaticTask_t control_block;
static StackType_t stack[configMINIMAL_STACK_SIZE];
static struct control_record record;

/* Proportional and integral control of a body with friction, in fixed point. */
static volatile struct {
    int64_t position;
    int64_t speed;
    int64_t sum;
} body;

static void step(int64_t target)
{
    int64_t error = target - body.position;
    int64_t sum = body.sum + error / 64;
    int64_t speed = body.speed + (error * 4 + sum - body.speed * 24) / 1024;
    body.sum = sum;
    body.speed = speed;
    body.position += speed / 16;
}

static void job(uint32_t steps, int64_t target)
{
    const uint64_t threshold = PREEMPTION_NS / PARTITA_NS_PER_TIME;
    uint64_t last = partita_time();
    for (uint32_t done = 0; done < steps; done++) {
        step(target);
        if (done % STEPS_BETWEEN_LOOKS == 0) {
            uint64_t now = partita_time();
            uint64_t gap = now - last;
            last = now;
            if (gap >= threshold) {
                record.preemptions++;
                if (gap > record.longest_preemption) {
                    record.longest_preemption = gap;
                }
            }
        }
    }
}

static void run(void *parameter)
{
    const bool fast = partita_has_argument("fast");
    const TickType_t period = fast ? FAST_PERIOD : SLOW_PERIOD;
    const uint32_t steps = fast ? FAST_STEPS : SLOW_STEPS;
    TickType_t release = 0;

    for (uint32_t jobs = 0;; jobs++) {
        xTaskDelayUntil(&release, period);
        uint64_t wake_up = partita_time() - partita_tick_time(release);
        if (wake_up > record.worst_wake_up) {
            record.worst_wake_up = wake_up;
        }

        TickType_t periods_gone = (xTaskGetTickCount() - release) / period;
        record.missed += periods_gone;
        release += periods_gone * period;

        job(steps, jobs % 200 < 100 ? 1 << 20 : 0);

        if (partita_time() - partita_tick_time(release) < period * PARTITA_TIME_PER_TICK) {
            record.met++;
        } else {
            record.missed++;
        }
    }
}

void control_create(void)
{
    xTaskCreateStatic(run, "control", configMINIMAL_STACK_SIZE, NULL, CONTROL_PRIORITY, stack,
                      &control_block);
}

struct control_record control_take_record(void)
{
    taskENTER_CRITICAL();
    struct control_record taken = record;
    record = (struct control_record){0};
    taskEXIT_CRITICAL();
    return taken;
}
