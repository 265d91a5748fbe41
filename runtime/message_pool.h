/* SPDX-License-Identifier: MIT
 *
 * Where the memory of messages comes from and goes to.
 *
 * Overview
 * --------
 * A message is made by one thread and let go by another, over and over. A
 * general allocator takes a lock for that on both sides, and is at its slowest:
 * two threads that fight for the lock of one arena sleep and wake in the kernel
 * (one to one, three small values: 460 ns a message, 353 with this pool). It
 * would also break a promise, for a receiver that is stopped inside of free()
 * stops the sender's malloc().
 *
 * So each thread that makes messages has a pool, which is their home for life.
 * Whoever lets go of a message sends it home, 32 at a time, onto a stack that
 * the owner empties with one swap when its own list is used up. In steady state
 * nothing is allocated, nobody waits for anybody, and the stack's word is
 * touched once for 32 messages.
 *
 * Who owns what
 * -------------
 * `free` and `outgoing` are the owner's: messages at home, and messages of one
 * other home that are waiting for company on their way. `returned` is
 * everybody's: pushed by compare-and-swap, emptied by a swap, never popped
 * singly, hence no ABA problem. A message is in one list at a time.
 *
 * A pool is never freed, because messages that name it as their home may be
 * anywhere. When its thread ends it gives its messages back to the allocator
 * and is left for the next thread that needs one; there are never more pools
 * than there were threads with messages at one time. LIMIT messages at home,
 * and as many on the stack, are kept; more go back to the allocator.
 */
#ifndef RUNTIME_MESSAGE_POOL_H
#define RUNTIME_MESSAGE_POOL_H

struct message;
struct message_pool;

/* Memory for a message: `home`, and a buffer if it had one; `bytes` is NULL in
 * one that is new. NULL: there is none. Any thread. */
struct message *message_pool_take(void);

/* Takes the memory back. Any thread that owns it. */
void message_pool_give(struct message *message);

/* How many messages have been taken and not given back, besides those of
 * threads that could not get a pool. For runtime/live.h. Any thread. */
unsigned message_pool_live(void);

#endif
