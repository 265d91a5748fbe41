/* SPDX-License-Identifier: MIT
 *
 * Receiving from several channels, and interrupts.
 */
#include "letters.h"
#include "select.h"
#include "waiter.h"

#define CHANNELS 3

static struct channel *channels[CHANNELS];
static unsigned channel_count_here;

static void begin(unsigned count, uint64_t capacity)
{
    letters_begin();
    for (; channel_count_here < count; channel_count_here++)
        channels[channel_count_here] = letters_channel(capacity);
}

static void finish(void)
{
    unsigned i;

    explore_join_all();
    for (i = 0; i < channel_count_here; i++)
        (void)letters_left(channels[i]);
    letters_check();
    for (i = 0; i < channel_count_here; i++)
        handle_release(&channels[i]->handle);
}

/* ---- threads ---- */

static enum channel_result
select_which(unsigned start, const struct deadline *deadline, unsigned *taken)
{
    struct wait_for places[CHANNELS];
    struct message *message;
    enum channel_result result;
    unsigned which = CHANNELS, i;

    for (i = 0; i < channel_count_here; i++)
        channel_await(&places[i], channels[i]);
    result = select_receive(places, channel_count_here, start, deadline, &which,
                            &message);
    EXPLORE_CHECK(result != CHANNEL_CLOSED ||
                      channel_is_closed(channels[which]),
                  "a channel that has ended is closed");
    *taken = result == CHANNEL_OK ? which : CHANNELS;
    if (result == CHANNEL_OK) {
        channel_commit(channels[which]);
        letter_keep(message);
    }
    return result;
}

static enum channel_result select_one(unsigned start,
                                      const struct deadline *deadline)
{
    unsigned taken;

    return select_which(start, deadline, &taken);
}

static void selects(void *start)
{
    EXPLORE_CHECK(select_one(number_of(start), &never) == CHANNEL_OK,
                  "a message of one of them is received");
}

static void selects_twice(void *start)
{
    selects(start);
    selects(start);
}

static void receives(void *which)
{
    EXPLORE_CHECK(letter_receive(channels[number_of(which)], &never) ==
                      CHANNEL_OK,
                  "a message is received");
}

/* The channel has the number of its sender. */
static void sends(void *which)
{
    EXPLORE_CHECK(letter_send(channels[number_of(which)], number_of(which),
                              &never) == CHANNEL_OK,
                  "a message is sent");
}

/* Somebody else needs the message of channel 0. */
static void replace(unsigned taken)
{
    if (taken == 0)
        sends(number(0));
}

static void selects_with_care(void *start)
{
    unsigned taken;

    EXPLORE_CHECK(select_which(number_of(start), &never, &taken) == CHANNEL_OK,
                  "a message of one of them is received");
    replace(taken);
}

static void selects_in_time(void *start)
{
    struct deadline soon = deadline_after(5);
    unsigned taken;
    enum channel_result result = select_which(number_of(start), &soon, &taken);

    EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_TIMEOUT,
                  "something comes in time, or nothing does");
    replace(taken);
}

static void sends_to_both(void *unused)
{
    (void)unused;
    sends(number(0));
    sends(number(1));
}

static void closes(void *which)
{
    channel_close(channels[number_of(which)]);
}

/* ---- select ---- */

static void of_two(void)
{
    begin(2, 0);
    explore_start("selects", selects_twice, number(0));
    explore_start("sender", sends_to_both, NULL);
    finish();
}

static void of_two_senders(void)
{
    begin(2, 1);
    explore_start("selects", selects_twice, number(1));
    explore_start("sender", sends, number(0));
    explore_start("sender", sends, number(1));
    finish();
}

static void of_three(void)
{
    begin(3, 0);
    explore_start("selects", selects_with_care, number(2));
    explore_start("selects", selects_with_care, number(1));
    explore_start("sender", sends_to_both, NULL);
    sends(number(2));
    receives(number(0));
    finish();
}

/* Who is woken for one and takes the other, hands the first on. */
static void hands_on(void)
{
    begin(2, 0);
    explore_start("selects", selects_with_care, number(1));
    explore_start("receiver", receives, number(0));
    explore_start("sender", sends_to_both, NULL);
    finish();
}

static void of_two_selecting(void)
{
    begin(2, 0);
    explore_start("selects", selects, number(0));
    explore_start("selects", selects, number(1));
    explore_start("sender", sends_to_both, NULL);
    finish();
}

static void select_or_give_up(void)
{
    begin(2, 0);
    explore_start("selects", selects_in_time, number(1));
    explore_start("receiver", receives, number(0));
    sends_to_both(NULL);
    finish();
}

static void the_end_of_one(void *unused)
{
    enum channel_result result = select_one(0, &never);

    (void)unused;
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "an end is noticed");
}

static void close_one(void)
{
    begin(2, 0);
    explore_start("selects", the_end_of_one, NULL);
    explore_start("closes", closes, number(1));
    finish();
}

static void select_to_the_end(void *unused)
{
    enum channel_result result;

    (void)unused;
    while ((result = select_one(0, &never)) == CHANNEL_OK)
        ;
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "an end is noticed");
}

static void close_and_send(void)
{
    begin(2, 0);
    explore_start("selects", select_to_the_end, NULL);
    explore_start("closes", closes, number(0));
    explore_start("sender", sends, number(1));
    finish();
}

/* ---- interrupts ---- */

static struct waiter *interrupted;

static void interrupts(void *mode)
{
    waiter_interrupt(interrupted, (enum interrupt_mode)number_of(mode));
}

/* The main thread is the one that is interrupted. */
static void finish_interrupted(void)
{
    explore_join_all();
    waiter_refuse_interrupts();
    waiter_release(interrupted);
    finish();
}

static void interrupt_a_receive(void)
{
    begin(1, 0);
    interrupted = accept_interrupts();
    explore_start("interrupts", interrupts, number(INTERRUPT_ALWAYS));
    EXPLORE_CHECK(letter_receive(channels[0], &never) == CHANNEL_INTERRUPTED,
                  "an interrupt ends a wait");
    finish_interrupted();
}

/* An interrupt that is used up, and one message: both come. */
static void interrupt_or_message(void)
{
    enum channel_result result;
    unsigned others = 0;

    begin(1, 0);
    interrupted = accept_interrupts();
    explore_start("interrupts", interrupts, number(INTERRUPT_ONCE));
    explore_start("sender", sends, number(0));
    while ((result = letter_receive(channels[0], &never)) != CHANNEL_OK) {
        EXPLORE_CHECK(result == CHANNEL_INTERRUPTED,
                      "interrupted, or received");
        others++;
    }
    EXPLORE_CHECK(others <= 1, "an interrupt comes once");
    finish_interrupted();
}

/* Whoever is interrupted does not take a wake-up along. */
static void interrupt_and_another(void)
{
    enum channel_result result;

    begin(1, 0);
    interrupted = accept_interrupts();
    explore_start("receiver", receives, number(0));
    explore_start("interrupts", interrupts, number(INTERRUPT_ALWAYS));
    explore_start("sender", sends, number(0));
    result = letter_receive(channels[0], &never);
    if (result == CHANNEL_OK)
        sends(number(0));
    else
        EXPLORE_CHECK(result == CHANNEL_INTERRUPTED,
                      "received, or interrupted");
    finish_interrupted();
}

static void interrupt_a_select(void)
{
    begin(2, 0);
    interrupted = accept_interrupts();
    explore_start("interrupts", interrupts, number(INTERRUPT_ALWAYS));
    EXPLORE_CHECK(select_one(0, &never) == CHANNEL_INTERRUPTED,
                  "an interrupt ends a select");
    finish_interrupted();
}

static void interrupt_a_send(void)
{
    begin(1, 1);
    interrupted = accept_interrupts();
    sends(number(0));
    explore_start("interrupts", interrupts, number(INTERRUPT_ALWAYS));
    EXPLORE_CHECK(letter_send(channels[0], 0, &never) == CHANNEL_INTERRUPTED,
                  "an interrupt ends a wait for room");
    finish_interrupted();
}

static void interrupt_a_send_with_room(void)
{
    enum channel_result result;

    begin(1, 1);
    interrupted = accept_interrupts();
    sends(number(0));
    explore_start("interrupts", interrupts, number(INTERRUPT_ALWAYS));
    explore_start("receiver", receives, number(0));
    result = letter_send(channels[0], 0, &never);
    EXPLORE_CHECK(result == CHANNEL_INTERRUPTED || result == CHANNEL_OK,
                  "there is room, or the wait is interrupted");
    finish_interrupted();
}

/* Taken back before it was noticed, or noticed. */
static void interrupt_taken_back(void *unused)
{
    (void)unused;
    waiter_interrupt(interrupted, INTERRUPT_ALWAYS);
    waiter_interrupt(interrupted, INTERRUPT_NONE);
    channel_close(channels[0]);
}

static void interrupt_and_back(void)
{
    enum channel_result result;

    begin(1, 0);
    interrupted = accept_interrupts();
    explore_start("interrupts", interrupt_taken_back, NULL);
    while ((result = letter_receive(channels[0], &never)) != CHANNEL_CLOSED) {
        EXPLORE_CHECK(result == CHANNEL_INTERRUPTED, "interrupted, or closed");
        sched_yield();
    }
    finish_interrupted();
}

/* ---- all of them ---- */

const struct explore_scenario scenarios_select[] = {
    {"select.of_two", of_two, 2, false, false},
    {"select.of_two_senders", of_two_senders, 0, false, false},
    {"select.of_three", of_three, 0, false, false},
    {"select.hands_on", hands_on, 1, false, false},
    {"select.of_two_selecting", of_two_selecting, 1, false, false},
    {"select.give_up", select_or_give_up, 1, true, false},
    {"select.close_one", close_one, 2, false, false},
    {"select.close_and_send", close_and_send, 1, false, false},
    {"interrupt.receive", interrupt_a_receive, 4, false, false},
    {"interrupt.or_message", interrupt_or_message, 2, false, false},
    {"interrupt.and_another", interrupt_and_another, 0, false, false},
    {"interrupt.select", interrupt_a_select, 4, false, false},
    {"interrupt.send", interrupt_a_send, 4, false, false},
    {"interrupt.send_with_room", interrupt_a_send_with_room, 2, false, false},
    {"interrupt.taken_back", interrupt_and_back, 3, false, false},
    {NULL, NULL, 0, false, false},
};
