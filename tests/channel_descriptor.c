/* SPDX-License-Identifier: MIT
 *
 * The descriptor of a channel: whether it agrees with the channel, whatever is
 * done to that, and whoever is stopped.
 */
#include "support/check.h"
#include "support/crowd.h"
#include "support/descriptors.h"
#include "support/one_channel.h"
#include "support/step.h"
#include "support/stress.h"

static bool channel_agrees(void)
{
    return is_readable(channel_descriptor(channel)) ==
           channel_is_ready(channel);
}

static void a_channel_shows_whether_one_need_not_wait(void)
{
    int before = count_open(), descriptor;
    struct message *message;

    new_channel(0);
    (void)put(0);
    CHECK_NUMBER(count_open(), before, "who asks for no descriptor has none");
    descriptor = channel_descriptor(channel);
    CHECK(is_readable(descriptor), "a message shows");
    CHECK_NUMBER(channel_descriptor(channel), descriptor, "there is only one");
    (void)put(1);
    (void)look();
    CHECK(is_readable(descriptor), "whether looked at or not");
    (void)channel_try_receive(channel, &message);
    CHECK(is_readable(descriptor), "so does the next");
    (void)get();
    CHECK(!is_readable(descriptor), "what was taken does not");
    channel_return(channel, message);
    CHECK(is_readable(descriptor), "what was put back does");
    (void)channel_clear(channel);
    CHECK(!is_readable(descriptor), "what was dropped does not");
    (void)put(2);
    CHECK(is_readable(descriptor), "what was sent does");
    (void)channel_try_receive(channel, &message);
    channel_close(channel);
    CHECK(!is_readable(descriptor), "an end that may not be one does not");
    channel_commit(channel);
    message_release(message);
    CHECK(is_readable(descriptor) && get() == THE_END &&
              is_readable(descriptor),
          "the end shows for ever");
    drop_channel();
    CHECK_NUMBER(count_open(), before, "the descriptor is the channel's");
}

/* Another sender has pushed long ago, and only now looks at the descriptor. */
static void update_late(void *argument)
{
    (void)argument;
    pollable_update(&channel->pollable, channel_is_ready, channel);
}

static void look_meanwhile(void *argument)
{
    (void)argument;
    (void)look();
}

static void new_shown_channel(void)
{
    new_channel(0);
    (void)channel_descriptor(channel);
    outcome = CHANNEL_TIMEOUT;
    in_hands = NULL;
}

/* Two, because one of them changes its place while the other is taken. */
static void two_in_line(void)
{
    new_shown_channel();
    fill(2);
}

static void one_in_line_one_to_send(void)
{
    new_shown_channel();
    fill(1);
    next = stamped(0, 1);
}

/* It may yet be put back. */
static void one_in_hands(void)
{
    new_shown_channel();
    fill(1);
    (void)channel_try_receive(channel, &in_hands);
}

static void clean_up(void)
{
    (void)number_of(outcome, received);
    if (in_hands != NULL)
        message_release(in_hands);
    drop_channel();
}

static void play_channel(const char *name, void (*before)(void),
                         void (*run)(void *), void (*stop)(void *))
{
    struct step_tour tour;

    for (tour = step_tour(name); step_on_tour(&tour);) {
        before();
        step_meet(tour.n, run, stop, NULL);
        CHECK(channel_agrees(), "the descriptor agrees with the channel");
        while (get() >= 0)
            if (!channel_agrees())
                CHECK(false, "down to the last message");
        clean_up();
    }
}

static void a_channel_can_be_used_at_any_time(void)
{
    play_channel("send", one_in_line_one_to_send, run_send, update_late);
    play_channel("receive", two_in_line, run_get, update_late);
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
static atomic_uint taken;

static void send_often(struct random *random)
{
    unsigned i;

    for (i = 0; i < STRESS_SCALED(500); i++) {
        if (put(i) != CHANNEL_OK)
            CHECK(false, "a message is sent");
        if (random_one_in(random, 2))
            random_pause(random);
    }
}

static void look_often(struct random *random)
{
    struct message *one;

    while (!channel_is_closed(channel)) {
        (void)look();
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
        if (get() >= 0 && atomic_fetch_add(&taken, 1) + 1 == STRESS_SCALED(500))
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
        taken = 0;
        new_channel(0);
        crowd_play(use_channel, &s.random);
        CHECK_NUMBER(taken, STRESS_SCALED(500), "all messages are received");
        CHECK(channel_agrees(), "and the end shows");
        drop_channel();
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
