/* Lines for the console, without a formatter. */

#include "partita.h"

/* The glue, in src/glue.rs. */
const char *partita_health_kind_name(uint32_t kind, size_t *length);

/* One byte is kept for the line's end. */
static void put(struct partita_line *line, char character)
{
    if (line->length < sizeof(line->text) - 1) {
        line->text[line->length++] = character;
    }
}

void partita_line_text(struct partita_line *line, const char *text)
{
    while (*text != '\0') {
        put(line, *text++);
    }
}

void partita_line_number(struct partita_line *line, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char) ('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count != 0) {
        put(line, digits[--count]);
    }
}

void partita_line_tenths(struct partita_line *line, uint64_t tenths)
{
    partita_line_number(line, tenths / 10);
    put(line, '.');
    partita_line_number(line, tenths % 10);
}

void partita_line_health_kind(struct partita_line *line, enum partita_health_kind kind)
{
    size_t length;
    const char *name = partita_health_kind_name((uint32_t) kind, &length);
    for (size_t at = 0; at < length; at++) {
        put(line, name[at]);
    }
}

void partita_line_write(struct partita_line *line)
{
    line->text[line->length++] = '\n';
    partita_console_write(line->text, line->length);
    line->length = 0;
}
