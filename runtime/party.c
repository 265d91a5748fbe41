/* SPDX-License-Identifier: MIT */
#include "party.h"

#include <ck_pr.h>

#include "deadlock.h"
#include "handover.h"
#include "mutex.h"
#include "threadlocal.h"

struct parties party_all = CK_LIST_HEAD_INITIALIZER(party_all);

void party_lock(void)
{
    mutex_lock(MUTEX_PARTIES);
}

void party_unlock(void)
{
    mutex_unlock(MUTEX_PARTIES);
}

/* ---- its life ---- */

void party_born(struct party *party, struct mailbox *inbox,
                struct mailbox *outbox)
{
    *party = (struct party){.rests = 1, .inbox = inbox, .outbox = outbox};
    party_lock();
    CK_LIST_INSERT_HEAD(&party_all, party, entry);
    ck_pr_store_uint(&party->is_listed, 1);
    party_unlock();
}

void party_rise(struct party *party)
{
    ck_pr_store_uint(&party->rests, 0);
}

void party_rest(struct party *party)
{
    HANDOVER_RELEASE(party);
    ck_pr_fence_release();
    ck_pr_store_uint(&party->rests, 1);
}

void party_set_parent(struct party *party, struct party *parent)
{
    struct party *old = ck_pr_load_ptr(&party->parent);

    if (parent != NULL && !ck_pr_load_uint(&parent->is_listed))
        parent = NULL;
    if (parent != NULL)
        ck_pr_inc_uint(&parent->children);
    ck_pr_store_ptr(&party->parent, parent);
    if (old != NULL)
        ck_pr_dec_uint(&old->children);
}

/* Objects of its threads are gone by now, save those that were made while the
 * state was being closed, too late to be collected. */
static void orphan_children(const struct party *parent)
{
    struct party *party;

    CK_LIST_FOREACH (party, &party_all, entry) {
        if (ck_pr_load_uint(&parent->children) == 0)
            return;
        if (ck_pr_load_ptr(&party->parent) == parent)
            party_set_parent(party, NULL);
    }
}

void party_gone(struct party *party)
{
    party_lock();
    if (party->is_listed) {
        orphan_children(party);
        party_set_parent(party, NULL);
        CK_LIST_REMOVE(party, entry);
        ck_pr_store_uint(&party->is_listed, 0);
    }
    party_unlock();
    /* It can find nothing by a name any more. */
    deadlock_notice();
}

/* ---- what a state holds ---- */

void party_hold(struct party *party, struct holding *holding)
{
    CK_LIST_INSERT_HEAD(&party->holdings, holding, entry);
    holding->is_held = true;
}

void party_let_go(struct holding *holding)
{
    if (!holding->is_held)
        return;
    CK_LIST_REMOVE(holding, entry);
    holding->is_held = false;
}

void party_forget(struct party *party)
{
    CK_LIST_INIT(&party->holdings);
}

/* ---- acting ---- */

static THREAD_LOCAL struct acting *innermost;

void party_enter(struct acting *acting, struct party *party)
{
    *acting = (struct acting){party, innermost};
    innermost = acting;
}

void party_leave(struct acting *acting)
{
    innermost = acting->outer;
}

struct acting *party_acting(void)
{
    return innermost;
}
