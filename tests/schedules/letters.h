/* SPDX-License-Identifier: MIT
 *
 * A ledger of messages: who sent which, and what became of it.
 *
 * Each sender numbers its letters from 0. A letter that was sent is received
 * once, or is still queued, or was dropped on purpose; and whoever receives
 * several of one sender gets them in the order in which they were sent.
 */
#ifndef TESTS_SCHEDULES_LETTERS_H
#define TESTS_SCHEDULES_LETTERS_H

#include "../support/by_hand.h"
#include "channel.h"
#include "message.h"
#include "scenarios.h"

#define SENDERS 4
#define LETTERS 16

struct ledger {
    unsigned written[SENDERS];
    bool sent[SENDERS][LETTERS];
    unsigned char received[SENDERS][LETTERS];
    /* The last of each sender that a thread has received, plus 1. */
    unsigned last[EXPLORE_THREADS][SENDERS];
    unsigned sent_count, received_count;
    /* Where messages are put back, order holds for nobody. */
    bool unordered;
};

/* Zero at the beginning of each schedule. */
static struct ledger ledger;

static inline struct message *letter_write(unsigned sender)
{
    struct message *message = message_new();
    unsigned char *place;

    EXPLORE_CHECK(message != NULL, "there is memory for a message");
    place = extend(message, 2);
    place[0] = (unsigned char)sender;
    place[1] = (unsigned char)ledger.written[sender]++;
    EXPLORE_CHECK(place[1] < LETTERS, "the ledger has room");
    return message;
}

static inline void letter_read(const struct message *message, unsigned *sender,
                               unsigned *number)
{
    EXPLORE_CHECK(message != NULL && message->size == 2, "a letter is whole");
    *sender = message->bytes[0];
    *number = message->bytes[1];
    EXPLORE_CHECK(*sender < SENDERS && *number < ledger.written[*sender],
                  "a letter was written by somebody");
}

/* Before it is sent, as another thread may have it before the sender knows. */
static inline enum channel_result letter_send(struct channel *channel,
                                              unsigned sender,
                                              const struct deadline *deadline)
{
    struct message *message = letter_write(sender);
    unsigned number = message->bytes[1];
    enum channel_result result;

    ledger.sent[sender][number] = true;
    ledger.sent_count++;
    result = channel_send(channel, message, deadline);
    if (result == CHANNEL_OK)
        return result;
    EXPLORE_CHECK(ledger.received[sender][number] == 0,
                  "what was not sent is not received");
    ledger.sent[sender][number] = false;
    ledger.sent_count--;
    message_release(message);
    return result;
}

/* A letter that has been received for good. */
static inline void letter_keep(struct message *message)
{
    unsigned sender, number, *last;

    letter_read(message, &sender, &number);
    EXPLORE_CHECK(ledger.sent[sender][number], "what is received was sent");
    EXPLORE_CHECK(ledger.received[sender][number]++ == 0,
                  "no message is received twice");
    last = &ledger.last[explore_thread()][sender];
    EXPLORE_CHECK(ledger.unordered || number + 1 > *last,
                  "messages of one sender are in order");
    *last = number + 1;
    ledger.received_count++;
    message_release(message);
}

static inline enum channel_result
letter_receive(struct channel *channel, const struct deadline *deadline)
{
    struct message *message;
    enum channel_result result = channel_receive(channel, &message, deadline);

    if (result == CHANNEL_OK) {
        channel_commit(channel);
        letter_keep(message);
    }
    return result;
}

/* Takes out what is left, when nobody else uses the channel; how many. */
static inline unsigned letters_left(struct channel *channel)
{
    unsigned count = channel_count(channel), i;

    for (i = 0; i < count; i++)
        EXPLORE_CHECK(letter_receive(channel, &at_once) == CHANNEL_OK,
                      "what is counted can be received");
    EXPLORE_CHECK(channel_count(channel) == 0, "the count is exact");
    EXPLORE_CHECK(letter_receive(channel, &at_once) != CHANNEL_OK,
                  "no more can be received than is counted");
    return count;
}

static inline void letters_check(void)
{
    unsigned sender, number;

    for (sender = 0; sender < SENDERS; sender++)
        for (number = 0; number < ledger.written[sender]; number++)
            EXPLORE_CHECK(!ledger.sent[sender][number] ||
                              ledger.received[sender][number] == 1,
                          "no message is lost");
}

static inline struct channel *letters_channel(uint64_t capacity)
{
    struct channel *channel = NULL;

    EXPLORE_CHECK(channel_new(capacity, NULL, 0, &channel) == CHANNEL_OK,
                  "a channel is made");
    return channel;
}

static inline void letters_begin(void)
{
    EXPLORE_CHECK(waiter_setup() == 0, "waiters can be used");
}

#endif
