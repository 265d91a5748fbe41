/* SPDX-License-Identifier: MIT
 *
 * Senders and receivers of one channel, and its end.
 */
#include "one_channel.h"

static void receive_to_the_end(void *unused)
{
    enum channel_result result;

    (void)unused;
    while ((result = letter_receive(channel, &never)) == CHANNEL_OK)
        ;
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "the end is the end");
    EXPLORE_CHECK(channel_is_closed(channel), "only a closed channel ends");
}

/* Closed or not, but never anything else. */
static void send_until_closed(void *sender)
{
    enum channel_result result;
    unsigned i;

    for (i = 0; i < 2; i++) {
        result = letter_send(channel, number_of(sender), &never);
        EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_CLOSED,
                      "a send succeeds, or the channel is closed");
        if (result == CHANNEL_CLOSED)
            EXPLORE_CHECK(channel_is_closed(channel), "it is closed");
    }
}

/* ---- sending and receiving ---- */

static void nothing_waits(void)
{
    letters_begin();
    channel = letters_channel(1);
    EXPLORE_CHECK(letter_receive(channel, &at_once) == CHANNEL_TIMEOUT,
                  "empty");
    handle_release(&channel->handle);
}

static void one_to_one(uint64_t capacity)
{
    begin(capacity);
    explore_start("sender", send_two, number(0));
    explore_start("receiver", receive_two, NULL);
    finish();
}

static void unbounded(void)
{
    one_to_one(0);
}

static void capacity_of_one(void)
{
    one_to_one(1);
}

static void capacity_of_two(void)
{
    begin(2);
    explore_start("sender", send_two, number(0));
    explore_start("other", send_one, number(1));
    explore_start("receiver", receive_two, NULL);
    explore_join(3);
    receive_one(NULL);
    finish();
}

static void two_to_one(void)
{
    begin(1);
    explore_start("sender", send_one, number(0));
    explore_start("sender", send_one, number(1));
    receive_two(NULL);
    finish();
}

static void one_to_two(void)
{
    begin(0);
    explore_start("receiver", receive_one, NULL);
    explore_start("receiver", receive_one, NULL);
    send_two(number(0));
    finish();
}

static void two_to_two(void)
{
    begin(1);
    explore_start("sender", send_one, number(0));
    explore_start("receiver", receive_one, NULL);
    explore_start("sender", send_one, number(1));
    explore_start("receiver", receive_one, NULL);
    finish();
}

/* ---- at once, and in time ---- */

static void try_to_send(void *sender)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        enum channel_result result =
            letter_send(channel, number_of(sender), &at_once);

        EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_TIMEOUT,
                      "there is room, or there is none");
    }
}

static void at_once_both(void)
{
    begin(1);
    explore_start("sender", try_to_send, number(0));
    explore_start("receiver", try_to_receive, NULL);
    finish();
}

static void send_in_time(void *sender)
{
    struct deadline soon = deadline_after(5);
    enum channel_result result = letter_send(channel, number_of(sender), &soon);

    EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_TIMEOUT,
                  "there is room in time, or there is none");
}

static void receive_in_time(void *unused)
{
    struct deadline soon = deadline_after(5);
    enum channel_result result = letter_receive(channel, &soon);

    (void)unused;
    EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_TIMEOUT,
                  "there is a message in time, or there is none");
}

static void receive_with_deadline(void)
{
    begin(0);
    explore_start("receiver", receive_in_time, NULL);
    explore_start("sender", send_one, number(0));
    finish();
}

static void send_with_deadline(void)
{
    begin(1);
    send_one(number(0));
    explore_start("sender", send_in_time, number(0));
    explore_start("receiver", receive_one, NULL);
    finish();
}

/* Who gives up does not take a wake-up along that was for somebody else. */
static void giving_up_wakes_the_next(void)
{
    begin(0);
    explore_start("impatient", receive_in_time, NULL);
    explore_start("receiver", receive_one, NULL);
    send_two(number(0));
    finish();
}

/* A deadline that does not expire is as good as none. */
static void receive_with_patience(void)
{
    struct deadline soon = deadline_after(5);

    begin(1);
    explore_start("sender", send_two, number(0));
    EXPLORE_CHECK(letter_receive(channel, &soon) == CHANNEL_OK, "in time");
    EXPLORE_CHECK(letter_receive(channel, &soon) == CHANNEL_OK, "in time");
    finish();
}

/* ---- in hands ---- */

/* There are two, so that everybody gets one in the end. */
static void returned_to_another(void)
{
    begin(0);
    ledger.unordered = true;
    explore_start("returns", return_once, NULL);
    explore_start("receiver", receive_one, NULL);
    send_two(number(0));
    finish();
}

/* The only one is in the main thread's hands when the receiver begins. */
static void return_to(const char *name, void (*receiver)(void *))
{
    struct message *message;

    ledger.unordered = true;
    EXPLORE_CHECK(channel_receive(channel, &message, &never) == CHANNEL_OK,
                  "a message is received");
    explore_start(name, receiver, NULL);
    channel_return(channel, message);
    finish();
}

static void returned_to_a_sleeper(void)
{
    begin(1);
    send_one(number(0));
    return_to("receiver", receive_one);
}

static void return_and_receive(void *unused)
{
    return_once(unused);
    receive_two(unused);
}

static void returned_and_more(void)
{
    begin(1);
    ledger.unordered = true;
    explore_start("sender", send_two, number(0));
    explore_start("returns", return_and_receive, NULL);
    finish();
}

static void the_end_waits_for_hands(void)
{
    begin(0);
    send_one(number(0));
    channel_close(channel);
    return_to("receiver", receive_to_the_end);
}

static void check_it_came(void *unused)
{
    receive_to_the_end(unused);
    EXPLORE_CHECK(ledger.received_count == 1,
                  "a message in hands is not the end");
}

static void closed_with_one_in_hands(void)
{
    begin(0);
    send_one(number(0));
    explore_start("closes", close_it, NULL);
    return_to("receiver", check_it_came);
}

static void the_end_after_hands(void)
{
    begin(0);
    send_one(number(0));
    explore_start("receiver", receive_to_the_end, NULL);
    explore_start("receiver", receive_to_the_end, NULL);
    explore_start("closes", close_it, NULL);
    finish();
}

/* ---- looking, and dropping ---- */

static void peek(void *unused)
{
    struct message *message;
    enum channel_result result = channel_peek(channel, &message);
    unsigned sender, letter;

    (void)unused;
    if (result == CHANNEL_OK) {
        letter_read(message, &sender, &letter);
        EXPLORE_CHECK(ledger.sent[sender][letter], "what is seen was sent");
        message_release(message);
    } else {
        EXPLORE_CHECK(result == CHANNEL_TIMEOUT || result == CHANNEL_CLOSED,
                      "there is nothing to be seen");
    }
}

static void peek_while_received(void)
{
    begin(0);
    send_one(number(0));
    explore_start("peeks", peek, NULL);
    explore_start("receiver", receive_one, NULL);
    finish();
}

static void peek_while_sent(void)
{
    begin(0);
    explore_start("peeks", peek, NULL);
    explore_start("sender", send_one, number(0));
    explore_start("receiver", receive_one, NULL);
    finish();
}

static unsigned dropped;

static void clear(void *unused)
{
    (void)unused;
    dropped += channel_clear(channel);
}

/* Numbers have to do here: what is dropped is nobody's. */
static void finish_cleared(void)
{
    explore_join_all();
    (void)letters_left(channel);
    EXPLORE_CHECK(ledger.sent_count == ledger.received_count + dropped,
                  "each message is received, dropped or left");
    handle_release(&channel->handle);
}

static void clear_makes_room(void)
{
    begin(1);
    send_one(number(0));
    explore_start("sender", send_one, number(0));
    explore_start("clears", clear, NULL);
    explore_join(2);
    if (dropped == 0)
        clear(NULL);
    explore_join(1);
    finish_cleared();
}

static void clear_while_received(void)
{
    begin(2);
    send_two(number(0));
    explore_start("receiver", try_to_receive, NULL);
    explore_start("clears", clear, NULL);
    finish_cleared();
}

static void clear_while_sent(void)
{
    begin(2);
    explore_start("sender", try_to_send, number(0));
    explore_start("clears", clear, NULL);
    finish_cleared();
}

static void clear_a_closed_one(void)
{
    begin(0);
    send_two(number(0));
    explore_start("receiver", receive_to_the_end, NULL);
    explore_start("clears", clear, NULL);
    channel_close(channel);
    finish_cleared();
}

static void count(void *most)
{
    EXPLORE_CHECK(channel_count(channel) <= number_of(most),
                  "no more are counted than there can be");
}

static void count_while_used(void)
{
    begin(1);
    explore_start("counts", count, number(1));
    explore_start("sender", send_two, number(0));
    explore_start("receiver", receive_two, NULL);
    finish();
}

/* ---- the end ---- */

static void close_a_receiver(void)
{
    begin(0);
    explore_start("receiver", receive_to_the_end, NULL);
    explore_start("closes", close_it, NULL);
    finish();
}

static void close_a_sender(void)
{
    begin(1);
    send_one(number(0));
    explore_start("sender", send_until_closed, number(0));
    explore_start("closes", close_it, NULL);
    finish();
}

static void close_both(void)
{
    begin(1);
    explore_start("sender", send_until_closed, number(0));
    explore_start("receiver", receive_to_the_end, NULL);
    explore_start("closes", close_it, NULL);
    finish();
}

static void close_after_sending(void *sender)
{
    send_two(sender);
    channel_close(channel);
}

static void close_comes_last(void)
{
    begin(0);
    explore_start("sender", close_after_sending, number(0));
    explore_start("receiver", receive_to_the_end, NULL);
    explore_join(2);
    EXPLORE_CHECK(ledger.received_count == 2,
                  "what was sent before the end is received before the end");
    finish();
}

static void close_twice(void)
{
    begin(1);
    explore_start("closes", close_it, NULL);
    explore_start("closes", close_it, NULL);
    receive_to_the_end(NULL);
    finish();
}

/* ---- all of them ---- */

/* The channel is never empty: one message is sent before each is taken. */
static void send_and_take(void *sender)
{
    send_one(sender);
    receive_one(NULL);
    send_one(sender);
    receive_one(NULL);
}

static void look_at_it(void *unused)
{
    (void)unused;
    EXPLORE_CHECK(channel_is_ready(channel), "it is ready all the time");
}

static void never_empty(void)
{
    begin(0);
    send_two(number(0));
    /* The other one lies in the second part of the mailbox. */
    receive_one(NULL);
    explore_start("keeper", send_and_take, number(1));
    explore_start("looker", look_at_it, NULL);
    finish();
}

const struct explore_scenario scenarios_channel[] = {
    {"alone", nothing_waits, 1, false, false},
    {"channel.unbounded", unbounded, 2, false, false},
    {"channel.capacity_1", capacity_of_one, 2, false, false},
    {"channel.capacity_2", capacity_of_two, 0, false, false},
    {"channel.two_to_one", two_to_one, 2, false, false},
    {"channel.one_to_two", one_to_two, 2, false, false},
    {"channel.two_to_two", two_to_two, 0, false, false},
    {"channel.never_empty", never_empty, 3, false, false},
    {"channel.at_once", at_once_both, 2, false, false},
    {"channel.receive_deadline", receive_with_deadline, 2, true, false},
    {"channel.send_deadline", send_with_deadline, 2, true, false},
    {"channel.giving_up", giving_up_wakes_the_next, 2, true, false},
    {"channel.patience", receive_with_patience, 2, false, false},
    {"channel.returned_to_another", returned_to_another, 2, false, false},
    {"channel.returned_to_a_sleeper", returned_to_a_sleeper, 4, false, false},
    {"channel.returned_and_more", returned_and_more, 2, false, false},
    {"channel.end_waits_for_hands", the_end_waits_for_hands, 4, false, false},
    {"channel.closed_with_one_in_hands", closed_with_one_in_hands, 2, false,
     false},
    {"channel.end_after_hands", the_end_after_hands, 0, false, false},
    {"channel.peek_received", peek_while_received, 3, false, false},
    {"channel.peek_sent", peek_while_sent, 0, false, false},
    {"channel.clear_makes_room", clear_makes_room, 2, false, false},
    {"channel.clear_received", clear_while_received, 2, false, false},
    {"channel.clear_sent", clear_while_sent, 2, false, false},
    {"channel.clear_closed", clear_a_closed_one, 2, false, false},
    {"channel.count", count_while_used, 2, false, false},
    {"channel.close_receiver", close_a_receiver, 3, false, false},
    {"channel.close_sender", close_a_sender, 3, false, false},
    {"channel.close_both", close_both, 0, false, false},
    {"channel.close_comes_last", close_comes_last, 2, false, false},
    {"channel.close_twice", close_twice, 2, false, false},
    {NULL, NULL, 0, false, false},
};
