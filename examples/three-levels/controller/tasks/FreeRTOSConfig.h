/* The kernel as the controllers use it. */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

#include "partita_freertos_config.h"

#define configTICK_RATE_HZ 1000
#define configUSE_PREEMPTION 1
#define configUSE_TIME_SLICING 0
#define configMAX_PRIORITIES 5
/* In words of eight bytes. */
#define configMINIMAL_STACK_SIZE 256
#define configMAX_TASK_NAME_LEN 12

#define configUSE_TICK_HOOK 0
#define configUSE_TIMERS 0
#define configUSE_MUTEXES 0
#define configUSE_TRACE_FACILITY 0

#define INCLUDE_vTaskDelay 1
#define INCLUDE_xTaskDelayUntil 1
#define INCLUDE_vTaskPrioritySet 1

#endif
