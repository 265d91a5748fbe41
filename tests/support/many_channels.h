/* SPDX-License-Identifier: MIT
 *
 * Several channels, messages with numbers, and threads that select.
 */
#ifndef TESTS_SUPPORT_MANY_CHANNELS_H
#define TESTS_SUPPORT_MANY_CHANNELS_H

#include "check.h"
#include "deadlines.h"
#include "known_waiter.h"
#include "select.h"
#include "stamps.h"

#define FEW 4
#define MANY 200

static struct channel *channels[MANY];
static unsigned total;

static inline void new_channels(unsigned count)
{
    for (total = 0; total < count; total++)
        if (channel_new(0, NULL, 0, &channels[total]) != CHANNEL_OK)
            abort();
}

static inline struct waitpoint *arrival(unsigned which)
{
    return &channels[which]->mailbox.arrival;
}

static inline unsigned waiting(unsigned which)
{
    return ck_pr_load_uint(&arrival(which)->waiting);
}

/* The calling thread's is the last reference. */
static inline void drop_channels(void)
{
    while (total > 0) {
        struct waitpoint *point = arrival(--total);

        if (point->word != 0 || point->waiting != 0 || point->first != NULL ||
            point->last != NULL)
            CHECK(false, "who has selected has left all lists");
        handle_release(&channels[total]->handle);
    }
    CHECK(live_count(LIVE_HANDLES) == 0 && live_count(LIVE_MESSAGES) == 0,
          "channels leave nothing behind");
}

/* ---- messages with numbers ---- */

static inline void put(unsigned which, unsigned number)
{
    if (channel_send(channels[which], stamped(which, number), &at_once) !=
        CHANNEL_OK)
        CHECK(false, "a message is sent");
}

/* What came of a selection: a message has the channel's number as that of its
 * sender, and is freed. */
struct choice {
    enum channel_result result;
    unsigned which;
    int number;
};

static inline struct choice choice_of(enum channel_result result,
                                      unsigned which, struct message *message)
{
    struct choice choice = {result, which, -1};

    if (result == CHANNEL_OK) {
        choice.number = (int)stamp_of(message).number;
        if (stamp_of(message).sender != which)
            CHECK(false, "a message is received from its channel");
        message_release(message);
    }
    return choice;
}

/* From the channels with these numbers. */
static inline struct choice choose(const unsigned *list, unsigned count,
                                   unsigned start,
                                   const struct deadline *deadline)
{
    struct wait_for places[FEW];
    struct message *message = NULL;
    enum channel_result result;
    unsigned which = 0, i;

    for (i = 0; i < count; i++)
        channel_await(&places[i], channels[list[i]]);
    result = select_receive(places, count, start, deadline, &which, &message);
    if (result == CHANNEL_OK || result == CHANNEL_CLOSED)
        which = list[which];
    if (result == CHANNEL_OK)
        channel_commit(channels[which]);
    return choice_of(result, which, message);
}

static const unsigned in_order[FEW] = {0, 1, 2, 3};

static inline bool chose(struct choice choice, unsigned which, int number)
{
    return choice.result == CHANNEL_OK && choice.which == which &&
           choice.number == number;
}

static inline bool chose_end(struct choice choice, unsigned which)
{
    return choice.result == CHANNEL_CLOSED && choice.which == which;
}

/* The number of the next message of one channel; -1: there is none. */
static inline int get(unsigned which)
{
    struct message *message = NULL;
    enum channel_result result = channel_try_receive(channels[which], &message);

    if (result == CHANNEL_OK)
        channel_commit(channels[which]);
    return choice_of(result, which, message).number;
}

/* ---- threads that select ---- */

struct visitor {
    unsigned list[FEW], count;
    struct deadline deadline;
    struct waiting_thread thread;
    struct choice choice;
};

static inline void *visit(void *argument)
{
    struct visitor *visitor = argument;

    waiting_begins(&visitor->thread);
    waiter_accept_interrupts(ignore_nudge, NULL);
    visitor->choice =
        choose(visitor->list, visitor->count, 0, &visitor->deadline);
    waiting_ends(&visitor->thread);
    return NULL;
}

static inline void visitor_launch(struct visitor *visitor)
{
    waiting_start(&visitor->thread, visit, visitor);
}

/* Whether a thread is at a channel's list; who is stopped then holds up others
 * that want to enter it. */
static inline bool is_locked(unsigned which)
{
    return ck_pr_load_uint(&arrival(which)->word) & 1;
}

/* Returns when it is in all lists, or need not be, or cannot. */
static inline void visitor_start(struct visitor *visitor)
{
    unsigned last = visitor->list[visitor->count - 1];
    unsigned before = waiting(last);
    /* By another thread: later it may be by this one, in passing. */
    bool locked = is_locked(last);

    visitor->deadline = never;
    visitor_launch(visitor);
    CHECK_EVENTUALLY(
        visitor->thread.ended ||
            (waiting(last) > before && waiting_sleeps(&visitor->thread)) ||
            (locked && is_locked(last)),
        "another thread begins to wait");
}

static inline struct choice visitor_end(struct visitor *visitor)
{
    CHECK_EVENTUALLY(visitor->thread.ended, "who waits is not forgotten");
    if (!visitor->thread.ended)
        channel_close(channels[visitor->list[0]]);
    waiting_join(&visitor->thread);
    return visitor->choice;
}

/* ---- what can be stopped ---- */

/* What is run, and what comes of it: a selection from the first two channels,
 * the second one first if that is said, or a receiver of the first. Messages
 * are made and freed elsewhere, because their pool is the thread's. */
static bool second_first;
static enum channel_result outcome;
static unsigned chosen;
static struct message *received;

static inline void run_select(void *argument)
{
    struct wait_for places[2];

    (void)argument;
    channel_await(&places[second_first], channels[0]);
    channel_await(&places[!second_first], channels[1]);
    outcome = select_receive(places, 2, 0, &never, &chosen, &received);
    chosen ^= second_first;
    if (outcome == CHANNEL_OK)
        channel_commit(channels[chosen]);
}

static inline void run_receive(void *argument)
{
    (void)argument;
    chosen = 0;
    outcome = channel_try_receive(channels[0], &received);
    if (outcome == CHANNEL_OK)
        channel_commit(channels[0]);
}

#endif
