/* SPDX-License-Identifier: MIT */
#include "party.h"

#include <ck_pr.h>

#include "deadlock.h"
#include "handover.h"
#include "mutex.h"
#include "threadlocal.h"

static struct party *first;

void party_lock(void)
{
    mutex_lock(MUTEX_PARTIES);
}

void party_unlock(void)
{
    mutex_unlock(MUTEX_PARTIES);
}

struct party *party_first(void)
{
    return first;
}

/* ---- its life ---- */

void party_born(struct party *party, struct mailbox *inbox,
                struct mailbox *outbox)
{
    *party = (struct party){.rests = 1, .inbox = inbox, .outbox = outbox};
    party_lock();
    party->next = first;
    party->link = &first;
    if (first != NULL)
        ck_pr_store_ptr(&first->link, &party->next);
    first = party;
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

    /* Its neighbours in the list may come and go meanwhile, under the lock. */
    if (parent != NULL && ck_pr_load_ptr(&parent->link) == NULL)
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

    for (party = first; party != NULL && ck_pr_load_uint(&parent->children) > 0;
         party = party->next)
        if (ck_pr_load_ptr(&party->parent) == parent)
            party_set_parent(party, NULL);
}

void party_gone(struct party *party)
{
    party_lock();
    if (party->link != NULL) {
        orphan_children(party);
        party_set_parent(party, NULL);
        *party->link = party->next;
        if (party->next != NULL)
            ck_pr_store_ptr(&party->next->link, party->link);
        ck_pr_store_ptr(&party->link, NULL);
    }
    party_unlock();
    /* It can find nothing by a name any more. */
    deadlock_notice();
}

/* ---- what a state holds ---- */

void party_hold(struct party *party, struct holding *holding)
{
    holding->next = party->holdings;
    holding->link = &party->holdings;
    if (holding->next != NULL)
        holding->next->link = &holding->next;
    party->holdings = holding;
}

void party_let_go(struct holding *holding)
{
    if (holding->link == NULL)
        return;
    *holding->link = holding->next;
    if (holding->next != NULL)
        holding->next->link = holding->link;
    holding->link = NULL;
}

void party_forget(struct party *party)
{
    party->holdings = NULL;
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
