/* SPDX-License-Identifier: MIT
 *
 * The descriptor of a channel: whether it agrees with the channel, whatever is
 * done to that, and whoever is stopped.
 */
#include <sched.h>

#include "channel.h"

#include "support/check.h"
#include "support/crowd.h"
#include "support/deadlines.h"
#include "support/descriptors.h"
#include "support/stamps.h"
#include "support/step.h"
#include "support/stress.h"

static struct channel *channel;
static struct message *message;

static bool channel_agrees(void)
{
    return is_readable(channel_descriptor(channel)) ==
           channel_is_ready(channel);
}

static bool send_one(unsigned number)
{
    struct message *one = stamped(0, number);

    if (channel_send(channel, one, &at_once) == CHANNEL_OK)
        return true;
    message_release(one);
    return false;
}

static bool receive_one(void)
{
    struct message *one;

    if (channel_try_receive(channel, &one) != CHANNEL_OK)
        return false;
    channel_commit(channel);
    message_release(one);
    return true;
}

static void new_channel(void)
{
    if (channel_new(0, NULL, 0, &channel) != CHANNEL_OK)
        abort();
}

static void a_channel_shows_whether_one_need_not_wait(void)
{
    int before = count_open(), descriptor;

    new_channel();
    (void)send_one(0);
    CHECK_NUMBER(count_open(), before, "who asks for no descriptor has none");
    descriptor = channel_descriptor(channel);
    CHECK(is_readable(descriptor), "a message shows");
    CHECK_NUMBER(channel_descriptor(channel), descriptor, "there is only one");
    (void)send_one(1);
    (void)channel_peek(channel, &message);
    message_release(message);
    CHECK(is_readable(descriptor), "whether looked at or not");
    (void)channel_try_receive(channel, &message);
    CHECK(is_readable(descriptor), "so does the next");
    (void)receive_one();
    CHECK(!is_readable(descriptor), "what was taken does not");
    channel_return(channel, message);
    CHECK(is_readable(descriptor), "what was put back does");
    (void)channel_clear(channel);
    CHECK(!is_readable(descriptor), "what was dropped does not");
    (void)send_one(2);
    CHECK(is_readable(descriptor), "what was sent does");
    (void)channel_try_receive(channel, &message);
    channel_close(channel);
    CHECK(!is_readable(descriptor), "an end that may not be one does not");
    channel_commit(channel);
    message_release(message);
    CHECK(is_readable(descriptor) && !receive_one() && is_readable(descriptor),
          "the end shows for ever");
    handle_release(&channel->handle);
    CHECK_NUMBER(count_open(), before, "the descriptor is the channel's");
}

static void run_send(void *argument)
{
    (void)argument;
    if (channel_send(channel, message, &at_once) == CHANNEL_OK)
        message = NULL;
}

static void run_receive(void *argument)
{
    (void)argument;
    if (channel_try_receive(channel, &message) == CHANNEL_OK)
        channel_commit(channel);
}

static void run_look(void *argument)
{
    (void)argument;
    (void)channel_peek(channel, &message);
}

static void run_return(void *argument)
{
    (void)argument;
    channel_return(channel, message);
    message = NULL;
}

static void run_commit(void *argument)
{
    (void)argument;
    channel_commit(channel);
}

static void run_clear(void *argument)
{
    (void)argument;
    (void)channel_clear(channel);
}

static void run_close(void *argument)
{
    (void)argument;
    channel_close(channel);
}

/* Another sender has pushed long ago, and only now looks at the descriptor. */
static void update_late(void *argument)
{
    (void)argument;
    pollable_update(&channel->pollable, channel_is_ready, channel);
}

static void look_meanwhile(void *argument)
{
    struct message *one;

    (void)argument;
    if (channel_peek(channel, &one) == CHANNEL_OK)
        message_release(one);
}

static void new_shown_channel(void)
{
    new_channel();
    (void)channel_descriptor(channel);
    message = NULL;
}

/* Two, because one of them changes its place while the other is taken. */
static void two_in_line(void)
{
    new_shown_channel();
    (void)send_one(1);
    (void)send_one(2);
}

static void one_in_line_one_to_send(void)
{
    new_shown_channel();
    (void)send_one(1);
    message = stamped(0, 2);
}

/* It may yet be put back. */
static void one_in_hands(void)
{
    new_shown_channel();
    (void)send_one(1);
    (void)channel_try_receive(channel, &message);
}

static void clean_up(void)
{
    if (message != NULL)
        message_release(message);
    handle_release(&channel->handle);
}

static void play_channel(const char *name, void (*before)(void),
                         void (*run)(void *), void (*stop)(void *))
{
    struct step_tour tour;

    for (tour = step_tour(name); step_on_tour(&tour);) {
        before();
        step_meet(tour.n, run, stop, NULL);
        CHECK(channel_agrees(), "the descriptor agrees with the channel");
        while (receive_one())
            if (!channel_agrees())
                CHECK(false, "down to the last message");
        clean_up();
    }
}

static void a_channel_can_be_used_at_any_time(void)
{
    play_channel("send", one_in_line_one_to_send, run_send, update_late);
    play_channel("receive", two_in_line, run_receive, update_late);
    play_channel("look", two_in_line, run_look, update_late);
    play_channel("return", one_in_hands, run_return, update_late);
    play_channel("clear", two_in_line, run_clear, update_late);
    play_channel("send, look", one_in_line_one_to_send, run_send,
                 look_meanwhile);
    play_channel("close, commit", one_in_hands, run_close, run_commit);
    play_channel("commit, close", one_in_hands, run_commit, run_close);
}

/* ---- crowds ---- */

/* The same with a channel: one sends, one only looks and puts back, the others
 * receive when its descriptor tells them. */
static atomic_uint received;

static void send_often(struct random *random)
{
    unsigned i;

    for (i = 0; i < STRESS_SCALED(500); i++) {
        if (!send_one(i))
            CHECK(false, "a message is sent");
        if (random_one_in(random, 2))
            random_pause(random);
    }
}

static void look_often(struct random *random)
{
    struct message *one;

    while (!channel_is_closed(channel)) {
        if (channel_peek(channel, &one) == CHANNEL_OK)
            message_release(one);
        if (random_one_in(random, 4) &&
            channel_try_receive(channel, &one) == CHANNEL_OK)
            channel_return(channel, one);
        random_pause(random);
    }
}

static void receive_when_told(void)
{
    int descriptor = channel_descriptor(channel);

    while (!channel_is_closed(channel)) {
        wait_readable(descriptor);
        if (receive_one() &&
            atomic_fetch_add(&received, 1) + 1 == STRESS_SCALED(500))
            channel_close(channel);
    }
}

static void use_channel(struct guest *guest)
{
    meet();
    if (guest->number == 0)
        send_often(&guest->random);
    else if (guest->number == 1)
        look_often(&guest->random);
    else
        receive_when_told();
}

static void who_polls_a_channel_misses_no_message(void)
{
    struct stress s = stress_begin("channel", 500);

    for (; stress_goes_on(&s); s.round++) {
        received = 0;
        new_channel();
        crowd_play(use_channel, &s.random);
        CHECK_NUMBER(received, STRESS_SCALED(500), "all messages are received");
        CHECK(channel_agrees(), "and the end shows");
        handle_release(&channel->handle);
    }
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a channel shows whether one need not wait",
               a_channel_shows_whether_one_need_not_wait);
    if (step_works())
        check_part("a channel can be used at any time",
                   a_channel_can_be_used_at_any_time);
    check_part("who polls a channel misses no message",
               who_polls_a_channel_misses_no_message);
}

int main(void)
{
    return check_program("channel_descriptor", all);
}
