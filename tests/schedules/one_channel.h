/* SPDX-License-Identifier: MIT
 *
 * One channel, and threads that use it.
 */
#ifndef TESTS_SCHEDULES_ONE_CHANNEL_H
#define TESTS_SCHEDULES_ONE_CHANNEL_H

#include "letters.h"

static struct channel *channel;

static inline void begin(uint64_t capacity)
{
    letters_begin();
    channel = letters_channel(capacity);
}

/* The main thread goes on when the others have ended. */
static inline void finish(void)
{
    explore_join_all();
    (void)letters_left(channel);
    letters_check();
    handle_release(&channel->handle);
}

/* ---- threads; the argument is a number ---- */

static inline void send_one(void *sender)
{
    EXPLORE_CHECK(letter_send(channel, number_of(sender), &never) == CHANNEL_OK,
                  "a message is sent");
}

static inline void send_two(void *sender)
{
    send_one(sender);
    send_one(sender);
}

static inline void receive_one(void *unused)
{
    (void)unused;
    EXPLORE_CHECK(letter_receive(channel, &never) == CHANNEL_OK,
                  "a message is received");
}

static inline void receive_two(void *unused)
{
    receive_one(unused);
    receive_one(unused);
}

static inline void close_it(void *unused)
{
    (void)unused;
    channel_close(channel);
}

static inline void try_to_receive(void *unused)
{
    unsigned i;

    (void)unused;
    for (i = 0; i < 2; i++) {
        enum channel_result result = letter_receive(channel, &at_once);

        EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_TIMEOUT,
                      "there is a message, or there is none");
    }
}

static inline void return_once(void *unused)
{
    struct message *message;

    (void)unused;
    EXPLORE_CHECK(channel_receive(channel, &message, &never) == CHANNEL_OK,
                  "a message is received");
    channel_return(channel, message);
}

#endif
