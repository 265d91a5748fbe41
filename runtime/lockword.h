/* SPDX-License-Identifier: MIT
 *
 * A lock that nobody needs to wait for: who comes while it is held may leave
 * his work with the holder.
 *
 * One word holds the lock, its lowest bit, and whatever work has been left, the
 * others. Who has work adds it to the word, then tries to take the lock, and
 * goes his way if it is held: the holder can release it only by a
 * compare-and-swap of the word from "held, no work" to zero, and so cannot miss
 * what has been added. It does the work and tries again.
 *
 * So a thread that was stopped with the lock in its hands delays nobody who
 * only leaves work. Those who must have the lock for themselves wait for it; it
 * is held for a few instructions at a time.
 */
#ifndef RUNTIME_LOCKWORD_H
#define RUNTIME_LOCKWORD_H

#include <ck_pr.h>
#include <sched.h>
#include <stdbool.h>

#include "handover.h"

#define LOCKWORD_HELD 1u

/* Fails only if somebody else holds it. Any thread. */
static inline bool lockword_try_lock(unsigned *word)
{
    unsigned seen = ck_pr_load_uint(word);

    while (!(seen & LOCKWORD_HELD))
        if (ck_pr_cas_uint_value(word, seen, seen | LOCKWORD_HELD, &seen)) {
            ck_pr_fence_lock();
            HANDOVER_ACQUIRE(word);
            return true;
        }
    return false;
}

/* Waits for it. The holder may have been stopped by the scheduler: let it
 * run. */
static inline void lockword_lock(unsigned *word)
{
    unsigned tries;

    for (tries = 1; !lockword_try_lock(word); tries++) {
        ck_pr_stall();
        if (tries % 64 == 0)
            sched_yield();
    }
}

/* False: there is work, and *seen is the word with it. The holder. */
static inline bool lockword_try_unlock(unsigned *word, unsigned *seen)
{
    HANDOVER_RELEASE(word);
    ck_pr_fence_unlock();
    *seen = LOCKWORD_HELD;
    return ck_pr_cas_uint_value(word, LOCKWORD_HELD, 0, seen);
}

/* Releases a lock with which nobody ever leaves work: without the price of an
 * atomic read-modify-write. The holder. */
static inline void lockword_unlock_idle(unsigned *word)
{
    HANDOVER_RELEASE(word);
    ck_pr_fence_unlock();
    ck_pr_store_uint(word, 0);
}

/* Releases it with the work undone, for whoever takes it next. The holder. */
static inline void lockword_unlock(unsigned *word)
{
    HANDOVER_RELEASE(word);
    ck_pr_fence_unlock();
    ck_pr_and_uint(word, ~LOCKWORD_HELD);
}

#endif
