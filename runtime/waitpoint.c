/* SPDX-License-Identifier: MIT */
#include "waitpoint.h"

#include <ck_pr.h>
#include <stddef.h>

#include "deadlock.h"
#include "handover.h"
#include "lockword.h"

/* The work in the word of a waitpoint: a wake-up for all, and a number of
 * wake-ups for one. */
#define WAKE_ALL 2u
#define WAKE_ONE 4u

/* More than this is all: the number must not overflow the word, whoever else
 * adds to it. */
#define MOST 1024u

/* Threads that have been taken out and are about to be woken. */
#define BATCH 16

struct woken {
    struct waiter *waiters[BATCH];
    unsigned count;
};

static void wake_batch(const struct woken *woken)
{
    unsigned i;

    for (i = 0; i < woken->count; i++) {
        waiter_wake(woken->waiters[i]);
        waiter_release(woken->waiters[i]);
    }
}

/* ---- the list, under the lock ---- */

static void append(struct waitpoint *point, struct waitnode *node)
{
    node->next = NULL;
    node->previous = point->last;
    *(point->last == NULL ? &point->first : &point->last->next) = node;
    point->last = node;
    ck_pr_store_uint(&point->waiting, point->waiting + 1);
}

static void cut_out(struct waitpoint *point, struct waitnode *node)
{
    *(node->previous == NULL ? &point->first : &node->previous->next) =
        node->next;
    *(node->next == NULL ? &point->last : &node->next->previous) =
        node->previous;
    ck_pr_store_uint(&point->waiting, point->waiting - 1);
}

/* The waiter of the node if this is the wake-up it has waited for, with a
 * reference; NULL: it has been woken before. The node is gone afterwards. */
static struct waiter *claim(struct waitnode *node)
{
    struct waiter *waiter = NULL;

    if (ck_pr_cas_uint(&node->set->woken, 0, node->number + 1)) {
        waiter = node->set->waiter;
        waiter_retain(waiter);
    }
    HANDOVER_RELEASE(node);
    ck_pr_fence_release();
    ck_pr_store_uint(&node->linked, 0);
    return waiter;
}

/* NULL: nobody is left. */
static struct waiter *take_oldest(struct waitpoint *point)
{
    struct waitnode *node;
    struct waiter *waiter = NULL;

    while (waiter == NULL && (node = point->first) != NULL) {
        cut_out(point, node);
        waiter = claim(node);
    }
    return waiter;
}

/* Takes out as many threads as the wake-ups in `word` are for and the batch
 * has room for. Returns the wake-ups that are left over. */
static unsigned deliver(struct waitpoint *point, unsigned word,
                        struct woken *woken)
{
    unsigned left = word & WAKE_ALL ? point->waiting : word / WAKE_ONE;
    struct waiter *waiter;

    for (; left > 0 && woken->count < BATCH; left--) {
        waiter = take_oldest(point);
        if (waiter == NULL)
            return 0;
        woken->waiters[woken->count++] = waiter;
    }
    return left == 0 ? 0 : word & WAKE_ALL ? WAKE_ALL : left * WAKE_ONE;
}

/* ---- the lock ---- */

/* WAKE_ALL, or a multiple of WAKE_ONE. */
static void add_wake_ups(struct waitpoint *point, unsigned wake_ups)
{
    if (wake_ups == WAKE_ALL)
        ck_pr_or_uint(&point->word, WAKE_ALL);
    else
        ck_pr_add_uint(&point->word, wake_ups);
}

/* Delivers what has been added until nothing is added any more, or the batch
 * is full; then there is more to do for whoever takes the lock next: true. */
static bool release(struct waitpoint *point, struct woken *woken)
{
    unsigned word, left;

    while (!lockword_try_unlock(&point->word, &word)) {
        if (!ck_pr_cas_uint(&point->word, word, LOCKWORD_HELD))
            continue;
        left = deliver(point, word, woken);
        if (left > 0) {
            add_wake_ups(point, left);
            lockword_unlock(&point->word);
            return true;
        }
    }
    return false;
}

/* The threads are woken when the lock is free again: a system call takes
 * longer than anything else here. */
static void unlock(struct waitpoint *point)
{
    struct woken woken;
    bool more;

    do {
        woken.count = 0;
        more = release(point, &woken);
        wake_batch(&woken);
    } while (more && lockword_try_lock(&point->word));
}

/* ---- waking ---- */

static void wake(struct waitpoint *point, unsigned wake_up)
{
    ck_pr_fence_atomic_load();
    if (ck_pr_load_uint(&point->waiting) == 0)
        return;
    add_wake_ups(point, wake_up);
    if (lockword_try_lock(&point->word))
        unlock(point);
}

void waitpoint_wake(struct waitpoint *point)
{
    wake(point, WAKE_ONE);
}

void waitpoint_wake_some(struct waitpoint *point, unsigned count)
{
    if (count > 0)
        wake(point, count > MOST ? WAKE_ALL : count * WAKE_ONE);
}

void waitpoint_wake_all(struct waitpoint *point)
{
    wake(point, WAKE_ALL);
}

/* ---- waiting ---- */

static void enter(struct waitset *set, struct wait_for *things, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        struct waitnode *node = &things[i].node;

        node->set = set;
        node->number = i;
        node->linked = 1;
        lockword_lock(&things[i].point->word);
        append(things[i].point, node);
        unlock(things[i].point);
    }
    ck_pr_fence_memory();
}

static bool is_linked(struct waitnode *node)
{
    unsigned linked = ck_pr_load_uint(&node->linked);

    ck_pr_fence_acquire();
    HANDOVER_ACQUIRE(node);
    return linked;
}

static void leave(struct wait_for *things, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        struct waitnode *node = &things[i].node;

        if (!is_linked(node))
            continue;
        lockword_lock(&things[i].point->word);
        if (is_linked(node))
            cut_out(things[i].point, node);
        unlock(things[i].point);
    }
}

/* `count` if nothing is ready. */
static unsigned find_ready(const struct wait_for *things, unsigned count,
                           unsigned start)
{
    unsigned i, at;

    for (i = 0; i < count; i++) {
        at = (start + i) % count;
        if (things[at].ready(things[at].thing))
            return at;
    }
    return count;
}

/* Whether something has become ready, or the thread is interrupted, within the
 * time that is better spent awake. */
static bool look_again(const struct waiter *waiter,
                       const struct wait_for *things, unsigned count)
{
    unsigned looks;

    for (looks = 0; waiter_look_again(waiter, looks); looks++)
        if (find_ready(things, count, 0) < count || waiter_has_interrupt())
            return true;
    return false;
}

/* One round of sleep. False: the deadline has passed. */
static bool sleep_once(struct waitset *set, struct wait_for *things,
                       unsigned count, const struct deadline *deadline)
{
    uint32_t snapshot = waiter_snapshot(set->waiter);
    struct blocked blocked;
    bool in_time = true, registered;

    set->woken = 0;
    enter(set, things, count);
    registered = deadline->kind == DEADLINE_NEVER && deadlock_is_watched() &&
                 deadlock_enter(&blocked, set->waiter, things, count);
    if (find_ready(things, count, 0) == count)
        in_time = waiter_sleep(set->waiter, snapshot, deadline);
    if (registered)
        deadlock_leave(&blocked);
    leave(things, count);
    return in_time;
}

/* The thread was woken for one thing and is going to deal with another. */
static void pass_on(const struct waitset *set, const struct wait_for *things,
                    unsigned chosen)
{
    const struct wait_for *woken;

    if (set->woken == 0 || set->woken == chosen + 1)
        return;
    woken = &things[set->woken - 1];
    if (woken->ready(woken->thing))
        waitpoint_wake(woken->point);
}

enum wait_result waitpoint_wait_any(struct wait_for *things, unsigned count,
                                    unsigned start,
                                    const struct deadline *deadline,
                                    unsigned *which)
{
    struct waitset set = {NULL, 0};
    bool in_time = deadline->kind != DEADLINE_AT_ONCE;

    for (;;) {
        *which = find_ready(things, count, start);
        if (*which < count) {
            pass_on(&set, things, *which);
            return WAIT_READY;
        }
        if (set.waiter == NULL && (set.waiter = waiter_current()) == NULL)
            return WAIT_NO_MEMORY;
        if (waiter_take_interrupt())
            return WAIT_INTERRUPTED;
        if (!in_time)
            return WAIT_TIMEOUT;
        if (!look_again(set.waiter, things, count))
            in_time = sleep_once(&set, things, count, deadline);
    }
}

enum wait_result waitpoint_wait_for(struct wait_for *thing,
                                    const struct deadline *deadline)
{
    unsigned which;

    return waitpoint_wait_any(thing, 1, 0, deadline, &which);
}
