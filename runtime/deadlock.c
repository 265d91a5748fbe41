/* SPDX-License-Identifier: MIT */
#include "deadlock.h"

#include <stddef.h>

#include "handover.h"
#include "mailbox.h"
#include "party.h"

unsigned deadlock_watchers;

/* All that are blocked and have registered; under the lock of all parties. */
static struct blocked *first;

/* Those of them that are in a last wait, who came last first. */
static struct blocked *first_last;

/* The numbers of the search that goes on, and of the count in it: what a handle
 * has from an earlier one is void. */
static unsigned long search, current;

/* The handles that were met in this count. */
static struct handle *met, **met_end;

/* ---- counting references ---- */

static void count_handle(struct handle *handle)
{
    if (handle->counted_in != current) {
        handle->counted_in = current;
        handle->counted = 0;
        handle->needed = false;
        handle->counted_next = NULL;
        *met_end = handle;
        met_end = &handle->counted_next;
    }
    handle->counted++;
}

static bool rests(const struct party *party)
{
    bool yes = ck_pr_load_uint(&party->rests);

    ck_pr_fence_acquire();
    HANDOVER_ACQUIRE(party);
    return yes;
}

/* Whether nobody can act for it. A party that rests and has no parent is in
 * nobody's hands. */
static bool is_inert(const struct party *party)
{
    while (party->blocked == NULL && rests(party)) {
        party = ck_pr_load_ptr(&party->parent);
        if (party == NULL)
            return true;
    }
    return party->blocked != NULL && !party->blocked->free;
}

static void count_party(const struct party *party)
{
    const struct holding *holding;

    for (holding = party->holdings; holding != NULL; holding = holding->next)
        if (holding->handle != NULL)
            count_handle(holding->handle);
    if (rests(party) && party->inbox != NULL) {
        mailbox_each_handle_owner(party->inbox, count_handle);
        mailbox_each_handle_owner(party->outbox, count_handle);
    }
}

/* What can be come by through a handle, unless others have that, too. Those
 * that are met on the way have their turn later. */
static void count_within(void)
{
    struct handle *handle;

    for (handle = met; handle != NULL; handle = handle->counted_next)
        if (handle->exposed_in != search && handle->class->each_within != NULL)
            handle->class->each_within(handle, count_handle);
}

/* Whether there are any that had not been found to be. */
static bool find_exposed(void)
{
    struct handle *handle;
    bool any = false;

    for (handle = met; handle != NULL; handle = handle->counted_next)
        if (handle->exposed_in != search &&
            refcount_holders(&handle->references) != handle->counted) {
            handle->exposed_in = search;
            any = true;
        }
    return any;
}

/* Whether all parties are inert; counts what the inert ones hold. */
static bool count_inert(void)
{
    const struct party *party;
    bool all = true;

    current++;
    met = NULL;
    met_end = &met;
    for (party = party_first(); party != NULL; party = party->next)
        if (is_inert(party))
            count_party(party);
        else
            all = false;
    count_within();
    return all;
}

/* ---- crossing out ---- */

static bool can_be_changed(const struct handle *handle, bool all_inert)
{
    return handle->counted_in != current || handle->exposed_in == search ||
           (handle->findable && !all_inert);
}

/* The references first, the thing second: see the essay. */
static bool can_come(const struct wait_for *thing, bool all_inert)
{
    if (thing->handle != NULL) {
        if (can_be_changed(thing->handle, all_inert))
            return true;
    } else if (thing->party == NULL || !is_inert(thing->party)) {
        return true;
    }
    return thing->ready(thing->thing);
}

static bool is_free(const struct blocked *blocked, bool all_inert)
{
    unsigned i;

    if (blocked->interruptible && waiter_is_interrupted(blocked->waiter))
        return true;
    for (i = 0; i < blocked->count; i++)
        if (can_come(&blocked->things[i], all_inert))
            return true;
    return false;
}

static bool cross_out(bool all_inert)
{
    struct blocked *blocked;
    bool any = false;

    for (blocked = first; blocked != NULL; blocked = blocked->next)
        if (!blocked->free && is_free(blocked, all_inert))
            any = blocked->free = true;
    return any;
}

static void find_stuck(void)
{
    struct blocked *blocked;

    bool all_inert, exposed;

    search++;
    for (blocked = first; blocked != NULL; blocked = blocked->next)
        blocked->free = false;
    do {
        all_inert = count_inert();
        exposed = find_exposed();
    } while (cross_out(all_inert) || exposed);
}

/* ---- what the last waits need ---- */

/* Whoever acts for the party, or has it in hands. */
static struct blocked *who_has(const struct party *party)
{
    while (party != NULL && party->blocked == NULL && rests(party))
        party = ck_pr_load_ptr(&party->parent);
    return party == NULL ? NULL : party->blocked;
}

/* Things that a stuck thread waits for are marked; true if one had not been. */
static bool mark_things(const struct blocked *blocked)
{
    struct blocked *other;
    bool any = false;
    unsigned i;

    for (i = 0; i < blocked->count; i++) {
        struct handle *handle = blocked->things[i].handle;

        if (handle != NULL) {
            any |= !handle->needed;
            handle->needed = true;
        } else {
            other = blocked->things[i].party->blocked;
            any |= other != NULL && !other->needed;
            if (other != NULL)
                other->needed = true;
        }
    }
    return any;
}

static bool holds_needed(const struct party *party)
{
    const struct holding *holding;

    for (holding = party->holdings; holding != NULL; holding = holding->next)
        if (holding->handle != NULL && holding->handle->needed)
            return true;
    return false;
}

static bool mark_holders(void)
{
    const struct party *party;
    struct blocked *who;
    bool any = false;

    for (party = party_first(); party != NULL; party = party->next) {
        who = who_has(party);
        if (who == NULL || who->free || who->needed || !holds_needed(party))
            continue;
        any = who->needed = true;
    }
    return any;
}

static void mark_needed(void)
{
    struct blocked *blocked;
    bool any;

    for (blocked = first; blocked != NULL; blocked = blocked->next)
        blocked->needed = blocked->last && !blocked->free;
    do {
        any = false;
        for (blocked = first; blocked != NULL; blocked = blocked->next)
            if (blocked->needed && !blocked->free)
                any |= mark_things(blocked);
        any |= mark_holders();
    } while (any);
}

/* ---- choosing ---- */

/* What the thread waits for in the end, if it is the end of another. */
static const struct blocked *bottom_of(const struct blocked *blocked)
{
    const struct blocked *next;

    while (blocked->count == 1 && blocked->things[0].handle == NULL &&
           (next = blocked->things[0].party->blocked) != NULL)
        blocked = next;
    return blocked;
}

static bool waits_for(const struct blocked *blocked,
                      const struct handle *handle)
{
    unsigned i;

    for (i = 0; i < blocked->count; i++)
        if (blocked->things[i].handle == handle)
            return true;
    return false;
}

static bool holds(const struct party *party, const struct handle *handle)
{
    const struct holding *holding;

    for (holding = party->holdings; holding != NULL; holding = holding->next)
        if (holding->handle == handle)
            return true;
    return false;
}

/* Whether no holder could do anything with it even if all others were free. */
static bool is_hopeless(const struct handle *handle)
{
    const struct party *party;
    const struct blocked *who;

    for (party = party_first(); party != NULL; party = party->next) {
        who = who_has(party);
        if (who != NULL && !(who->last && who->closing) &&
            !waits_for(bottom_of(who), handle) && holds(party, handle))
            return false;
    }
    return true;
}

static struct handle *first_hopeless(const struct blocked *blocked)
{
    unsigned i;

    for (i = 0; i < blocked->count; i++)
        if (blocked->things[i].handle != NULL &&
            is_hopeless(blocked->things[i].handle))
            return blocked->things[i].handle;
    return NULL;
}

static struct handle *choose(void)
{
    const struct blocked *blocked, *bottom;
    struct handle *handle = NULL;

    for (blocked = first; blocked != NULL && handle == NULL;
         blocked = blocked->next)
        if (blocked->needed && !blocked->free)
            handle = first_hopeless(blocked);
    for (blocked = first_last; blocked != NULL && handle == NULL;
         blocked = blocked->next_last) {
        if (blocked->free)
            continue;
        bottom = bottom_of(blocked);
        if (bottom->count > 0)
            handle = bottom->things[0].handle;
    }
    return handle;
}

/* ---- looking ---- */

/* A look is in vain before the thread that is waited for is blocked itself. */
static bool is_worth_a_look(void)
{
    const struct blocked *blocked;

    for (blocked = first_last; blocked != NULL; blocked = blocked->next_last)
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
        find_stuck();
        mark_needed();
        victim = choose();
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
    return first_last;
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
    for (blocked = first_last; blocked != NULL; blocked = blocked->next_last)
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

static void enlist_last(struct blocked *blocked)
{
    blocked->next_last = first_last;
    blocked->link_last = &first_last;
    if (first_last != NULL)
        first_last->link_last = &blocked->next_last;
    first_last = blocked;
}

static void strike_last(struct blocked *blocked)
{
    *blocked->link_last = blocked->next_last;
    if (blocked->next_last != NULL)
        blocked->next_last->link_last = blocked->link_last;
}

/* Whoever comes gives notice at once, for it has the lock. */
static void enter(struct blocked *blocked)
{
    blocked->acting = party_acting();
    waiter_note(blocked->waiter, true);
    party_lock();
    blocked->next = first;
    blocked->link = &first;
    if (first != NULL)
        first->link = &blocked->next;
    first = blocked;
    if (blocked->last)
        enlist_last(blocked);
    set_blocked(blocked, blocked);
    if (set_mark())
        wake_watcher();
    party_unlock();
}

static void leave(struct blocked *blocked)
{
    party_lock();
    set_blocked(blocked, NULL);
    *blocked->link = blocked->next;
    if (blocked->next != NULL)
        blocked->next->link = blocked->link;
    if (blocked->last) {
        strike_last(blocked);
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

void deadlock_leave(struct blocked *blocked)
{
    leave(blocked);
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
    leave(&blocked);
    ck_pr_dec_uint(&deadlock_watchers);
    (void)waiter_set_accepting(blocked.waiter, accepted);
}
