/* The instrument cluster of the cockpit example. */

#include "FreeRTOS.h"
#include "gauges.h"
#include "report.h"
#include "self_test.h"
#include "task.h"
#include "vehicle.h"
#include "warnings.h"

int main(void)
{
    vehicle_configure();
    report_create();
    periodic_task_create(&vehicle_task);
    periodic_task_create(&gauges_task);
    warnings_create();
    self_test_create();
    vTaskStartScheduler();
    return 0;
}
