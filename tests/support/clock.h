/* SPDX-License-Identifier: MIT
 *
 * A clock that stands still.
 *
 * The program's own clock_gettime() takes the place of the C library's. For a
 * thread that has frozen the monotonic clock it gives always the same time.
 */
#ifndef TESTS_SUPPORT_CLOCK_H
#define TESTS_SUPPORT_CLOCK_H

#include <sys/syscall.h>

#include "check.h"

static __thread volatile bool clock_is_frozen;
/* What it shows, and how often some other clock was read meanwhile. */
static __thread struct timespec clock_frozen_at;
static __thread volatile unsigned clock_others;

int clock_gettime(clockid_t id, struct timespec *now)
{
    if (clock_is_frozen && id == CLOCK_MONOTONIC) {
        *now = clock_frozen_at;
        return 0;
    }
    clock_others = clock_others + 1;
    return (int)syscall(SYS_clock_gettime, id, now);
}

static inline void clock_freeze(time_t seconds, long nanoseconds)
{
    clock_frozen_at = (struct timespec){seconds, nanoseconds};
    clock_others = 0;
    clock_is_frozen = true;
}

static inline void clock_thaw(void)
{
    clock_is_frozen = false;
}

#endif
