/* SPDX-License-Identifier: MIT
 *
 * All scenarios, and what they share.
 */
#ifndef TESTS_SCHEDULES_SCENARIOS_H
#define TESTS_SCHEDULES_SCENARIOS_H

#include "../support/deadlines.h"
#include "explore.h"

/* Each ends with one without a name; NULL ends the list. */
extern const struct explore_scenario *const scenario_groups[];

extern const struct explore_scenario scenarios_channel[];
extern const struct explore_scenario scenarios_descriptor[];
extern const struct explore_scenario scenarios_select[];
extern const struct explore_scenario scenarios_thread[];
extern const struct explore_scenario scenarios_name[];
extern const struct explore_scenario scenarios_memory[];
extern const struct explore_scenario scenarios_waitpoint[];
extern const struct explore_scenario scenarios_deadlock[];
extern const struct explore_scenario scenarios_deadlock_reach[];
extern const struct explore_scenario scenarios_mixed[];

/* What a thread of a scenario is told: a number. */
static inline void *number(unsigned value)
{
    return (void *)(uintptr_t)value;
}

static inline unsigned number_of(void *argument)
{
    return (unsigned)(uintptr_t)argument;
}

/* In the thread itself: its waiter, with a reference for others. */
static inline struct waiter *accept_interrupts(void)
{
    struct waiter *waiter = waiter_current();

    EXPLORE_CHECK(waiter != NULL, "a thread has a waiter");
    waiter_retain(waiter);
    waiter_accept_interrupts(ignore_nudge, NULL);
    return waiter;
}

#endif
