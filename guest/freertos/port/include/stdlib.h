/* The kernel includes <stdlib.h> for its types only. A partition has no C library. */
#ifndef PARTITA_STDLIB_H
#define PARTITA_STDLIB_H

#include <stddef.h>

#endif
