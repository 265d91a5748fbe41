/* SPDX-License-Identifier: MIT
 *
 * A lock-free queue of messages: any number of threads put in, one at a time
 * takes out.
 *
 * Overview
 * --------
 * Senders push onto a stack (`incoming`), each with one compare-and-swap. The
 * owner, which is the thread that has the sole right to take, takes the whole
 * stack with one swap, reverses it, and hands the messages out from that list
 * (`ready`) until it is empty. Closing the mailbox sets a bit in the stack's
 * word: a push that comes later fails, one that came before is in.
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
 * the owner sees it. Single messages are never popped, hence no ABA problem. As
 * the word that a push compares holds the bit, no push succeeds after the
 * mailbox has been closed: closed and empty is final.
 *
 * Hand-over: the push has a release fence before the compare-and-swap that
 * publishes the message, the batch pop an acquire after its swap. Whatever the
 * sender wrote is seen by the owner, and nothing that the sender read is from
 * after the hand-over.
 *
 * Progress: a sender fails its compare-and-swap only because another sender
 * succeeded, or the owner took everything. A sender or an owner that is stopped
 * at any instruction delays nobody else's push.
 *
 * Sleep and wake: runtime/waitpoint.h. The compare-and-swap of the push is the
 * atomic read-modify-write that waitpoint_wake() asks for. One thing is special
 * here: while the owner turns a batch around, the messages are in neither list,
 * and a thread that goes to sleep in this moment would miss them. So the swap
 * that takes the batch leaves a second bit in the word, TURNING, which the
 * owner clears when the batch is visible again; a word with a bit counts as
 * ready. Whoever asks looks at the word first and at `ready` second. If the
 * word is empty, every message that was pushed before has reached `ready`; if
 * that is empty too, all of them have been taken.
 *
 * Why not a ring
 * --------------
 * It is the push and the batch pop of ck_stack with bits in the stack's word,
 * for which ck_stack itself has no room. Beside the rings of Concurrency Kit,
 * in ns a message on two processors (bench/queues.c, medians of 5):
 *
 *                     this   spsc   mpmc     and with three busy threads
 *      1 -> 1           96    187    279       599    3160    2240
 *      4 -> 1           95      -    154       258       -     162
 *      1 -> 4          193      -    206       309       -     174
 *      4 -> 4          217      -    160       380       -    1640
 *
 * A ring is bounded, and one side that is preempted in the middle of a slot
 * leaves the other spinning: where processors are short it is up to five times
 * slower, and at its best here 1.8 times faster. The stack is unbounded, and
 * lets a sender proceed whatever others are doing.
 */
#ifndef RUNTIME_MAILBOX_H
#define RUNTIME_MAILBOX_H

#include "message.h"
#include "waitpoint.h"

/* Senders and owner write in cache lines of their own: with the fields next to
 * each other a message costs twice as much. */
struct mailbox {
    struct waitpoint arrival;
    char apart_from_arrival[64];
    /* The youngest message, and two bits: closed, and turning. */
    void *incoming;
    char apart_from_incoming[64];
    /* The owner's, oldest first; others ask only whether it is NULL. */
    struct message *ready;
};

/* Before the mailbox is shared, and after it no longer is. Messages left in
 * it are let go. */
void mailbox_init(struct mailbox *mailbox);
void mailbox_destroy(struct mailbox *mailbox);

/* Gives the message away; false: the mailbox is closed, and the message is
 * still the caller's. Any thread; never waits. The mailbox must stay alive
 * during the call. */
bool mailbox_push(struct mailbox *mailbox, struct message *message);

/* No push succeeds from now on, and all who wait for a message wake. Any
 * thread, any number of times. */
void mailbox_close(struct mailbox *mailbox);
bool mailbox_is_closed(const struct mailbox *mailbox);

/* Whether there is a message. Any thread. For others than the owner the answer
 * may be older than the question: what was pushed since may be missed, and its
 * sender wakes those who wait. Where others pop at the same time it may even be
 * false of a mailbox that is never empty: see channels/channel.h. */
bool mailbox_has_message(const struct mailbox *mailbox);

/* The oldest message, which stays in the mailbox; NULL: empty. The owner. */
struct message *mailbox_peek_owner(struct mailbox *mailbox);

/* The oldest message, which the caller owns from now on; NULL: empty. The
 * owner. */
struct message *mailbox_pop_owner(struct mailbox *mailbox);

/* Calls the function for each handle in the messages, which must not take or
 * give back references. The owner. */
void mailbox_each_handle_owner(struct mailbox *mailbox,
                               void (*visit)(struct handle *handle));

/* Puts a message back that was popped, in front of all others. The owner. */
void mailbox_return_owner(struct mailbox *mailbox, struct message *message);

#endif
