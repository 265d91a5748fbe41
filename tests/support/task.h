/* SPDX-License-Identifier: MIT
 *
 * What the kernel says of a thread.
 */
#ifndef TESTS_SUPPORT_TASK_H
#define TESTS_SUPPORT_TASK_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* The number of the calling thread. */
static inline int task_self(void)
{
    return (int)gettid();
}

/* Whether a thread has ended. */
static inline bool task_is_gone(int task)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/task/%d", task);
    return access(path, F_OK) != 0;
}

/* Whether a thread sleeps in the kernel. */
static inline bool task_sleeps(int task)
{
    char path[64], state = '?';
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", task);
    file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    fclose(file);
    return state == 'S';
}

#endif
