/* The histogram of timer lateness: one count for each number of instructions, so that the median is
 * exact, up to a number that no healthy system reaches. */

#include "lateness.h"

#include "FreeRTOS.h"
#include "partita.h"
#include "task.h"

#define BUCKETS 2048u

static uint16_t buckets[BUCKETS];
static uint64_t count;
static uint64_t worst;

void partita_lateness_record(uint64_t instructions)
{
    uint64_t bucket = instructions < BUCKETS ? instructions : BUCKETS - 1;
    if (buckets[bucket] != UINT16_MAX) {
        buckets[bucket]++;
        count++;
    }
    if (instructions > worst) {
        worst = instructions;
    }
}

struct partita_lateness partita_lateness_take(void)
{
    struct partita_lateness taken = {0};

    taskENTER_CRITICAL();
    taken.count = count;
    taken.worst = worst;
    count = 0;
    worst = 0;
    taskEXIT_CRITICAL();

    /* Interrupts stay on meanwhile: one that comes now is counted with these or with the next. */
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        uint64_t in_bucket = buckets[bucket];
        if (in_bucket == 0) {
            continue;
        }
        taskENTER_CRITICAL();
        in_bucket = buckets[bucket];
        buckets[bucket] = 0;
        taskEXIT_CRITICAL();
        if (seen * 2 < taken.count) {
            taken.median = bucket;
        }
        seen += in_bucket;
    }
    return taken;
}
