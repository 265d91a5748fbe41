/* SPDX-License-Identifier: MIT */
#include "deadlock.h"

#include <stddef.h>

#include "deadlock_search.h"
#include "handle.h"
#include "party.h"

unsigned deadlock_watchers;

struct blocked_list deadlock_blocked =
    CK_LIST_HEAD_INITIALIZER(deadlock_blocked);
struct blocked_list deadlock_last_waits =
    CK_LIST_HEAD_INITIALIZER(deadlock_last_waits);

/* ---- looking ---- */

/* A look is in vain before the thread that is waited for is blocked itself. */
static bool is_worth_a_look(void)
{
    const struct blocked *blocked;

    CK_LIST_FOREACH (blocked, &deadlock_last_waits, last_entry)
        if (blocked->things[0].party->blocked != NULL)
            return true;
    return false;
}

/* What is to be given up, with a reference; NULL: nothing. */
static struct handle *find_victim(void)
{
    struct handle *victim = NULL;

    party_lock();
    if (is_worth_a_look()) {
        victim = deadlock_search();
        if (victim != NULL)
            handle_retain(victim);
    }
    party_unlock();
    return victim;
}

static void look(void)
{
    struct handle *victim;

    while ((victim = find_victim()) != NULL) {
        victim->class->give_up(victim);
        handle_release(victim);
    }
}

/* ---- giving notice ---- */

/* Something has happened since the last look began. */
static unsigned mark;

/* Under the lock; NULL: nobody watches. */
static struct blocked *on_duty(void)
{
    return CK_LIST_FIRST(&deadlock_last_waits);
}

static void wake_watcher(void)
{
    struct blocked *watcher = on_duty();

    if (watcher != NULL)
        waiter_wake(watcher->waiter);
}

static bool set_mark(void)
{
    return ck_pr_load_uint(&mark) == 0 && ck_pr_fas_uint(&mark, 1) == 0;
}

void deadlock_notice(void)
{
    ck_pr_fence_atomic_load();
    if (!deadlock_is_watched() || !set_mark())
        return;
    party_lock();
    wake_watcher();
    party_unlock();
}

void deadlock_notice_end(const struct party *party)
{
    struct blocked *blocked;

    ck_pr_fence_memory();
    if (!deadlock_is_watched())
        return;
    party_lock();
    CK_LIST_FOREACH (blocked, &deadlock_last_waits, last_entry)
        if (blocked->things[0].party == party)
            waiter_wake(blocked->waiter);
    party_unlock();
    deadlock_notice();
}

/* ---- registering ---- */

static void set_blocked(const struct blocked *blocked, struct blocked *value)
{
    struct acting *acting;

    for (acting = blocked->acting; acting != NULL; acting = acting->outer)
        acting->party->blocked = value;
}

/* Whoever comes gives notice at once, for it has the lock. */
static void enter(struct blocked *blocked)
{
    blocked->acting = party_acting();
    waiter_note(blocked->waiter, true);
    party_lock();
    CK_LIST_INSERT_HEAD(&deadlock_blocked, blocked, entry);
    if (blocked->last)
        CK_LIST_INSERT_HEAD(&deadlock_last_waits, blocked, last_entry);
    set_blocked(blocked, blocked);
    if (set_mark())
        wake_watcher();
    party_unlock();
}

void deadlock_leave(struct blocked *blocked)
{
    party_lock();
    set_blocked(blocked, NULL);
    CK_LIST_REMOVE(blocked, entry);
    if (blocked->last) {
        CK_LIST_REMOVE(blocked, last_entry);
        (void)ck_pr_fas_uint(&mark, 1);
        wake_watcher();
    }
    party_unlock();
    waiter_note(blocked->waiter, false);
}

bool deadlock_enter(struct blocked *blocked, struct waiter *waiter,
                    const struct wait_for *things, unsigned count)
{
    if (party_acting() == NULL)
        return false;
    *blocked = (struct blocked){
        .waiter = waiter,
        .interruptible = waiter_accepts_interrupts(),
        .things = things,
        .count = count,
    };
    enter(blocked);
    return true;
}

/* ---- watching ---- */

/* How many times as long as a look took, the next one has to wait: where many
 * threads go on after the end of their parent, looking is no burden. */
#define REST 16

static bool is_on_duty(const struct blocked *blocked)
{
    bool yes;

    party_lock();
    yes = on_duty() == blocked;
    party_unlock();
    return yes;
}

/* Until the moment has come, or the wait is over. */
static void rest(struct waiter *waiter, const struct wait_for *end,
                 const struct deadline *until)
{
    bool in_time = until->kind != DEADLINE_AT_ONCE;
    uint32_t snapshot;

    while (in_time) {
        snapshot = waiter_snapshot(waiter);
        ck_pr_fence_memory();
        if (end->ready(end->thing))
            return;
        in_time = waiter_sleep(waiter, snapshot, until);
    }
}

/* Until there is something to look for, or the wait is over. */
static void doze(struct blocked *blocked, const struct wait_for *end)
{
    struct deadline never = deadline_never();
    uint32_t snapshot = waiter_snapshot(blocked->waiter);

    ck_pr_fence_memory();
    if (end->ready(end->thing) ||
        (ck_pr_load_uint(&mark) && is_on_duty(blocked)))
        return;
    (void)waiter_sleep(blocked->waiter, snapshot, &never);
}

static void watch(struct blocked *blocked, const struct wait_for *end)
{
    struct deadline until = {.kind = DEADLINE_AT_ONCE};
    int64_t start;

    while (!end->ready(end->thing)) {
        doze(blocked, end);
        if (!ck_pr_load_uint(&mark) || !is_on_duty(blocked))
            continue;
        rest(blocked->waiter, end, &until);
        start = waiter_now();
        (void)ck_pr_fas_uint(&mark, 0);
        ck_pr_fence_memory();
        look();
        until = deadline_after((double)(waiter_now() - start) * REST / 1e6);
    }
}

void deadlock_last_wait(const struct wait_for *end, bool closing)
{
    struct blocked blocked = {
        .waiter = waiter_current(),
        .things = end,
        .count = 1,
        .last = true,
        .closing = closing,
    };
    bool accepted;

    if (blocked.waiter == NULL)
        return;
    accepted = waiter_set_accepting(blocked.waiter, false);
    ck_pr_inc_uint(&deadlock_watchers);
    ck_pr_fence_memory();
    waiter_wake_unnoted();
    enter(&blocked);
    watch(&blocked, end);
    deadlock_leave(&blocked);
    ck_pr_dec_uint(&deadlock_watchers);
    (void)waiter_set_accepting(blocked.waiter, accepted);
}
