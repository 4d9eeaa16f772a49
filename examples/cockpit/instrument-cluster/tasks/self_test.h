/* The background task: tests again and again that the program in memory is still what it was. */
#ifndef SELF_TEST_H
#define SELF_TEST_H

void self_test_create(void);

#endif
