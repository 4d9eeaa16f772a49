#include "gauges.h"

#include <stdbool.h>
#include <stddef.h>

#include "partita.h"
#include "priorities.h"
#include "vehicle.h"

/* A needle is a mass on a damped spring, as a mechanical gauge has, so that it neither jumps nor
 * swings. Positions are fixed point: full scale is 1 << 20. */
#define FULL_SCALE (1 << 20)
/* Steps of the spring in one job; the numbers below are per step. */
#define STEPS 128
#define STIFFNESS 48
#define DAMPING 3200
#define UNIT 65536

#define FULL_SPEED 20000
#define FULL_TURNS 6000
/* The telltale for a high engine speed blinks, this many jobs on and off. */
#define HIGH_TURNS 4000
#define BLINK_JOBS 25u

struct needle {
    int64_t position;
    int64_t velocity;
};

static struct needle speed_needle;
static struct needle engine_needle;
static uint32_t jobs;

/* What a display controller would show; volatile as its registers are. */
static volatile struct {
    int32_t speed_needle;
    int32_t engine_needle;
    bool high_turns;
} display;

static void move(struct needle *needle, int64_t target)
{
    for (int step = 0; step < STEPS; step++) {
        int64_t force = (target - needle->position) * STIFFNESS - needle->velocity * DAMPING;
        needle->velocity += force / UNIT;
        needle->position += needle->velocity;
        if (needle->position < 0) {
            needle->position = 0;
            needle->velocity = 0;
        } else if (needle->position > FULL_SCALE) {
            needle->position = FULL_SCALE;
            needle->velocity = 0;
        }
    }
}

static void job(void)
{
    struct vehicle_state vehicle = vehicle_state();
    move(&speed_needle, (int64_t) vehicle.speed * FULL_SCALE / FULL_SPEED);
    move(&engine_needle, (int64_t) vehicle.engine_speed * FULL_SCALE / FULL_TURNS);
    jobs++;

    display.speed_needle = (int32_t) speed_needle.position;
    display.engine_needle = (int32_t) engine_needle.position;
    display.high_turns = vehicle.engine_speed > HIGH_TURNS && (jobs / BLINK_JOBS) % 2 == 0;
}

static StackType_t stack[configMINIMAL_STACK_SIZE];

struct periodic_task gauges_task = {
    .name = "gauges",
    .priority = GAUGES_PRIORITY,
    .period = pdMS_TO_TICKS(10),
    .job = job,
    .stack = stack,
};
