/* SPDX-License-Identifier: MIT
 *
 * A family of threads that have channels, for waits that nobody can end.
 *
 * The main thread is a state that is being closed: it holds channels, and waits
 * for its children for the last time. A child is given channels in its message,
 * as they travel between Lua states. An outsider has a reference that no party
 * is known to hold, as a message in flight or a C program has.
 */
#ifndef TESTS_SCHEDULES_FAMILY_H
#define TESTS_SCHEDULES_FAMILY_H

#include "deadlock.h"
#include "letters.h"
#include "party.h"
#include "select.h"
#include "thread.h"

#define CHANNELS 2
#define CHILDREN 2

static struct channel *channels[CHANNELS];
static struct party main_party;
static struct acting main_acting;
static struct holding main_holdings[CHANNELS];
static struct thread *children[CHILDREN];
static unsigned child_count;

/* ---- the main thread ---- */

static inline void hold(struct party *party, struct holding *holding,
                        struct handle *handle)
{
    *holding = (struct holding){.handle = handle};
    party_hold(party, holding);
}

/* As the finaliser of a handle does. */
static inline void let_go(struct holding *holding)
{
    struct handle *handle = holding->handle;

    holding->handle = NULL;
    party_let_go(holding);
    if (handle != NULL)
        handle_release(handle);
}

static inline void begin(uint64_t capacity)
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
static inline struct thread *new_child(unsigned given)
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

static inline void start_child(void (*body)(struct thread *), unsigned given)
{
    struct thread *thread = new_child(given);

    EXPLORE_CHECK(thread_start(thread, false, true, body) == 0,
                  "a thread starts");
    children[child_count++] = thread;
}

static inline void finish_children(void)
{
    unsigned i;

    for (i = 0; i < child_count; i++) {
        thread_reap_last(children[i], true);
        thread_release(children[i]);
    }
    child_count = 0;
}

static inline void finish(void)
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

static inline void settle(struct home *home, struct thread *self)
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

static inline void leave(struct home *home)
{
    unsigned i;

    for (i = 0; i < home->count; i++)
        let_go(&home->holdings[i]);
    party_forget(&home->thread->party);
}

static unsigned received[CHILDREN + 1];

/* What comes, until the end. */
static inline void receive_to_the_end(unsigned which)
{
    enum channel_result result;

    while ((result = letter_receive(channels[which], &never)) == CHANNEL_OK)
        received[which]++;
    EXPLORE_CHECK(result == CHANNEL_CLOSED, "a wait in vain ends");
}

static inline void receives(struct thread *self)
{
    struct home home;

    settle(&home, self);
    receive_to_the_end(0);
    leave(&home);
}

static inline void receives_the_second(struct thread *self)
{
    struct home home;

    settle(&home, self);
    receive_to_the_end(1);
    leave(&home);
}

/* ---- outsiders ---- */

static inline void outsider_lets_go(void *which)
{
    struct channel *channel = channels[number_of(which)];

    EXPLORE_CHECK(!channel_is_closed(channel),
                  "nothing is closed while somebody has it");
    handle_release(&channel->handle);
}

static inline void start_outsider(void (*body)(void *), unsigned which)
{
    handle_retain(&channels[which]->handle);
    explore_start("outsider", body, number(which));
}

#endif
