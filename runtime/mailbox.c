/* SPDX-License-Identifier: MIT */
#include "mailbox.h"

#include <ck_pr.h>

#include "handover.h"
#include "live.h"

#define CLOSED ((uintptr_t)1)

static bool is_closed(const void *word)
{
    return (uintptr_t)word & CLOSED;
}

static struct message *youngest_in(void *word)
{
    return (struct message *)((uintptr_t)word & ~CLOSED);
}

void mailbox_init(struct mailbox *mailbox)
{
    *mailbox = (struct mailbox){.incoming = NULL};
    live_born(LIVE_MAILBOXES);
}

void mailbox_destroy(struct mailbox *mailbox)
{
    struct message *message;

    while ((message = mailbox_pop_owner(mailbox)) != NULL)
        message_release(message);
    live_gone(LIVE_MAILBOXES);
}

/* ---- any thread ---- */

bool mailbox_push(struct mailbox *mailbox, struct message *message)
{
    void *word = ck_pr_load_ptr(&mailbox->incoming);

    HANDOVER_RELEASE(message);
    do {
        if (is_closed(word))
            return false;
        message->next = word;
        ck_pr_fence_store_atomic();
    } while (!ck_pr_cas_ptr_value(&mailbox->incoming, word, message, &word));
    waitpoint_wake(&mailbox->arrival);
    return true;
}

void mailbox_close(struct mailbox *mailbox)
{
    void *word = ck_pr_load_ptr(&mailbox->incoming);

    while (!is_closed(word) &&
           !ck_pr_cas_ptr_value(&mailbox->incoming, word,
                                (void *)((uintptr_t)word | CLOSED), &word))
        ;
    waitpoint_wake_all(&mailbox->arrival);
}

bool mailbox_is_closed(const struct mailbox *mailbox)
{
    return is_closed(ck_pr_load_ptr(&mailbox->incoming));
}

bool mailbox_is_ready(const struct mailbox *mailbox)
{
    return ck_pr_load_ptr(&mailbox->ready) != NULL ||
           ck_pr_load_ptr(&mailbox->incoming) != NULL;
}

static bool is_ready(const void *mailbox)
{
    return mailbox_is_ready(mailbox);
}

enum wait_result mailbox_wait(struct mailbox *mailbox,
                              const struct deadline *deadline)
{
    return waitpoint_wait(&mailbox->arrival, is_ready, mailbox, deadline);
}

/* ---- the owner ---- */

static struct message *take_batch(struct mailbox *mailbox)
{
    void *word = ck_pr_load_ptr(&mailbox->incoming);

    while (youngest_in(word) != NULL &&
           !ck_pr_cas_ptr_value(&mailbox->incoming, word,
                                (void *)((uintptr_t)word & CLOSED), &word))
        ;
    ck_pr_fence_acquire();
    return youngest_in(word);
}

static struct message *reversed(struct message *youngest, unsigned *count)
{
    struct message *oldest = NULL, *next;

    for (*count = 0; youngest != NULL; youngest = next, ++*count) {
        HANDOVER_ACQUIRE(youngest);
        next = youngest->next;
        youngest->next = oldest;
        oldest = youngest;
    }
    return oldest;
}

/* Makes the oldest message the first of `ready`. The caller is going to take
 * `taken` of the messages (0 or 1); whoever missed the others is woken. */
static struct message *find_oldest(struct mailbox *mailbox, unsigned taken)
{
    struct message *oldest = mailbox->ready;
    unsigned count;

    if (oldest != NULL || (oldest = take_batch(mailbox)) == NULL)
        return oldest;
    oldest = reversed(oldest, &count);
    ck_pr_store_ptr(&mailbox->ready, oldest);
    if (count > taken) {
        ck_pr_fence_memory();
        waitpoint_wake_some(&mailbox->arrival, count - taken);
    }
    return oldest;
}

struct message *mailbox_peek_owner(struct mailbox *mailbox)
{
    return find_oldest(mailbox, 0);
}

struct message *mailbox_pop_owner(struct mailbox *mailbox)
{
    struct message *message = find_oldest(mailbox, 1);

    if (message != NULL)
        ck_pr_store_ptr(&mailbox->ready, message->next);
    return message;
}

void mailbox_return_owner(struct mailbox *mailbox, struct message *message)
{
    message->next = mailbox->ready;
    ck_pr_store_ptr(&mailbox->ready, message);
    ck_pr_fence_memory();
    waitpoint_wake(&mailbox->arrival);
}
