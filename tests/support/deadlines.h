/* SPDX-License-Identifier: MIT
 *
 * Deadlines that no test has to make for itself, and nudges that need no
 * answer.
 */
#ifndef TESTS_SUPPORT_DEADLINES_H
#define TESTS_SUPPORT_DEADLINES_H

#include "random.h"
#include "waiter.h"

static const struct deadline never = {.kind = DEADLINE_NEVER};
static const struct deadline at_once = {.kind = DEADLINE_AT_ONCE};

/* Any kind, so that no moment is far away. */
static inline struct deadline random_deadline(struct random *random)
{
    switch (random_below(random, 3)) {
    case 0:
        return at_once;
    case 1:
        return deadline_after(random_below(random, 60) / 1e3);
    default:
        return never;
    }
}

/* A moment for sure, where there is one. */
static inline struct deadline never_or_soon(struct random *random)
{
    if (random_one_in(random, 2))
        return never;
    return deadline_after(random_below(random, 100) / 1e3 + 1e-6);
}

/* For threads that accept interrupts only where they wait. */
static inline void ignore_nudge(void *context)
{
    (void)context;
}

#endif
