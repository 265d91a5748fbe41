/* SPDX-License-Identifier: MIT */
#include "deadlock_search.h"

#include <stddef.h>

#include "handover.h"
#include "mailbox.h"
#include "party.h"

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

    CK_LIST_FOREACH (holding, &party->holdings, entry)
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
    CK_LIST_FOREACH (party, &party_all, entry)
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

    CK_LIST_FOREACH (blocked, &deadlock_blocked, entry)
        if (!blocked->free && is_free(blocked, all_inert))
            any = blocked->free = true;
    return any;
}

static void find_stuck(void)
{
    struct blocked *blocked;
    bool all_inert, exposed;

    search++;
    CK_LIST_FOREACH (blocked, &deadlock_blocked, entry)
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

    CK_LIST_FOREACH (holding, &party->holdings, entry)
        if (holding->handle != NULL && holding->handle->needed)
            return true;
    return false;
}

static bool mark_holders(void)
{
    const struct party *party;
    struct blocked *who;
    bool any = false;

    CK_LIST_FOREACH (party, &party_all, entry) {
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

    CK_LIST_FOREACH (blocked, &deadlock_blocked, entry)
        blocked->needed = blocked->last && !blocked->free;
    do {
        any = false;
        CK_LIST_FOREACH (blocked, &deadlock_blocked, entry)
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

    while (blocked->count == 1 && blocked->things[0].party != NULL &&
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

    CK_LIST_FOREACH (holding, &party->holdings, entry)
        if (holding->handle == handle)
            return true;
    return false;
}

/* Whether no holder could do anything with it even if all others were free. */
static bool is_hopeless(const struct handle *handle)
{
    const struct party *party;
    const struct blocked *who;

    CK_LIST_FOREACH (party, &party_all, entry) {
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

static struct handle *any_hopeless(void)
{
    const struct blocked *blocked;
    struct handle *handle;

    CK_LIST_FOREACH (blocked, &deadlock_blocked, entry)
        if (blocked->needed && !blocked->free &&
            (handle = first_hopeless(blocked)) != NULL)
            return handle;
    return NULL;
}

static struct handle *any_awaited_last(void)
{
    const struct blocked *blocked, *bottom;

    CK_LIST_FOREACH (blocked, &deadlock_last_waits, last_entry) {
        bottom = bottom_of(blocked);
        if (!blocked->free && bottom->count > 0 &&
            bottom->things[0].handle != NULL)
            return bottom->things[0].handle;
    }
    return NULL;
}

struct handle *deadlock_search(void)
{
    struct handle *handle;

    find_stuck();
    mark_needed();
    handle = any_hopeless();
    return handle != NULL ? handle : any_awaited_last();
}
