/* The tasks' priorities: the shorter the period, the higher (rate-monotonic). */
#ifndef PRIORITIES_H
#define PRIORITIES_H

#include "FreeRTOS.h"
#include "task.h"

#define SELF_TEST_PRIORITY (tskIDLE_PRIORITY + 1)
#define REPORT_PRIORITY (tskIDLE_PRIORITY + 1)
#define WARNINGS_PRIORITY (tskIDLE_PRIORITY + 1)
#define GAUGES_PRIORITY (tskIDLE_PRIORITY + 2)
#define VEHICLE_PRIORITY (tskIDLE_PRIORITY + 3)
/* Only until the cluster has said that it runs. */
#define FIRST_PRIORITY (configMAX_PRIORITIES - 1)

#endif
