/* The needles and telltales, computed every 10 milliseconds. */
#ifndef GAUGES_H
#define GAUGES_H

#include "periodic.h"

extern struct periodic_task gauges_task;

#endif
