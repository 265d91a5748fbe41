/* SPDX-License-Identifier: MIT
 *
 * A count of the holders of a thing that several threads share.
 *
 * Taking a reference needs no ordering: whoever takes one has one already, or
 * is still alone with the thing. Giving one back orders everything the giver
 * did with the thing before the destruction by whoever gives the last one:
 * release before the decrement, acquire after it.
 */
#ifndef RUNTIME_REFCOUNT_H
#define RUNTIME_REFCOUNT_H

#include <ck_pr.h>
#include <stdbool.h>

#include "handover.h"

struct refcount {
    unsigned holders;
};

/* Before the thing is shared. */
static inline void refcount_init(struct refcount *count)
{
    count->holders = 1;
}

/* Any thread that holds a reference. */
static inline void refcount_take(struct refcount *count)
{
    ck_pr_inc_uint(&count->holders);
}

/* Another reference, unless the last one has been given back: for a register
 * that holds none itself. Any thread, while the memory is there. */
static inline bool refcount_take_if_any(struct refcount *count)
{
    unsigned holders = ck_pr_load_uint(&count->holders);

    while (holders > 0)
        if (ck_pr_cas_uint_value(&count->holders, holders, holders + 1,
                                 &holders))
            return true;
    return false;
}

/* Whether the caller's reference is the only one. Stays true while it is, for
 * things that nobody can find without having a reference. */
static inline bool refcount_is_sole(const struct refcount *count)
{
    bool sole = ck_pr_load_uint(&count->holders) == 1;

    ck_pr_fence_acquire();
    HANDOVER_ACQUIRE(count);
    return sole;
}

/* How many hold it just now; whoever asks keeps it alive by other means. */
static inline unsigned refcount_holders(const struct refcount *count)
{
    unsigned holders = ck_pr_load_uint(&count->holders);

    ck_pr_fence_acquire();
    HANDOVER_ACQUIRE(count);
    return holders;
}

/* Any thread, once for each reference it holds. True for the last one: the
 * caller destroys the thing. */
static inline bool refcount_give(struct refcount *count)
{
    HANDOVER_RELEASE(count);
    ck_pr_fence_release();
    if (!ck_pr_dec_uint_is_zero(&count->holders))
        return false;
    ck_pr_fence_acquire();
    HANDOVER_ACQUIRE(count);
    return true;
}

#endif
