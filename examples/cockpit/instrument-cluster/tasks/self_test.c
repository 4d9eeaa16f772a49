#include "self_test.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "FreeRTOS.h"
#include "partita.h"
#include "priorities.h"
#include "task.h"

/* The program's code and constants, from the linker script. */
extern const uint8_t __image_start[];
extern const uint8_t __constant_end[];

#define SLICE_BYTES 32u
#define REST_BETWEEN_SLICES pdMS_TO_TICKS(3)

static StaticTask_t control_block;
static StackType_t stack[configMINIMAL_STACK_SIZE];

/* CRC-32 as in IEEE 802.3, a bit at a time: a table would be more memory to test. */
static uint32_t checksum(uint32_t crc, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        crc ^= bytes[at];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1u));
        }
    }
    return crc;
}

static uint32_t checksum_of_program(void)
{
    uint32_t crc = UINT32_MAX;
    const uint8_t *at = __image_start;
    while (at < __constant_end) {
        size_t rest = (size_t) (__constant_end - at);
        size_t length = rest < SLICE_BYTES ? rest : SLICE_BYTES;
        crc = checksum(crc, at, length);
        at += length;
        vTaskDelay(REST_BETWEEN_SLICES);
    }
    return crc;
}

static void run(void *parameter)
{
    const uint32_t expected = checksum_of_program();
    for (;;) {
        if (checksum_of_program() != expected) {
            partita_panic("self test: the program in memory has changed");
        }
    }
}

void self_test_create(void)
{
    xTaskCreateStatic(run, "self test", configMINIMAL_STACK_SIZE, NULL, SELF_TEST_PRIORITY, stack,
                      &control_block);
}
