/* The task that tells the monitor and the console, once a second, how it went. */
#ifndef REPORT_H
#define REPORT_H

void report_create(void);

#endif
