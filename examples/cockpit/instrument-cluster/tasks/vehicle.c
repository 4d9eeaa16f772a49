#include "vehicle.h"

#include <stdbool.h>

#include "partita.h"
#include "priorities.h"

/* A drive of 20 seconds, again and again: the acceleration of each two seconds, in mm/s². */
static const int16_t acceleration[] = {2800, 2200, 1500, 600, 0, 0, -400, -1200, -2400, -3100};
#define STRETCH_JOBS 2000u
#define STRETCHES (sizeof(acceleration) / sizeof(acceleration[0]))

/* Upper speeds of the gears in mm/s, and the engine's turns per minute for each 1000 mm/s. */
static const struct {
    int32_t upper_speed;
    int32_t turns;
} gears[] = {{4500, 900}, {8000, 520}, {12000, 340}, {INT32_MAX, 250}};

#define IDLE_TURNS 800
/* The model computes in 1/1024 mm/s: a job adds a thousandth of the acceleration. */
#define FRACTION 1024

/* Memory of the monitor: a partition that touches it is stopped. */
#define MONITOR_MEMORY 0x80000000UL
#define JOBS_BEFORE_FAILURE 1000u

static int64_t speed;
static uint32_t jobs;
static struct vehicle_state state;
static bool spins;
static bool faults;

/* Kept out of the job, as it is not the job's work. */
static __attribute__((noinline)) void go_wrong(void)
{
    if (faults) {
        (void) *(volatile uint32_t *) MONITOR_MEMORY;
    }
    while (spins) {
        /* The compiler may not assume that this loop ends. */
        __asm volatile("");
    }
}

static void job(void)
{
    speed += (int64_t) acceleration[(jobs / STRETCH_JOBS) % STRETCHES] * FRACTION / 1000;
    if (speed < 0) {
        speed = 0;
    }

    int32_t now = (int32_t) (speed / FRACTION);
    size_t gear = 0;
    while (now > gears[gear].upper_speed) {
        gear++;
    }
    int32_t turns = (int32_t) ((int64_t) now * gears[gear].turns / 1000);

    /* Nobody sees this half written: readers have a lower priority, and copy it whole. */
    state.speed = now;
    state.engine_speed = turns > IDLE_TURNS ? turns : IDLE_TURNS;

    if (++jobs == JOBS_BEFORE_FAILURE && (spins || faults)) {
        go_wrong();
    }
}

static StackType_t stack[configMINIMAL_STACK_SIZE];

struct periodic_task vehicle_task = {
    .name = "vehicle",
    .priority = VEHICLE_PRIORITY,
    .period = pdMS_TO_TICKS(1),
    .job = job,
    .stack = stack,
};

struct vehicle_state vehicle_state(void)
{
    taskENTER_CRITICAL();
    struct vehicle_state copy = state;
    taskEXIT_CRITICAL();
    return copy;
}

void vehicle_configure(void)
{
    spins = partita_has_argument("spin");
    faults = partita_has_argument("fault");
}
