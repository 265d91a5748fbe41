/* SPDX-License-Identifier: MIT */
#include "select.h"

static struct channel *channel_at(const struct wait_for *place)
{
    return (struct channel *)(uintptr_t)place->thing;
}

/* CHANNEL_TIMEOUT: none has anything. */
static enum channel_result try_all(struct wait_for *places, unsigned count,
                                   unsigned start, unsigned *which,
                                   struct message **message)
{
    enum channel_result result = CHANNEL_TIMEOUT;
    unsigned i;

    for (i = 0; i < count && result == CHANNEL_TIMEOUT; i++) {
        *which = (start + i) % count;
        result = channel_try_receive(channel_at(&places[*which]), message);
    }
    return result;
}

/* That nothing came in time is only said after a look at all of them under
 * their locks, like that of channel_receive(). */
enum channel_result select_receive(struct wait_for *places, unsigned count,
                                   unsigned start,
                                   const struct deadline *deadline,
                                   unsigned *which, struct message **message)
{
    enum channel_result result;
    enum wait_result waited;

    do {
        waited = waitpoint_wait_any(places, count, start, deadline, which);
        if (waited == WAIT_TIMEOUT)
            return try_all(places, count, start, which, message);
        if (waited != WAIT_READY)
            return channel_result_of(waited);
        result = channel_try_receive(channel_at(&places[*which]), message);
    } while (result == CHANNEL_TIMEOUT);
    return result;
}
