/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more, where the channel can be come by: it has
 * a name, or lies in a message, a queue, or with a thread at rest.
 */
#include "family.h"

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

const struct explore_scenario scenarios_deadlock_reach[] = {
    {"deadlock.on_its_way", a_channel_on_its_way, 1, false, false},
    {"deadlock.named", a_named_one, 2, false, false},
    {"deadlock.never_started", held_by_one_never_started, 2, false, false},
    {"deadlock.has_ended", held_by_one_that_has_ended, 1, false, false},
    {"deadlock.comes_to_rest", held_by_one_that_comes_to_rest, 2, false, false},
    {"deadlock.in_a_queue", a_channel_in_a_queue, 2, false, false},
    {"deadlock.within_reach", a_channel_within_reach, 2, false, false},
    {NULL, NULL, 0, false, false},
};
