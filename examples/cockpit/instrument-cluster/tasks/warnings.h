/* The task that warns of what happens to other partitions. */
#ifndef WARNINGS_H
#define WARNINGS_H

void warnings_create(void);

#endif
