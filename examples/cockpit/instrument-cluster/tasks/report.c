#include "report.h"

#include <stdbool.h>
#include <stddef.h>

#include "FreeRTOS.h"
#include "gauges.h"
#include "partita.h"
#include "priorities.h"
#include "task.h"
#include "vehicle.h"

static StaticTask_t control_block;
static StackType_t stack[configMINIMAL_STACK_SIZE];

static void report_deadlines(uint64_t second)
{
    struct deadline_record record = {0};
    periodic_task_take_record(&vehicle_task, &record);
    periodic_task_take_record(&gauges_task, &record);
    uint64_t worst_ns = record.worst_wake_up * PARTITA_NS_PER_TIME;
    partita_report_deadlines(record.met, record.missed, worst_ns);

    struct partita_line line = {0};
    partita_line_text(&line, "cluster: ");
    partita_line_number(&line, second);
    partita_line_text(&line, " s: ");
    partita_line_number(&line, record.met);
    partita_line_text(&line, " deadlines met, ");
    partita_line_number(&line, record.missed);
    partita_line_text(&line, " missed, worst wake-up ");
    partita_line_tenths(&line, worst_ns / 100);
    partita_line_text(&line, " us");
    partita_line_write(&line);
}

static void report_lateness(void)
{
    struct partita_lateness lateness = partita_lateness_take();
    struct partita_line line = {0};
    partita_line_text(&line, "cluster: lateness instructions p50=");
    partita_line_number(&line, lateness.median);
    partita_line_text(&line, " max=");
    partita_line_number(&line, lateness.worst);
    partita_line_text(&line, " n=");
    partita_line_number(&line, lateness.count);
    partita_line_write(&line);
}

/* The first task to run: it says so before anything else, and then steps back. */
static void run(void *parameter)
{
    static const char running[] = "cluster: FreeRTOS " tskKERNEL_VERSION_NUMBER " running\n";
    partita_console_write(running, sizeof(running) - 1);
    partita_report_deadlines(0, 0, 0);

    const bool measures = partita_has_argument("measure");
    if (measures) {
        partita_lateness_measure();
    }
    vTaskPrioritySet(NULL, REPORT_PRIORITY);

    TickType_t release = 0;
    for (uint64_t second = 1;; second++) {
        xTaskDelayUntil(&release, configTICK_RATE_HZ);
        report_deadlines(second);
        if (measures) {
            report_lateness();
        }
    }
}

void report_create(void)
{
    xTaskCreateStatic(run, "report", configMINIMAL_STACK_SIZE, NULL, FIRST_PRIORITY, stack,
                      &control_block);
}
