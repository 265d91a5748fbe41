/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more: they end with "closed", all of them, and
 * no others do.
 */
#include "family.h"

/* ---- what they do ---- */

static void selects(struct thread *self)
{
    struct wait_for places[CHANNELS];
    struct message *message;
    struct home home;
    enum channel_result result;
    unsigned which;

    settle(&home, self);
    for (which = 0; which < CHANNELS; which++)
        channel_await(&places[which], channels[which]);
    while ((result = select_receive(places, CHANNELS, 0, &never, &which,
                                    &message)) == CHANNEL_OK) {
        channel_commit(channels[which]);
        letter_keep(message);
        received[which]++;
    }
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "a wait in vain ends");
    leave(&home);
}

static void sends_until_it_is_full(struct thread *self)
{
    struct home home;
    enum channel_result result;

    settle(&home, self);
    while ((result = letter_send(channels[0], 1, &never)) == CHANNEL_OK)
        ;
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "a wait for room in vain ends");
    leave(&home);
}

/* Never blocked, so what it could send is waited for. */
static void sends_one(struct thread *self)
{
    struct home home;

    settle(&home, self);
    EXPLORE_CHECK(letter_send(channels[0], 2, &at_once) == CHANNEL_OK,
                  "who can still send is waited for");
    leave(&home);
}

/* What comes from one is passed on to the other. */
static void passes_on(struct thread *self)
{
    struct home home;

    settle(&home, self);
    receive_to_the_end(0);
    EXPLORE_CHECK(letter_send(channels[1], 3, &never) == CHANNEL_OK,
                  "what somebody has still to say reaches the next");
    leave(&home);
}

static void outsider_sends(void *which)
{
    struct channel *channel = channels[number_of(which)];

    EXPLORE_CHECK(letter_send(channel, 0, &at_once) == CHANNEL_OK,
                  "nothing is closed while somebody has it");
    outsider_lets_go(which);
}

/* ---- scenarios ---- */

static void a_receive(void)
{
    begin(0);
    start_child(receives, FIRST);
    finish();
}

static void a_select(void)
{
    begin(0);
    start_child(selects, BOTH);
    finish();
}

static void a_send(void)
{
    begin(1);
    start_child(sends_until_it_is_full, FIRST);
    finish();
}

static void after_the_last_holder(void)
{
    begin(0);
    start_outsider(outsider_lets_go, 0);
    start_child(receives, FIRST);
    finish();
}

static void after_two_holders(void)
{
    begin(0);
    start_outsider(outsider_lets_go, 0);
    start_outsider(outsider_lets_go, 0);
    start_child(receives, FIRST);
    finish();
}

static void after_the_last_message(void)
{
    begin(0);
    start_outsider(outsider_sends, 0);
    start_child(receives, FIRST);
    finish();
    EXPLORE_CHECK(received[0] == 1, "what was sent has come");
}

static void of_a_select(void)
{
    begin(0);
    start_outsider(outsider_sends, 1);
    start_child(selects, BOTH);
    finish();
    EXPLORE_CHECK(received[0] == 0, "nothing comes from nowhere");
}

static void two_children(void)
{
    begin(0);
    start_child(receives, BOTH);
    start_child(receives_the_second, BOTH);
    finish();
}

static void one_child_sends(void)
{
    begin(0);
    start_child(receives, FIRST);
    start_child(sends_one, FIRST);
    finish();
    EXPLORE_CHECK(received[0] == 1, "what was sent has come");
}

static void a_chain(void)
{
    begin(0);
    start_child(receives_the_second, SECOND);
    start_child(passes_on, BOTH);
    finish();
    EXPLORE_CHECK(received[1] == 1, "what was passed on has come");
}

/* An interrupt ends a wait before we do, or after it; but it ends. */
static void receives_until_interrupted(struct thread *self)
{
    struct home home;
    enum channel_result result;

    settle(&home, self);
    thread_accept_interrupts(self, ignore_nudge, NULL);
    result = letter_receive(channels[0], &never);
    EXPLORE_CHECK(result == CHANNEL_CLOSED || result == CHANNEL_INTERRUPTED,
                  "a wait in vain ends");
    thread_refuse_interrupts();
    leave(&home);
}

static void interrupted_before(void)
{
    begin(0);
    start_child(receives_until_interrupted, FIRST);
    thread_interrupt(children[0], INTERRUPT_ALWAYS);
    finish();
}

/* With a reference of its own, and not closed before it is interrupted. */
static void interrupted_first(struct thread *self)
{
    struct home home;

    settle(&home, self);
    thread_accept_interrupts(self, ignore_nudge, NULL);
    EXPLORE_CHECK(letter_receive(channels[0], &never) == CHANNEL_INTERRUPTED,
                  "an interrupt that has come is seen");
    thread_refuse_interrupts();
    leave(&home);
}

static void interrupted_for_certain(void)
{
    begin(0);
    start_child(interrupted_first, FIRST);
    waiter_interrupt(children[0]->waiter, INTERRUPT_ALWAYS);
    finish();
}

/* Nobody is in a last wait: nothing is closed, and a message comes late. */
static void without_a_last_wait(void)
{
    begin(0);
    start_child(receives, FIRST);
    EXPLORE_CHECK(letter_send(channels[0], 0, &never) == CHANNEL_OK,
                  "nothing is closed outside of last waits");
    channel_close(channels[0]);
    finish();
    EXPLORE_CHECK(received[0] == 1, "what was sent has come");
}

/* A child that waits for one of its own: for the last time, or not. */
static void has_a_child(struct home *home, struct thread *self, bool last)
{
    struct thread *child;

    settle(home, self);
    child = new_child(FIRST);
    EXPLORE_CHECK(thread_start(child, false, true, receives) == 0,
                  "a thread starts");
    if (last) {
        thread_reap_last(child, true);
    } else {
        thread_accept_interrupts(self, ignore_nudge, NULL);
        EXPLORE_CHECK(thread_wait(child, &never) == WAIT_READY,
                      "a wait for somebody who waits in vain ends");
        thread_refuse_interrupts();
        thread_reap(child);
    }
    thread_release(child);
    leave(home);
}

static void waits_for_its_last(struct thread *self)
{
    struct home home;

    has_a_child(&home, self, true);
}

static void joins_its_own(struct thread *self)
{
    struct home home;

    has_a_child(&home, self, false);
}

static void a_grandchild(void)
{
    begin(0);
    start_child(waits_for_its_last, FIRST);
    finish();
}

static void a_grandchild_that_is_joined(void)
{
    begin(0);
    start_child(joins_its_own, FIRST);
    finish();
}

/* ---- at random ---- */

static void does_anything(struct thread *self)
{
    struct home home;
    unsigned left;

    settle(&home, self);
    for (left = 3; left > 0; left--) {
        struct channel *channel = channels[explore_choose(CHANNELS)];
        enum channel_result result;

        if (explore_choose(2))
            result = letter_send(channel, 1 + explore_choose(2), &never);
        else
            result = letter_receive(channel, &never);
        EXPLORE_CHECK(result == CHANNEL_OK || result == CHANNEL_CLOSED,
                      "an operation succeeds, or there is an end");
    }
    leave(&home);
}

static void anything(void)
{
    unsigned outsiders = explore_choose(3);

    begin(explore_choose(2));
    ledger.unordered = true;
    if (outsiders > 0)
        start_outsider(outsider_lets_go, 0);
    start_child(does_anything, BOTH);
    start_child(does_anything, BOTH);
    if (outsiders > 1)
        start_outsider(outsider_lets_go, 1);
    finish();
}

const struct explore_scenario scenarios_deadlock[] = {
    {"deadlock.receive", a_receive, 3, false, false},
    {"deadlock.select", a_select, 3, false, false},
    {"deadlock.send", a_send, 3, false, false},
    {"deadlock.last_holder", after_the_last_holder, 2, false, false},
    {"deadlock.two_holders", after_two_holders, 1, false, false},
    {"deadlock.last_message", after_the_last_message, 2, false, false},
    {"deadlock.of_a_select", of_a_select, 2, false, false},
    {"deadlock.two_children", two_children, 2, false, false},
    {"deadlock.one_child_sends", one_child_sends, 2, false, false},
    {"deadlock.chain", a_chain, 2, false, false},
    {"deadlock.interrupted", interrupted_before, 2, false, false},
    {"deadlock.interrupted_first", interrupted_for_certain, 2, false, false},
    {"deadlock.no_last_wait", without_a_last_wait, 2, false, false},
    {"deadlock.grandchild", a_grandchild, 2, false, false},
    {"deadlock.grandchild_joined", a_grandchild_that_is_joined, 2, false,
     false},
    {"deadlock.anything", anything, 0, false, false},
    {NULL, NULL, 0, false, false},
};
