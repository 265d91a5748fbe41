/* SPDX-License-Identifier: MIT
 *
 * A mailbox, and messages that say who has sent them, and as which.
 */
#ifndef TESTS_SUPPORT_STAMPS_H
#define TESTS_SUPPORT_STAMPS_H

#include "by_hand.h"
#include "check.h"
#include "mailbox.h"

static struct mailbox box;

struct stamp {
    unsigned sender, number;
};

static inline struct message *stamped(unsigned sender, unsigned number)
{
    struct stamp stamp = {sender, number};
    struct message *message = message_new();

    memcpy(extend(message, sizeof stamp), &stamp, sizeof stamp);
    return message;
}

static inline struct stamp stamp_of(const struct message *message)
{
    struct stamp stamp;

    memcpy(&stamp, message->bytes, sizeof stamp);
    return stamp;
}

static inline void push(unsigned number)
{
    CHECK(mailbox_push(&box, stamped(0, number)),
          "a message can be put into an open mailbox");
}

/* The number of the next message, which is freed; -1: there is none. */
static inline int pop(void)
{
    struct message *message = mailbox_pop_owner(&box);
    int number;

    if (message == NULL)
        return -1;
    number = (int)stamp_of(message).number;
    message_release(message);
    return number;
}

/* How many threads wait for a message. */
static inline unsigned sleeping(void)
{
    return ck_pr_load_uint(&box.arrival.waiting);
}

#endif
