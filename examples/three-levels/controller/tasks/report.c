#include "report.h"

#include <stddef.h>

#include "FreeRTOS.h"
#include "control.h"
#include "partita.h"
#include "task.h"

#define REPORT_PRIORITY (tskIDLE_PRIORITY + 1)

static StaticTask_t control_block;
static StackType_t stack[configMINIMAL_STACK_SIZE];

static void microseconds(struct partita_line *line, uint64_t ticks)
{
    partita_line_tenths(line, ticks * PARTITA_NS_PER_TIME / 100);
    partita_line_text(line, " us");
}

static void report(uint64_t second)
{
    struct control_record record = control_take_record();
    partita_report_deadlines(record.met, record.missed, record.worst_wake_up * PARTITA_NS_PER_TIME);

    struct partita_line line = {0};
    partita_line_number(&line, second);
    partita_line_text(&line, " s: ");
    partita_line_number(&line, record.met);
    partita_line_text(&line, " met, ");
    partita_line_number(&line, record.missed);
    partita_line_text(&line, " missed, wake-up at most ");
    microseconds(&line, record.worst_wake_up);
    partita_line_text(&line, ", preempted ");
    partita_line_number(&line, record.preemptions);
    partita_line_text(&line, " times, at most ");
    microseconds(&line, record.longest_preemption);
    partita_line_write(&line);
}

static void run(void *parameter)
{
    static const char running[] = "FreeRTOS " tskKERNEL_VERSION_NUMBER " running\n";
    partita_console_write(running, sizeof(running) - 1);

    TickType_t release = 0;
    for (uint64_t second = 1;; second++) {
        xTaskDelayUntil(&release, configTICK_RATE_HZ);
        report(second);
    }
}

void report_create(void)
{
    xTaskCreateStatic(run, "report", configMINIMAL_STACK_SIZE, NULL, REPORT_PRIORITY, stack,
                      &control_block);
}
