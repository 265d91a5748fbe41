/* SPDX-License-Identifier: MIT
 *
 * What the library does with more around it: waits for a mailbox alone, bytes
 * in a message that are no values.
 */
#ifndef TESTS_SUPPORT_BY_HAND_H
#define TESTS_SUPPORT_BY_HAND_H

#include "mailbox.h"

/* Waits at one thing, which anybody may make ready. */
static inline enum wait_result wait_at(struct waitpoint *point,
                                       bool (*ready)(const void *),
                                       const void *thing,
                                       const struct deadline *deadline)
{
    struct wait_for it = {.point = point, .ready = ready, .thing = thing};

    return waitpoint_wait_for(&it, deadline);
}

/* Whether there is a message, or never will be one. */
static inline bool has_message_or_end(const void *mailbox)
{
    return mailbox_has_message(mailbox) || mailbox_is_closed(mailbox);
}

/* Waits for that. */
static inline enum wait_result wait_at_mailbox(struct mailbox *mailbox,
                                               const struct deadline *deadline)
{
    return wait_at(&mailbox->arrival, has_message_or_end, mailbox, deadline);
}

/* Room for `size` bytes at the end; NULL: out of memory. */
static inline unsigned char *extend(struct message *message, size_t size)
{
    unsigned char *place;

    if (message->capacity - message->size < size &&
        !message_grow(message, size))
        return NULL;
    place = message->bytes + message->size;
    message->size += size;
    return place;
}

#endif
