/* SPDX-License-Identifier: MIT */
#include "mailbox.h"

#include "handover.h"
#include "live.h"

_Static_assert(offsetof(struct message, link) == 0, "a link is its message");

void mailbox_init(struct mailbox *mailbox)
{
    ck_stack_init(&mailbox->incoming);
    mailbox->arrival = (struct waitpoint){0};
    mailbox->ready = NULL;
    live_born(LIVE_MAILBOXES);
}

void mailbox_destroy(struct mailbox *mailbox)
{
    struct message *message;

    while ((message = mailbox_pop_owner(mailbox)) != NULL)
        message_free(message);
    live_gone(LIVE_MAILBOXES);
}

void mailbox_push(struct mailbox *mailbox, struct message *message)
{
    HANDOVER_RELEASE(message);
    ck_stack_push_upmc(&mailbox->incoming, &message->link);
    waitpoint_wake(&mailbox->arrival);
}

static ck_stack_entry_t *reversed(ck_stack_entry_t *youngest)
{
    ck_stack_entry_t *oldest = NULL, *next;

    for (; youngest != NULL; youngest = next) {
        HANDOVER_ACQUIRE(youngest);
        next = youngest->next;
        youngest->next = oldest;
        oldest = youngest;
    }
    return oldest;
}

struct message *mailbox_peek_owner(struct mailbox *mailbox)
{
    if (mailbox->ready == NULL)
        mailbox->ready = reversed(ck_stack_batch_pop_upmc(&mailbox->incoming));
    return (struct message *)mailbox->ready;
}

struct message *mailbox_pop_owner(struct mailbox *mailbox)
{
    struct message *message = mailbox_peek_owner(mailbox);

    if (message != NULL)
        mailbox->ready = message->link.next;
    return message;
}

static bool has_message(const void *thing)
{
    const struct mailbox *mailbox = thing;

    return mailbox->ready != NULL ||
           ck_pr_load_ptr(&mailbox->incoming.head) != NULL;
}

enum wait_result mailbox_wait_owner(struct mailbox *mailbox,
                                    const struct deadline *deadline)
{
    return waitpoint_wait(&mailbox->arrival, has_message, mailbox, deadline);
}
