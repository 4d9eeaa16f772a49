/* The histogram of timer lateness: one count for each number of instructions, so that the median is
 * exact, up to a number that no healthy system reaches. */

#include "lateness.h"

#include "FreeRTOS.h"
#include "partita.h"
#include "task.h"

#define BUCKETS 2048u

bool partita_lateness_is_measured;

static uint16_t buckets[BUCKETS];
static uint64_t count;
static uint64_t worst;

void partita_lateness_measure(void)
{
    partita_lateness_is_measured = true;
}

void partita_lateness_record(uint64_t due, uint64_t instructions)
{
    int64_t difference = (int64_t) (instructions - partita_instructions_at(due));
    uint64_t late = difference > 0 ? (uint64_t) difference : 0;
    uint64_t bucket = late < BUCKETS ? late : BUCKETS - 1;
    if (buckets[bucket] != UINT16_MAX) {
        buckets[bucket]++;
        count++;
    }
    if (late > worst) {
        worst = late;
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
