/* SPDX-License-Identifier: MIT
 *
 * Things to wait for, and threads that do.
 *
 * A thing has tokens; it is ready while it has any.
 */
#ifndef TESTS_SUPPORT_THINGS_H
#define TESTS_SUPPORT_THINGS_H

#include <ck_pr.h>

#include "by_hand.h"
#include "check.h"
#include "deadlines.h"
#include "known_waiter.h"
#include "waitpoint.h"

#define THINGS 4

struct thing {
    struct waitpoint point;
    atomic_uint tokens;
};

static inline bool thing_is_ready(const void *thing)
{
    return atomic_load(&((struct thing *)(uintptr_t)thing)->tokens) > 0;
}

/* Makes it ready and wakes somebody. */
static inline void thing_add(struct thing *thing)
{
    atomic_fetch_add(&thing->tokens, 1);
    waitpoint_wake(&thing->point);
}

/* False: there is none left. */
static inline bool thing_take(struct thing *thing)
{
    unsigned tokens = atomic_load(&thing->tokens);

    while (tokens > 0)
        if (atomic_compare_exchange_weak(&thing->tokens, &tokens, tokens - 1))
            return true;
    return false;
}

/* How many threads are in its list. */
static inline unsigned thing_waiting(struct thing *thing)
{
    return ck_pr_load_uint(&thing->point.waiting);
}

/* When no thread is at it any more. */
static inline bool thing_is_as_new(const struct thing *thing)
{
    return thing->point.word == 0 && thing->point.waiting == 0 &&
           thing->point.first == NULL && thing->point.last == NULL;
}

static inline enum wait_result thing_wait(struct thing *thing,
                                          const struct deadline *deadline)
{
    return wait_at(&thing->point, thing_is_ready, thing, deadline);
}

/* Waits for several at once. */
static inline enum wait_result things_wait(struct thing *const *things,
                                           unsigned count, unsigned start,
                                           const struct deadline *deadline,
                                           unsigned *which)
{
    struct wait_for waits[THINGS];
    unsigned i;

    for (i = 0; i < count; i++)
        waits[i] = (struct wait_for){.point = &things[i]->point,
                                     .ready = thing_is_ready,
                                     .thing = things[i]};
    return waitpoint_wait_any(waits, count, start, deadline, which);
}

/* ---- threads that wait ---- */

struct sleeper {
    struct thing *things[THINGS];
    unsigned count;
    struct deadline deadline;
    bool accepts;
    struct waiting_thread thread;
    /* What came of it; `order` counts the sleepers that have ended. */
    unsigned order, which;
    enum wait_result result;
};

static atomic_uint sleepers_ended;

static inline void *sleeper_main(void *argument)
{
    struct sleeper *sleeper = argument;

    waiting_begins(&sleeper->thread);
    if (sleeper->accepts)
        waiter_accept_interrupts(ignore_nudge, NULL);
    sleeper->result = things_wait(sleeper->things, sleeper->count, 0,
                                  &sleeper->deadline, &sleeper->which);
    sleeper->order = atomic_fetch_add(&sleepers_ended, 1);
    waiting_ends(&sleeper->thread);
    return NULL;
}

static inline void sleeper_launch(struct sleeper *sleeper)
{
    waiting_start(&sleeper->thread, sleeper_main, sleeper);
}

/* Starts it, and returns when it is in the list of its things and has had its
 * last look at them: it might take a token that is meant for others. */
static inline void sleeper_start(struct sleeper *sleeper)
{
    struct thing *last = sleeper->things[sleeper->count - 1];
    unsigned before = thing_waiting(last);

    sleeper_launch(sleeper);
    CHECK_EVENTUALLY(thing_waiting(last) == before + 1,
                     "a thread begins to wait");
    CHECK_EVENTUALLY(waiting_sleeps(&sleeper->thread), "and falls asleep");
}

/* Waits for its end, and returns how its wait has ended. */
static inline enum wait_result sleeper_end(struct sleeper *sleeper)
{
    waiting_join(&sleeper->thread);
    return sleeper->result;
}

static inline struct sleeper sleeper_at(struct thing *thing)
{
    struct sleeper sleeper = {.things = {thing}, .count = 1, .deadline = never};

    return sleeper;
}

static inline struct sleeper sleeper_at_two(struct thing *one,
                                            struct thing *other)
{
    struct sleeper sleeper = {
        .things = {one, other}, .count = 2, .deadline = never};

    return sleeper;
}

#endif
