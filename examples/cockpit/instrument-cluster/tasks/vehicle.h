/* The vehicle that the cluster shows: a model in place of the sensors, a step each millisecond. */
#ifndef VEHICLE_H
#define VEHICLE_H

#include <stdint.h>

#include "periodic.h"

struct vehicle_state {
    /* Millimetres per second. */
    int32_t speed;
    /* Turns per minute. */
    int32_t engine_speed;
};

extern struct periodic_task vehicle_task;

/* What the model last computed. */
struct vehicle_state vehicle_state(void);

/* Reads the partition's command line: with `spin` or `fault` the task goes wrong after a second, to
 * show what the monitor does about it. */
void vehicle_configure(void);

#endif
