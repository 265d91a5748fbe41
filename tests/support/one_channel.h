/* SPDX-License-Identifier: MIT
 *
 * One channel, messages with numbers, and threads that wait at it.
 */
#ifndef TESTS_SUPPORT_ONE_CHANNEL_H
#define TESTS_SUPPORT_ONE_CHANNEL_H

#include "channel.h"
#include "check.h"
#include "deadlines.h"
#include "known_waiter.h"
#include "lockword.h"
#include "stamps.h"

static struct channel *channel;

static inline void new_channel(uint64_t capacity)
{
    if (channel_new(capacity, NULL, 0, &channel) != CHANNEL_OK)
        abort();
}

static inline void drop_channel(void)
{
    handle_release(&channel->handle);
    CHECK(live_count(LIVE_HANDLES) == 0 && live_count(LIVE_MAILBOXES) == 0 &&
              live_count(LIVE_MESSAGES) == 0,
          "a channel leaves nothing behind");
}

/* ---- messages with numbers ---- */

static inline enum channel_result put_within(unsigned number,
                                             const struct deadline *deadline)
{
    struct message *message = stamped(0, number);
    enum channel_result result = channel_send(channel, message, deadline);

    if (result == CHANNEL_OK)
        return result;
    if (stamp_of(message).number != number)
        CHECK(false, "a refused message is still the sender's");
    message_release(message);
    return result;
}

static inline enum channel_result put(unsigned number)
{
    return put_within(number, &at_once);
}

/* Puts in as many, numbered from 0 on. */
static inline void fill(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        if (put(i) != CHANNEL_OK)
            CHECK(false, "a message is accepted while there is room");
}

/* Instead of a number. */
#define NOTHING (-(int)CHANNEL_TIMEOUT)
#define THE_END (-(int)CHANNEL_CLOSED)

static inline int number_of(enum channel_result result, struct message *message)
{
    int number;

    if (result != CHANNEL_OK)
        return -(int)result;
    number = (int)stamp_of(message).number;
    message_release(message);
    return number;
}

static inline int get_within(const struct deadline *deadline)
{
    struct message *message = NULL;
    enum channel_result result = channel_receive(channel, &message, deadline);

    if (result == CHANNEL_OK)
        channel_commit(channel);
    return number_of(result, message);
}

static inline int get(void)
{
    struct message *message = NULL;
    enum channel_result result = channel_try_receive(channel, &message);

    if (result == CHANNEL_OK)
        channel_commit(channel);
    return number_of(result, message);
}

static inline int look(void)
{
    struct message *message = NULL;
    enum channel_result result = channel_peek(channel, &message);

    return number_of(result, message);
}

/* ---- threads that wait ---- */

struct visitor {
    bool sends;
    unsigned number;
    struct waiting_thread thread;
    /* The number that was sent or received, or instead of one. */
    int got;
};

static inline void *visit(void *argument)
{
    struct visitor *visitor = argument;
    enum channel_result result;

    waiting_begins(&visitor->thread);
    waiter_accept_interrupts(ignore_nudge, NULL);
    if (visitor->sends) {
        result = put_within(visitor->number, &never);
        visitor->got =
            result == CHANNEL_OK ? (int)visitor->number : -(int)result;
    } else {
        visitor->got = get_within(&never);
    }
    waiting_ends(&visitor->thread);
    return NULL;
}

/* Whether a receiver is at it; who is stopped then holds others up. */
static inline bool is_locked(void)
{
    return ck_pr_load_uint(&channel->receiving) != 0;
}

static inline struct waitpoint *place_of(const struct visitor *visitor)
{
    return visitor->sends ? &channel->room : &channel->mailbox.arrival;
}

static inline unsigned waiting(const struct visitor *visitor)
{
    return ck_pr_load_uint(&place_of(visitor)->waiting);
}

/* Whether it can neither sleep nor go on, because who is stopped holds a
 * lock. */
static inline bool is_held_up(const struct visitor *visitor)
{
    return (ck_pr_load_uint(&place_of(visitor)->word) & LOCKWORD_HELD) ||
           (!visitor->sends && is_locked());
}

/* Returns when the thread sleeps, or has found that it need not. */
static inline void visitor_start(struct visitor *visitor)
{
    unsigned before = waiting(visitor);
    /* By another thread: later it may be by this one, in passing. */
    bool held_up = is_held_up(visitor);

    waiting_start(&visitor->thread, visit, visitor);
    CHECK_EVENTUALLY(
        visitor->thread.ended ||
            (waiting(visitor) > before && waiting_sleeps(&visitor->thread)) ||
            (held_up && is_held_up(visitor)),
        "another thread begins to wait");
}

static inline int visitor_end(struct visitor *visitor)
{
    CHECK_EVENTUALLY(visitor->thread.ended, "who waits is not forgotten");
    if (!visitor->thread.ended)
        channel_close(channel);
    waiting_join(&visitor->thread);
    return visitor->got;
}

/* A message has been received, which may yet be put back. */
static struct message *in_hands;

static inline void new_channel_in_hands(void)
{
    new_channel(1);
    fill(1);
    (void)channel_try_receive(channel, &in_hands);
}

/* ---- what can be stopped ---- */

/* What is run, and what comes of it. Nothing here makes or frees messages:
 * these come from a pool of the thread, which is not made for being stopped in
 * the middle and used then by what plays another thread. */
static struct message *next, *received;
static enum channel_result sent, outcome;
static unsigned cleared;

static inline void run_send(void *argument)
{
    (void)argument;
    sent = channel_send(channel, next, &never);
}

static inline void run_receive(void *argument)
{
    (void)argument;
    outcome = channel_receive(channel, &received, &never);
    if (outcome == CHANNEL_OK)
        channel_commit(channel);
}

static inline void run_receive_hastily(void *argument)
{
    struct deadline soon = deadline_after(0.05);

    (void)argument;
    outcome = channel_receive(channel, &received, &soon);
    if (outcome == CHANNEL_OK)
        channel_commit(channel);
}

static inline void run_get(void *argument)
{
    (void)argument;
    outcome = channel_try_receive(channel, &received);
    if (outcome == CHANNEL_OK)
        channel_commit(channel);
}

static inline void run_look(void *argument)
{
    (void)argument;
    outcome = channel_peek(channel, &received);
}

static inline void run_clear(void *argument)
{
    (void)argument;
    cleared = channel_clear(channel);
}

static inline void run_close(void *argument)
{
    (void)argument;
    channel_close(channel);
}

static inline void run_return(void *argument)
{
    (void)argument;
    channel_return(channel, in_hands);
    in_hands = NULL;
}

static inline void run_commit(void *argument)
{
    (void)argument;
    channel_commit(channel);
}

#endif
