#include "warnings.h"

#include "FreeRTOS.h"
#include "partita.h"
#include "priorities.h"
#include "task.h"

static StaticTask_t control_block;
static StackType_t stack[configMINIMAL_STACK_SIZE];

/* What a driver would be shown: the centre display is out of order for a while. */
static void run(void *parameter)
{
    for (;;) {
        struct partita_health_event event;
        if (!partita_health_event_wait(&event, portMAX_DELAY)) {
            continue;
        }
        struct partita_line line = {0};
        partita_line_text(&line, "cluster: warning: ");
        partita_line_health_kind(&line, event.kind);
        partita_line_text(&line, " in partition ");
        partita_line_number(&line, event.partition);
        partita_line_write(&line);
    }
}

void warnings_create(void)
{
    xTaskCreateStatic(run, "warnings", configMINIMAL_STACK_SIZE, NULL, WARNINGS_PRIORITY, stack,
                      &control_block);
}
