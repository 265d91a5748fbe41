/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <stdlib.h>
#include <string.h>

#include "lockword.h"
#include "name.h"

/* ---- birth and death ---- */

static void destroy(struct handle *handle)
{
    struct channel *channel = (struct channel *)handle;

    if (channel->name != NULL)
        name_forget(channel);
    pollable_destroy(&channel->pollable);
    mailbox_destroy(&channel->mailbox);
    free(channel->name);
    free(channel);
}

static void give_up(struct handle *handle)
{
    channel_close((struct channel *)handle);
}

static void each_within(struct handle *handle, void (*count)(struct handle *))
{
    struct channel *channel = (struct channel *)handle;

    if (!ck_pr_load_uint(&channel->carries))
        return;
    lockword_lock(&channel->receiving);
    mailbox_each_handle_owner(&channel->mailbox, count);
    lockword_unlock_idle(&channel->receiving);
}

const struct handle_class channel_class = {
    .name = "channel",
    .destroy = destroy,
    .give_up = give_up,
    .each_within = each_within,
    .binding = &lua_channel_binding,
};

static enum channel_result take_name(struct channel *channel, const char *name,
                                     size_t length)
{
    if (name == NULL)
        return CHANNEL_OK;
    channel->name = malloc(length + 1);
    if (channel->name == NULL)
        return CHANNEL_NO_MEMORY;
    memcpy(channel->name, name, length);
    channel->name_length = length;
    channel->handle.findable = true;
    return name_register(channel);
}

enum channel_result channel_new(uint64_t capacity, const char *name,
                                size_t name_length, struct channel **channel)
{
    struct channel *made = calloc(1, sizeof *made);
    enum channel_result result;

    if (made == NULL)
        return CHANNEL_NO_MEMORY;
    handle_init(&made->handle, &channel_class);
    mailbox_init(&made->mailbox);
    pollable_init(&made->pollable);
    made->capacity = capacity;
    result = take_name(made, name, name_length);
    if (result == CHANNEL_OK)
        *channel = made;
    else
        handle_release(&made->handle);
    return result;
}

struct channel *channel_find(const char *name, size_t name_length)
{
    return name_find(name, name_length);
}

/* ---- conditions ---- */

/* Closed, and nothing is in anybody's hands; if it is empty, for good. */
static bool is_over(const struct channel *channel)
{
    unsigned taken = ck_pr_load_uint(&channel->taken);

    ck_pr_fence_load();
    return channel_is_closed(channel) &&
           ck_pr_load_uint(&channel->popped) == taken;
}

/* See the essay: the mailbox has two parts, which are looked at one after the
 * other. Who is popping will look himself, and tell what has changed. */
bool channel_is_ready(const void *thing)
{
    const struct channel *channel = thing;
    unsigned pops, again = ck_pr_load_uint(&channel->pops);

    do {
        pops = again;
        ck_pr_fence_load();
        if (pops & 1 || mailbox_has_message(&channel->mailbox) ||
            is_over(channel))
            return true;
        ck_pr_fence_load();
        again = ck_pr_load_uint(&channel->pops);
    } while (again != pops);
    return false;
}

bool channel_is_closed(const struct channel *channel)
{
    return mailbox_is_closed(&channel->mailbox);
}

/* How many are queued, and the `sent` of that moment. Both counters belong
 * together if `taken` has not moved while `sent` was read. */
static unsigned count_at(const struct channel *channel, unsigned *sent)
{
    unsigned taken, again = ck_pr_load_uint(&channel->taken);

    do {
        taken = again;
        ck_pr_fence_load();
        *sent = ck_pr_load_uint(&channel->sent);
        ck_pr_fence_load();
        again = ck_pr_load_uint(&channel->taken);
    } while (again != taken);
    return *sent - taken;
}

unsigned channel_count(const struct channel *channel)
{
    unsigned sent;

    return count_at(channel, &sent);
}

static bool has_room(const void *thing)
{
    const struct channel *channel = thing;

    return channel_count(channel) < channel->capacity ||
           channel_is_closed(channel);
}

static void changed(struct channel *channel)
{
    pollable_update(&channel->pollable, channel_is_ready, channel);
}

enum channel_result channel_result_of(enum wait_result result)
{
    switch (result) {
    case WAIT_READY:
        return CHANNEL_OK;
    case WAIT_TIMEOUT:
        return CHANNEL_TIMEOUT;
    case WAIT_INTERRUPTED:
        return CHANNEL_INTERRUPTED;
    default:
        return CHANNEL_NO_MEMORY;
    }
}

/* ---- senders ---- */

/* False: no room. */
static bool reserve(struct channel *channel)
{
    unsigned sent;

    if (channel->capacity == 0) {
        ck_pr_inc_uint(&channel->sent);
        return true;
    }
    do {
        if (count_at(channel, &sent) >= channel->capacity)
            return false;
    } while (!ck_pr_cas_uint(&channel->sent, sent, sent + 1));
    return true;
}

static enum wait_result wait_for_room(struct channel *channel,
                                      const struct deadline *deadline)
{
    struct wait_for room = {
        .point = &channel->room,
        .ready = has_room,
        .thing = channel,
        .handle = &channel->handle,
    };

    return waitpoint_wait_for(&room, deadline);
}

static enum channel_result push(struct channel *channel,
                                struct message *message)
{
    if (message->handle_count > 0 && !ck_pr_load_uint(&channel->carries))
        ck_pr_store_uint(&channel->carries, 1);
    if (!mailbox_push(&channel->mailbox, message)) {
        ck_pr_dec_uint(&channel->sent);
        return CHANNEL_CLOSED;
    }
    changed(channel);
    return CHANNEL_OK;
}

enum channel_result channel_send(struct channel *channel,
                                 struct message *message,
                                 const struct deadline *deadline)
{
    enum wait_result waited = WAIT_READY;

    while (waited == WAIT_READY) {
        if (reserve(channel))
            return push(channel, message);
        if (channel_is_closed(channel))
            return CHANNEL_CLOSED;
        waited = wait_for_room(channel, deadline);
    }
    return channel_result_of(waited);
}

/* ---- receivers ---- */

/* `count` messages that were popped are gone for good. */
static void commit(struct channel *channel, unsigned count)
{
    ck_pr_add_uint(&channel->taken, count);
    if (channel->capacity != 0)
        waitpoint_wake_some(&channel->room, count);
    ck_pr_fence_atomic_load();
    if (ck_pr_load_uint(&channel->closed))
        waitpoint_wake_all(&channel->mailbox.arrival);
    changed(channel);
}

/* Under the lock. NULL: none. */
static struct message *pop(struct channel *channel)
{
    struct message *message = mailbox_peek_owner(&channel->mailbox);

    if (message == NULL)
        return NULL;
    ck_pr_store_uint(&channel->pops, channel->pops + 1);
    ck_pr_fence_store();
    (void)mailbox_pop_owner(&channel->mailbox);
    ck_pr_store_uint(&channel->popped, channel->popped + 1);
    ck_pr_fence_store();
    ck_pr_store_uint(&channel->pops, channel->pops + 1);
    return message;
}

/* Under the lock, and after an attempt to take a message has failed: a push
 * may have come before the close in between. */
static enum channel_result why_empty(struct channel *channel)
{
    if (!is_over(channel))
        return CHANNEL_TIMEOUT;
    return mailbox_peek_owner(&channel->mailbox) == NULL ? CHANNEL_CLOSED
                                                         : CHANNEL_OK;
}

/* Always under the lock: "timeout" must be true of some moment of the call, and
 * mailbox_has_message() may miss what others have just done. */
enum channel_result channel_try_receive(struct channel *channel,
                                        struct message **message)
{
    enum channel_result result = CHANNEL_OK;

    lockword_lock(&channel->receiving);
    do {
        *message = pop(channel);
    } while (*message == NULL && (result = why_empty(channel)) == CHANNEL_OK);
    lockword_unlock_idle(&channel->receiving);
    return result;
}

void channel_await(struct wait_for *place, struct channel *channel)
{
    *place = (struct wait_for){
        .point = &channel->mailbox.arrival,
        .ready = channel_is_ready,
        .thing = channel,
        .handle = &channel->handle,
    };
}

static enum wait_result wait_for_arrival(struct channel *channel,
                                         const struct deadline *deadline)
{
    struct wait_for arrival;

    channel_await(&arrival, channel);
    return waitpoint_wait_for(&arrival, deadline);
}

enum channel_result channel_receive(struct channel *channel,
                                    struct message **message,
                                    const struct deadline *deadline)
{
    enum wait_result waited = WAIT_READY;
    enum channel_result result;

    while (waited == WAIT_READY) {
        result = channel_try_receive(channel, message);
        if (result != CHANNEL_TIMEOUT)
            return result;
        waited = wait_for_arrival(channel, deadline);
    }
    return channel_result_of(waited);
}

void channel_commit(struct channel *channel)
{
    commit(channel, 1);
}

void channel_return(struct channel *channel, struct message *message)
{
    lockword_lock(&channel->receiving);
    mailbox_return_owner(&channel->mailbox, message);
    ck_pr_store_uint(&channel->popped, channel->popped - 1);
    lockword_unlock_idle(&channel->receiving);
    changed(channel);
}

enum channel_result channel_peek(struct channel *channel,
                                 struct message **message)
{
    enum channel_result result = CHANNEL_OK;

    lockword_lock(&channel->receiving);
    do {
        *message = mailbox_peek_owner(&channel->mailbox);
    } while (*message == NULL && (result = why_empty(channel)) == CHANNEL_OK);
    if (*message != NULL)
        message_retain(*message);
    lockword_unlock_idle(&channel->receiving);
    return result;
}

/* What is queued now, as a list; what is sent meanwhile is not waited for. */
static struct message *take_all(struct channel *channel, unsigned *count)
{
    struct message *oldest = NULL, **end = &oldest;
    unsigned most;

    lockword_lock(&channel->receiving);
    most = channel_count(channel);
    for (*count = 0; *count < most; ++*count) {
        *end = pop(channel);
        if (*end == NULL)
            break;
        end = &(*end)->next;
    }
    *end = NULL;
    lockword_unlock_idle(&channel->receiving);
    return oldest;
}

unsigned channel_clear(struct channel *channel)
{
    unsigned count;
    struct message *message = take_all(channel, &count), *next;

    if (count > 0)
        commit(channel, count);
    for (; message != NULL; message = next) {
        next = message->next;
        message_release(message);
    }
    return count;
}

/* ---- the end ---- */

void channel_close(struct channel *channel)
{
    mailbox_close(&channel->mailbox);
    (void)ck_pr_fas_uint(&channel->closed, 1);
    /* Again: who commits the last message may have looked just before. */
    waitpoint_wake_all(&channel->mailbox.arrival);
    waitpoint_wake_all(&channel->room);
    changed(channel);
}

int channel_descriptor(struct channel *channel)
{
    return pollable_open(&channel->pollable, channel_is_ready, channel);
}
