/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more: they end with "closed", all of them, and
 * no others do.
 *
 * The main thread is a state that is being closed: it holds channels, and waits
 * for its children for the last time. A child is given channels in its message,
 * as they travel between Lua states. An outsider has a reference that no party
 * is known to hold, as a message in flight or a C program has.
 */
#include "deadlock.h"
#include "letters.h"
#include "party.h"
#include "scenarios.h"
#include "select.h"
#include "thread.h"

#define CHANNELS 2
#define CHILDREN 2

static const struct deadline at_once = {.kind = DEADLINE_AT_ONCE};
static const struct deadline never = {.kind = DEADLINE_NEVER};

static struct channel *channels[CHANNELS];
static struct party main_party;
static struct acting main_acting;
static struct holding main_holdings[CHANNELS];
static struct thread *children[CHILDREN];
static unsigned child_count;

static void *number(unsigned value)
{
    return (void *)(uintptr_t)value;
}

/* ---- the main thread ---- */

static void hold(struct party *party, struct holding *holding,
                 struct handle *handle)
{
    *holding = (struct holding){.handle = handle};
    party_hold(party, holding);
}

/* As the finaliser of a handle does. */
static void let_go(struct holding *holding)
{
    struct handle *handle = holding->handle;

    holding->handle = NULL;
    party_let_go(holding);
    if (handle != NULL)
        handle_release(handle);
}

static void begin(uint64_t capacity)
{
    unsigned i;

    letters_begin();
    party_born(&main_party, NULL, NULL);
    party_rise(&main_party);
    party_enter(&main_acting, &main_party);
    for (i = 0; i < CHANNELS; i++) {
        channels[i] = letters_channel(capacity);
        hold(&main_party, &main_holdings[i], &channels[i]->handle);
    }
}

/* What a child is given. */
#define FIRST 1u
#define SECOND 2u
#define BOTH 3u

/* With these channels in its message. */
static struct thread *new_child(unsigned given)
{
    struct message *message = message_new();
    struct thread *thread;
    uint32_t place;
    unsigned i;

    for (i = 0; i < CHANNELS; i++)
        if (given & (1u << i))
            EXPLORE_CHECK(message_keep(message, &channels[i]->handle, &place),
                          "a message keeps a handle");
    thread = thread_new(message);
    party_set_parent(&thread->party, party_acting()->party);
    return thread;
}

static void start_child(void (*body)(struct thread *), unsigned given)
{
    struct thread *thread = new_child(given);

    EXPLORE_CHECK(thread_start(thread, false, true, body) == 0,
                  "a thread starts");
    children[child_count++] = thread;
}

static void finish_children(void)
{
    unsigned i;

    for (i = 0; i < child_count; i++) {
        thread_reap_last(children[i], true);
        thread_release(children[i]);
    }
    child_count = 0;
}

static void finish(void)
{
    unsigned i;

    finish_children();
    explore_join_all();
    for (i = 0; i < CHANNELS; i++)
        let_go(&main_holdings[i]);
    party_leave(&main_acting);
    party_gone(&main_party);
}

/* ---- children ---- */

struct home {
    struct thread *thread;
    struct holding holdings[CHANNELS];
    unsigned count;
};

static void settle(struct home *home, struct thread *self)
{
    struct message *message = mailbox_pop_owner(&self->inbox);
    unsigned i;

    *home = (struct home){.thread = self, .count = message->handle_count};
    EXPLORE_CHECK(thread_settle(self), "a child gets its waiter");
    for (i = 0; i < home->count; i++) {
        handle_retain(message->handles[i]);
        hold(&self->party, &home->holdings[i], message->handles[i]);
    }
    message_release(message);
}

static void leave(struct home *home)
{
    unsigned i;

    for (i = 0; i < home->count; i++)
        let_go(&home->holdings[i]);
    party_forget(&home->thread->party);
}

static unsigned received[CHILDREN + 1];

/* What comes, until the end. */
static void receive_to_the_end(unsigned which)
{
    enum channel_result result;

    while ((result = letter_receive(channels[which], &never)) == CHANNEL_OK)
        received[which]++;
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "a wait in vain ends");
}

static void receives(struct thread *self)
{
    struct home home;

    settle(&home, self);
    receive_to_the_end(0);
    leave(&home);
}

static void receives_the_second(struct thread *self)
{
    struct home home;

    settle(&home, self);
    receive_to_the_end(1);
    leave(&home);
}

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

/* ---- outsiders ---- */

static void outsider_lets_go(void *which)
{
    struct channel *channel = channels[(uintptr_t)which];

    EXPLORE_CHECK(!channel_is_closed(channel),
                  "nothing is closed while somebody has it");
    handle_release(&channel->handle);
}

static void outsider_sends(void *which)
{
    struct channel *channel = channels[(uintptr_t)which];

    EXPLORE_CHECK(letter_send(channel, 0, &at_once) == CHANNEL_OK,
                  "nothing is closed while somebody has it");
    outsider_lets_go(which);
}

static void start_outsider(void (*body)(void *), unsigned which)
{
    handle_retain(&channels[which]->handle);
    explore_start("outsider", body, number(which));
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

/* Who has been sent the channel may do something with it. */
static void outsider_sends_the_channel(void *unused)
{
    struct message *message = message_new();
    uint32_t place;

    (void)unused;
    EXPLORE_CHECK(message_keep(message, &channels[1]->handle, &place),
                  "a message keeps a handle");
    EXPLORE_CHECK(channel_send(channels[0], message, &at_once) == CHANNEL_OK,
                  "nothing is closed while somebody has it");
    handle_release(&channels[1]->handle);
    outsider_lets_go(number(0));
}

static void receives_a_channel(struct thread *self)
{
    struct message *message;
    struct home home;

    settle(&home, self);
    EXPLORE_CHECK(channel_receive(channels[0], &message, &never) == CHANNEL_OK,
                  "what can come is waited for");
    channel_commit(channels[0]);
    EXPLORE_CHECK(letter_send(channels[1], 1, &at_once) == CHANNEL_OK,
                  "a channel on its way is not closed");
    message_release(message);
    receive_to_the_end(0);
    leave(&home);
}

static void a_channel_on_its_way(void)
{
    begin(0);
    start_child(receives_the_second, SECOND);
    start_child(receives_a_channel, FIRST);
    handle_retain(&channels[1]->handle);
    start_outsider(outsider_sends_the_channel, 0);
    finish();
    EXPLORE_CHECK(received[1] == 1, "what was sent has come");
}

/* An interrupt ends a wait before we do, or after it; but it ends. */
static void nudged(void *unused)
{
    (void)unused;
}

static void receives_until_interrupted(struct thread *self)
{
    struct home home;
    enum channel_result result;

    settle(&home, self);
    thread_accept_interrupts(self, nudged, NULL);
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
    thread_accept_interrupts(self, nudged, NULL);
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

/* A state that can find a channel by its name may still do something. */
static struct party finder;

static void finds_and_sends(void *unused)
{
    struct acting acting;
    struct channel *found;

    (void)unused;
    party_enter(&acting, &finder);
    found = channel_find("name", 4);
    EXPLORE_CHECK(found != NULL, "a channel that somebody has is found");
    EXPLORE_CHECK(letter_send(found, 0, &at_once) == CHANNEL_OK,
                  "nothing is closed while somebody can find it");
    handle_release(&found->handle);
    party_leave(&acting);
    party_gone(&finder);
    deadlock_notice();
}

static void a_named_one(void)
{
    begin(0);
    let_go(&main_holdings[0]);
    EXPLORE_CHECK(channel_new(0, "name", 4, &channels[0]) == CHANNEL_OK,
                  "a name can be had");
    hold(&main_party, &main_holdings[0], &channels[0]->handle);
    party_born(&finder, NULL, NULL);
    party_rise(&finder);
    explore_start("finder", finds_and_sends, NULL);
    start_child(receives, FIRST);
    finish();
    EXPLORE_CHECK(received[0] == 1, "what was sent has come");
}

/* A thread that was never started has a channel in its message: it is its
 * parent's. */
static void held_by_one_never_started(void)
{
    struct thread *idle;

    begin(0);
    idle = new_child(FIRST);
    start_child(receives, FIRST);
    finish_children();
    thread_release(idle);
    finish();
}

/* A thread that has ended has left one in its outbox. */
static void leaves_a_channel(struct thread *self)
{
    struct message *message = mailbox_pop_owner(&self->inbox);

    EXPLORE_CHECK(mailbox_push(&self->outbox, message), "the outbox is open");
}

static void held_by_one_that_has_ended(void)
{
    struct thread *other;

    begin(0);
    other = new_child(FIRST);
    EXPLORE_CHECK(thread_start(other, false, true, leaves_a_channel) == 0,
                  "a thread starts");
    start_child(receives, FIRST);
    finish_children();
    thread_reap_last(other, true);
    thread_release(other);
    finish();
}

/* The same where it is about to come to rest when the last wait begins. */
static void sends_and_leaves(struct thread *self)
{
    EXPLORE_CHECK(letter_send(channels[1], 1, &at_once) == CHANNEL_OK,
                  "nothing is closed while somebody has it");
    leaves_a_channel(self);
}

static void held_by_one_that_comes_to_rest(void)
{
    struct thread *other;

    begin(0);
    other = new_child(FIRST);
    EXPLORE_CHECK(thread_start(other, false, true, sends_and_leaves) == 0,
                  "a thread starts");
    EXPLORE_CHECK(letter_receive(channels[1], &never) == CHANNEL_OK,
                  "what was sent has come");
    start_child(receives, FIRST);
    finish_children();
    thread_reap_last(other, true);
    thread_release(other);
    finish();
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
        thread_accept_interrupts(self, nudged, NULL);
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

/* The second channel lies in a message in the first. */
static void put_second_into_first(void)
{
    struct message *message = message_new();
    uint32_t place;

    EXPLORE_CHECK(message_keep(message, &channels[1]->handle, &place),
                  "a message keeps a handle");
    EXPLORE_CHECK(channel_send(channels[0], message, &never) == CHANNEL_OK,
                  "a message is sent");
}

static void a_channel_in_a_queue(void)
{
    begin(0);
    put_second_into_first();
    start_child(receives_the_second, SECOND);
    finish();
}

/* Who has the first can come by the second. */
static void outsider_finds_and_sends(void *unused)
{
    struct message *message;
    struct channel *second;

    (void)unused;
    EXPLORE_CHECK(channel_receive(channels[0], &message, &at_once) ==
                      CHANNEL_OK,
                  "what was sent is there");
    channel_commit(channels[0]);
    second = (struct channel *)message->handles[0];
    EXPLORE_CHECK(letter_send(second, 0, &at_once) == CHANNEL_OK,
                  "nothing is closed while somebody can come by it");
    message_release(message);
    outsider_lets_go(number(0));
}

static void a_channel_within_reach(void)
{
    begin(0);
    put_second_into_first();
    start_outsider(outsider_finds_and_sends, 0);
    start_child(receives_the_second, SECOND);
    finish();
    EXPLORE_CHECK(received[1] == 1, "what was sent has come");
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
    {"deadlock.on_its_way", a_channel_on_its_way, 1, false, false},
    {"deadlock.interrupted", interrupted_before, 2, false, false},
    {"deadlock.interrupted_first", interrupted_for_certain, 2, false, false},
    {"deadlock.no_last_wait", without_a_last_wait, 2, false, false},
    {"deadlock.named", a_named_one, 2, false, false},
    {"deadlock.never_started", held_by_one_never_started, 2, false, false},
    {"deadlock.has_ended", held_by_one_that_has_ended, 1, false, false},
    {"deadlock.comes_to_rest", held_by_one_that_comes_to_rest, 2, false, false},
    {"deadlock.grandchild", a_grandchild, 2, false, false},
    {"deadlock.grandchild_joined", a_grandchild_that_is_joined, 2, false,
     false},
    {"deadlock.in_a_queue", a_channel_in_a_queue, 2, false, false},
    {"deadlock.within_reach", a_channel_within_reach, 2, false, false},
    {"deadlock.anything", anything, 0, false, false},
    {NULL, NULL, 0, false, false},
};
