/* SPDX-License-Identifier: MIT
 *
 * Limits of the operating system, for the time of a test.
 */
#ifndef TESTS_SUPPORT_LIMITS_H
#define TESTS_SUPPORT_LIMITS_H

#include <stdbool.h>
#include <sys/resource.h>

/* Whether the size of new stacks, in bytes, is limited now. An emulator of a
 * processor has limits of its own: it accepts this one, and forgets it. */
static inline bool limit_stacks(rlim_t size, struct rlimit *before)
{
    struct rlimit limit;

    getrlimit(RLIMIT_STACK, before);
    limit = *before;
    limit.rlim_cur = size;
    if (setrlimit(RLIMIT_STACK, &limit) != 0)
        return false;
    getrlimit(RLIMIT_STACK, &limit);
    return limit.rlim_cur == size;
}

static inline void limit_stacks_end(const struct rlimit *before)
{
    setrlimit(RLIMIT_STACK, before);
}

#endif
