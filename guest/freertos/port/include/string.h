/* The part of <string.h> that the kernel uses. A partition has no C library; Rust's runtime
 * defines these. */
#ifndef PARTITA_STRING_H
#define PARTITA_STRING_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t size);
void *memmove(void *destination, const void *source, size_t size);
void *memset(void *destination, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);

#endif
