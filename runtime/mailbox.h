/* SPDX-License-Identifier: MIT
 *
 * A lock-free queue of messages: any thread puts in, one thread takes out.
 *
 * Overview
 * --------
 * Senders push onto a stack (`incoming`), each with one compare-and-swap. The
 * owner takes the whole stack with one swap, reverses it, and hands the
 * messages out from that private list (`ready`) until it is empty.
 *
 * Why it is correct
 * -----------------
 * Order: the stack holds messages youngest first, in the order in which the
 * swaps took effect. Reversing a batch makes it oldest first, and the whole
 * batch is older than whatever is pushed after it was taken. So messages come
 * out in the order in which the pushes took effect, and those of one sender in
 * the order it sent them.
 *
 * Nothing lost, nothing doubled: a message enters `incoming` by one successful
 * compare-and-swap and leaves it by the swap that empties it; from then on only
 * the owner sees it. Single messages are never popped, hence no ABA problem.
 *
 * Hand-over: the push has a store fence before the compare-and-swap that
 * publishes the message, the batch pop a load fence after its swap. Whatever
 * the sender wrote is seen by the owner.
 *
 * Progress: a sender fails its compare-and-swap only because another sender
 * succeeded. A sender or an owner that is stopped at any instruction delays
 * nobody else's push.
 *
 * Sleep and wake: runtime/waitpoint.h. The compare-and-swap of the push is the
 * atomic read-modify-write that waitpoint_wake() asks for.
 */
#ifndef RUNTIME_MAILBOX_H
#define RUNTIME_MAILBOX_H

#include <ck_stack.h>

#include "message.h"
#include "waitpoint.h"

struct mailbox {
    ck_stack_t incoming;
    struct waitpoint arrival;
    /* The owner's, oldest first. */
    ck_stack_entry_t *ready;
};

/* Before the mailbox is shared, and after it no longer is. Messages left in
 * it are freed. */
void mailbox_init(struct mailbox *mailbox);
void mailbox_destroy(struct mailbox *mailbox);

/* Gives the message away. Any thread; never waits, never fails. The mailbox
 * must stay alive during the call. */
void mailbox_push(struct mailbox *mailbox, struct message *message);

/* The oldest message, which stays in the mailbox; NULL: empty. The owner. */
struct message *mailbox_peek_owner(struct mailbox *mailbox);

/* The oldest message, which the caller owns from now on; NULL: empty. The
 * owner. */
struct message *mailbox_pop_owner(struct mailbox *mailbox);

/* Waits until there is a message. The owner. */
enum wait_result mailbox_wait_owner(struct mailbox *mailbox,
                                    const struct deadline *deadline);

#endif
