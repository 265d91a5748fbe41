/* SPDX-License-Identifier: MIT
 *
 * A party: a Lua state as the others see it. Who can still be expected to do
 * something, and with what?
 *
 * Overview
 * --------
 * Each state that uses the library has a party, which knows the handles the
 * state holds. That of a child lies in its struct thread and exists from
 * thread_new() on. All parties are in one list, for runtime/deadlock.h.
 *
 * A party *acts* when a thread runs code of its state. A thread may act for
 * several: when a parent closes the state of a child, it goes on only after
 * that, and so acts for both. A party whose thread has not begun, or has ended,
 * *rests*: what it holds, and what lies in its two mailboxes, is in the hands
 * of its parent, and of nobody else.
 *
 * Who touches what
 * ----------------
 * The list of handles belongs to whoever acts for the party, or to the parent
 * of one that rests, and is changed without a lock. Others read it under the
 * lock of all parties, and only while that thread cannot leave its wait without
 * the same lock. `rests` is written by the thread that ends, and by the parent
 * when it begins one; `parent` by the parent, who is not inert then, nor is one
 * any more that the lock finds gone. The rest is written under the lock.
 */
#ifndef RUNTIME_PARTY_H
#define RUNTIME_PARTY_H

#include <ck_queue.h>
#include <stdbool.h>

struct blocked;
struct handle;
struct mailbox;

/* One handle that a state holds, in the list of its party. */
struct holding {
    struct handle *handle;
    bool is_held;
    CK_LIST_ENTRY(holding) entry;
};

struct party {
    CK_LIST_HEAD(holdings, holding) holdings;
    CK_LIST_ENTRY(party) entry;
    /* Whether it is in the list of all. Written under the lock. */
    unsigned is_listed;
    struct party *parent;
    /* How many have this one for their parent. */
    unsigned children;
    unsigned rests;
    /* What keeps the thread that acts for it; NULL: nothing that is known. */
    struct blocked *blocked;
    /* Both, or NULL: none. */
    struct mailbox *inbox, *outbox;
};

/* ---- its life ---- */

/* A new party, in the list of all, that rests. The mailboxes: see above; NULL:
 * none. Any thread. */
void party_born(struct party *party, struct mailbox *inbox,
                struct mailbox *outbox);

/* A thread that will act for it begins (whoever begins it), or has ended (that
 * thread). Never wait. */
void party_rise(struct party *party);
void party_rest(struct party *party);

/* Another parent, for which the calling thread acts; NULL: none, and what the
 * party holds while it rests is in nobody's hands. Never waits. */
void party_set_parent(struct party *party, struct party *parent);

/* Out of the list, and nobody's parent any more. Idempotent. */
void party_gone(struct party *party);

/* Keeps all parties as they are. For a few instructions; whoever has it does
 * not wait, and releases no handles. */
void party_lock(void);
void party_unlock(void);

/* The list of all, for whoever has the lock. */
CK_LIST_HEAD(parties, party);
extern struct parties party_all;

/* ---- what a state holds ---- */

/* Whoever acts for the party. Releases nothing: the reference is that of the
 * caller. */
void party_hold(struct party *party, struct holding *holding);
void party_let_go(struct holding *holding);

/* The state is gone, and all its handles. */
void party_forget(struct party *party);

/* ---- acting ---- */

/* The parties a thread acts for, the innermost first. In the memory of that
 * thread. */
struct acting {
    struct party *party;
    struct acting *outer;
};

/* The calling thread begins, and ceases, to act for one more. */
void party_enter(struct acting *acting, struct party *party);
void party_leave(struct acting *acting);

/* NULL: for none that is known. */
struct acting *party_acting(void);

#endif
