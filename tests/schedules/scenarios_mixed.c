/* SPDX-License-Identifier: MIT
 *
 * Threads that do whatever comes into their minds to two channels, for as long
 * as it takes: nothing is lost, and nobody sleeps for good, because what could
 * wait for ever is ended by a close.
 */
#include "letters.h"
#include "select.h"
#include "waiter.h"

static struct channel *channels[2];
static struct waiter *waiters[EXPLORE_THREADS];
static unsigned dropped;

static void check_result(enum channel_result result)
{
    EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_TIMEOUT ||
                      result == CHANNEL_CLOSED || result == CHANNEL_INTERRUPTED,
                  "an operation ends in one of four ways");
}

static void select_from_both(const struct deadline *deadline)
{
    struct wait_for places[2];
    struct message *message;
    enum channel_result result;
    unsigned which;

    channel_await(&places[0], channels[0]);
    channel_await(&places[1], channels[1]);
    result = select_receive(places, 2, explore_choose(2), deadline, &which,
                            &message);
    check_result(result);
    if (result != CHANNEL_OK)
        return;
    channel_commit(channels[which]);
    letter_keep(message);
}

static void put_back(struct channel *channel)
{
    struct message *message;

    if (channel_try_receive(channel, &message) == CHANNEL_OK)
        channel_return(channel, message);
}

static void look(struct channel *channel)
{
    struct message *message;

    if (channel_peek(channel, &message) == CHANNEL_OK)
        message_release(message);
    (void)channel_count(channel);
}

static void interrupt_somebody(void)
{
    struct waiter *waiter = waiters[explore_choose(EXPLORE_THREADS)];

    if (waiter != NULL)
        waiter_interrupt(waiter, (enum interrupt_mode)explore_choose(3));
}

static void do_something(unsigned sender)
{
    struct channel *channel = channels[explore_choose(2)];
    struct deadline soon = deadline_after(5);
    const struct deadline *deadline = explore_choose(2) ? &never : &soon;

    switch (explore_choose(16)) {
    case 0:
    case 1:
    case 2:
        check_result(letter_send(channel, sender, deadline));
        break;
    case 3:
        check_result(letter_send(channel, sender, &at_once));
        break;
    case 4:
    case 5:
    case 6:
        check_result(letter_receive(channel, deadline));
        break;
    case 7:
        check_result(letter_receive(channel, &at_once));
        break;
    case 8:
    case 9:
    case 10:
        select_from_both(deadline);
        break;
    case 11:
        put_back(channel);
        break;
    case 12:
        look(channel);
        break;
    case 13:
        dropped += channel_clear(channel);
        break;
    case 14:
        interrupt_somebody();
        break;
    default:
        EXPLORE_CHECK(channel_descriptor(channel) >= 0, "it has a descriptor");
    }
}

static void does_four_things(void *sender)
{
    unsigned self = explore_thread(), left;

    waiters[self] = accept_interrupts();
    for (left = 4; left > 0; left--)
        do_something(number_of(sender));
}

static void closes_both(void *unused)
{
    unsigned i;

    (void)unused;
    for (i = 0; i < explore_choose(3); i++)
        sched_yield();
    channel_close(channels[0]);
    channel_close(channels[1]);
}

static void finish_mixed(void)
{
    unsigned i;

    explore_join_all();
    for (i = 0; i < EXPLORE_THREADS; i++)
        if (waiters[i] != NULL)
            waiter_release(waiters[i]);
    for (i = 0; i < 2; i++) {
        int descriptor = channel_descriptor(channels[i]);

        EXPLORE_CHECK(explore_readable(descriptor) ==
                          channel_is_ready(channels[i]),
                      "a descriptor shows whether a receive would wait");
        (void)letters_left(channels[i]);
        EXPLORE_CHECK(explore_readable(descriptor) ==
                          channel_is_closed(channels[i]),
                      "only the end is left");
    }
    EXPLORE_CHECK(ledger.sent_count == ledger.received_count + dropped,
                  "each message is received, dropped or left");
    for (i = 0; i < 2; i++)
        handle_release(&channels[i]->handle);
}

static void mixed(unsigned threads)
{
    unsigned i;

    letters_begin();
    ledger.unordered = true;
    channels[0] = letters_channel(explore_choose(3));
    channels[1] = letters_channel(explore_choose(3));
    for (i = 0; i < threads; i++)
        explore_start("mixed", does_four_things, number(i));
    explore_start("closes", closes_both, NULL);
    finish_mixed();
}

static void mix_of_two(void)
{
    mixed(2);
}

static void mix_of_three(void)
{
    mixed(3);
}

static void mix_of_four(void)
{
    mixed(4);
}

/* Order, where nothing is put back, and no close comes to the rescue: as many
 * are received as are sent. */
static void sends_two(void *sender)
{
    unsigned i;

    for (i = 0; i < 2; i++)
        EXPLORE_CHECK(letter_send(channels[0], number_of(sender), &never) ==
                          CHANNEL_OK,
                      "a message is sent");
}

static void receives_two(void *unused)
{
    unsigned i;

    (void)unused;
    for (i = 0; i < 2; i++)
        EXPLORE_CHECK(letter_receive(channels[0], &never) == CHANNEL_OK,
                      "a message is received");
}

static void balanced(uint64_t capacity, unsigned pairs)
{
    unsigned i;

    letters_begin();
    channels[0] = letters_channel(capacity);
    for (i = 0; i < pairs; i++) {
        explore_start("sender", sends_two, number(i));
        explore_start("receiver", receives_two, NULL);
    }
    explore_join_all();
    EXPLORE_CHECK(letters_left(channels[0]) == 0, "all have been received");
    letters_check();
    handle_release(&channels[0]->handle);
}

static void two_pairs(void)
{
    balanced(explore_choose(3), 2);
}

static void three_pairs(void)
{
    balanced(explore_choose(3), 3);
}

const struct explore_scenario scenarios_mixed[] = {
    {"mixed.two", mix_of_two, 0, true, false},
    {"mixed.three", mix_of_three, 0, true, false},
    {"mixed.four", mix_of_four, 0, true, false},
    {"mixed.two_pairs", two_pairs, 0, false, false},
    {"mixed.three_pairs", three_pairs, 0, false, false},
    {NULL, NULL, 0, false, false},
};
