/* A controller of the three-levels example. The word `fast` among its arguments makes it the fast one. */

#include "FreeRTOS.h"
#include "control.h"
#include "report.h"
#include "task.h"

int main(void)
{
    control_create();
    report_create();
    vTaskStartScheduler();
    return 0;
}
