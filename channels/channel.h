/* SPDX-License-Identifier: MIT
 *
 * A channel: a mailbox with a bound, a name and an end, for any number of
 * senders and receivers.
 *
 * Overview
 * --------
 * The messages lie in a mailbox (runtime/mailbox.h). Receivers take turns at
 * being its owner, by a lock that senders never touch. `sent` and `taken`
 * count messages for ever, each written by one side only; their difference is
 * how many are queued. A sender to a bounded channel first reserves room by
 * advancing `sent` with a compare-and-swap, then pushes.
 *
 * Waiting receivers sleep at the mailbox's `arrival`, waiting senders at
 * `room`. Each message wakes one receiver, each message taken one sender.
 *
 * Why nothing is lost or doubled
 * ------------------------------
 * A send is acknowledged when its push has succeeded, which is one
 * compare-and-swap. A push fails only if the channel has been closed, and then
 * the reservation is given back. Under the lock of the receivers a message is
 * popped once. The receiver then has it in hands, decodes it, and commits by
 * advancing `taken`; or it puts the message back in front, because it lacks the
 * memory for its values. Until it commits, the message counts as queued: it
 * keeps its room, and a channel that is closed and empty is not at its end as
 * long as `popped` and `taken` differ. Whoever commits the last message of a
 * closed channel wakes those who wait for the end.
 *
 * Why no message is overlooked
 * ----------------------------
 * Each message wakes one receiver of those who wait; one that came when nobody
 * waited wakes none. So who goes to sleep must know that there was a moment,
 * after he had entered the list, when the mailbox was empty: all that come
 * later wake somebody. But the mailbox has two parts, `incoming` and `ready`.
 * Between the looks at the one and at the other a message may come into the
 * first, and the receiver it has woken take an older one from the second: both
 * looks find nothing, and the new message lies there with nobody awake for it.
 * Hence `pops`, which is odd while a message is popped: if it was even before
 * both looks and the same after them, no message has gone meanwhile, so none
 * can have been there before them.
 *
 * Room: `taken` is advanced with an atomic read-modify-write before `room` is
 * woken, and a sender that is about to sleep looks at it once more after it
 * has entered the list (runtime/waitpoint.h). A sender reads both counters as
 * they were in one moment, and its compare-and-swap on `sent` fails if another
 * sender has come since; a receiver that has come since only made more room.
 *
 * A thread stopped at the worst instruction
 * -----------------------------------------
 * A sender between reservation and push keeps its place in the bound and
 * nothing else. A sender between push and wake-up: its message is there for
 * whoever looks, but a receiver that sleeps is woken late. A receiver with the
 * lock in its hands delays other receivers (who let it run), and no sender,
 * save that no room appears in a bounded channel meanwhile.
 *
 * The end of a channel
 * --------------------
 * A channel is a handle: it lives as long as a Lua state or a message has it,
 * and so does what is queued in it. Its name is a weak reference. A channel for
 * which threads wait of which nobody can do anything about it any more is
 * closed (runtime/deadlock.h).
 */
#ifndef CHANNELS_CHANNEL_H
#define CHANNELS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handle.h"
#include "mailbox.h"
#include "pollable.h"

/* What senders write, what receivers write, and what all read lies in cache
 * lines of its own. */
struct channel {
    struct handle handle;
    /* 0: unbounded. */
    uint64_t capacity;
    /* NULL: none. Not terminated; may contain anything. */
    char *name;
    size_t name_length;
    struct pollable pollable;
    /* Set after the mailbox has been closed, for receivers. */
    unsigned closed;
    struct waitpoint room;
    struct mailbox mailbox;
    /* The receivers', beside the mailbox's `ready`: the lock by which they take
     * turns; under it, how many messages have been popped and not returned, and
     * twice the number of all pops, odd in the middle of one; how many are gone
     * for good. */
    unsigned receiving, popped, pops, taken;
    char apart_from_receivers[64];
    /* The senders'; and whether a message has ever had a handle in it. */
    unsigned sent, carries;
    char apart_from_others[64];
};

enum channel_result {
    CHANNEL_OK,
    /* Nothing there, or no room, in time; at once if the deadline was. */
    CHANNEL_TIMEOUT,
    CHANNEL_CLOSED,
    CHANNEL_INTERRUPTED,
    CHANNEL_NO_MEMORY,
    CHANNEL_NAME_TAKEN
};

/* What a wait for a channel means for an operation on it. */
enum channel_result channel_result_of(enum wait_result result);

/* The class of the handles, and what the Lua side knows of it
 * (channels/lua_channel.c). */
extern const struct handle_class channel_class;
extern const struct lua_handle_binding lua_channel_binding;

/* A channel for at most `capacity` messages (0: any number), with a copy of
 * the name (NULL: none). The caller holds the first reference. */
enum channel_result channel_new(uint64_t capacity, const char *name,
                                size_t name_length, struct channel **channel);

/* The living channel of this name, with a reference for the caller; NULL:
 * none. Any thread. */
struct channel *channel_find(const char *name, size_t name_length);

/* All functions below: any thread that has a reference. */

/* Gives a message away, waiting for room until the deadline. The message is
 * still the caller's unless the result is CHANNEL_OK. */
enum channel_result channel_send(struct channel *channel,
                                 struct message *message,
                                 const struct deadline *deadline);

/* Takes the oldest message into the caller's hands, waiting for one until the
 * deadline. CHANNEL_CLOSED once the channel is closed and empty, and nobody has
 * a message in hands that might come back. After CHANNEL_OK the caller calls
 * channel_commit() or channel_return(), once. */
enum channel_result channel_receive(struct channel *channel,
                                    struct message **message,
                                    const struct deadline *deadline);

/* The same without waiting. */
enum channel_result channel_try_receive(struct channel *channel,
                                        struct message **message);

/* A message that was received is gone for good: it belongs to the caller, and
 * makes room for another. */
void channel_commit(struct channel *channel);

/* A message that was received is put back, in front. */
void channel_return(struct channel *channel, struct message *message);

/* The oldest message, which stays, with a reference for the caller to read it;
 * never waits. */
enum channel_result channel_peek(struct channel *channel,
                                 struct message **message);

/* Drops what is queued; how many. */
unsigned channel_clear(struct channel *channel);

/* No message is accepted from now on; everybody who waits wakes. */
void channel_close(struct channel *channel);
bool channel_is_closed(const struct channel *channel);

/* How many messages are queued. */
unsigned channel_count(const struct channel *channel);

/* Whether a receive would find a message or the end. */
bool channel_is_ready(const void *channel);

/* How to wait for that. */
void channel_await(struct wait_for *place, struct channel *channel);

/* A descriptor that is readable exactly while channel_is_ready(), made by the
 * first call; it belongs to the channel. Negative: -errno. */
int channel_descriptor(struct channel *channel);

#endif
