/* SPDX-License-Identifier: MIT */
#include "mailbox.h"

#include <ck_pr.h>

#include "handover.h"
#include "live.h"

#define CLOSED ((uintptr_t)1)
#define TURNING ((uintptr_t)2)
#define BITS (CLOSED | TURNING)

static uintptr_t bits_of(const void *word)
{
    return (uintptr_t)word & BITS;
}

static struct message *youngest_in(void *word)
{
    return (struct message *)((uintptr_t)word & ~BITS);
}

static void *word_of(const struct message *youngest, uintptr_t bits)
{
    return (void *)((uintptr_t)youngest | bits);
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

    do {
        if (bits_of(word) & CLOSED)
            return false;
        message->next = youngest_in(word);
        HANDOVER_RELEASE(message);
        ck_pr_fence_release();
    } while (!ck_pr_cas_ptr_value(&mailbox->incoming, word,
                                  word_of(message, bits_of(word)), &word));
    waitpoint_wake(&mailbox->arrival);
    return true;
}

void mailbox_close(struct mailbox *mailbox)
{
    void *word = ck_pr_load_ptr(&mailbox->incoming);

    while (!(bits_of(word) & CLOSED) &&
           !ck_pr_cas_ptr_value(&mailbox->incoming, word, word_of(word, CLOSED),
                                &word))
        ;
    waitpoint_wake_all(&mailbox->arrival);
}

bool mailbox_is_closed(const struct mailbox *mailbox)
{
    return bits_of(ck_pr_load_ptr(&mailbox->incoming)) & CLOSED;
}

bool mailbox_has_message(const struct mailbox *mailbox)
{
    void *word = ck_pr_load_ptr(&mailbox->incoming);

    if (youngest_in(word) != NULL || bits_of(word) & TURNING)
        return true;
    ck_pr_fence_load();
    return ck_pr_load_ptr(&mailbox->ready) != NULL;
}

/* ---- the owner ---- */

/* Leaves the bit of a batch that is being turned, if there is one. */
static struct message *take_batch(struct mailbox *mailbox)
{
    void *word = ck_pr_load_ptr(&mailbox->incoming);

    while (youngest_in(word) != NULL &&
           !ck_pr_cas_ptr_value(&mailbox->incoming, word,
                                word_of(NULL, bits_of(word) | TURNING), &word))
        ;
    ck_pr_fence_acquire();
    return youngest_in(word);
}

static void show_batch(struct mailbox *mailbox, struct message *oldest)
{
    void *word;

    ck_pr_store_ptr(&mailbox->ready, oldest);
    ck_pr_fence_release();
    word = ck_pr_load_ptr(&mailbox->incoming);
    while (!ck_pr_cas_ptr_value(
        &mailbox->incoming, word,
        word_of(youngest_in(word), bits_of(word) & ~TURNING), &word))
        ;
}

/* Each message is in the cache of the processor that has sent it, and only
 * there one finds the address of the next: by far the longest part of a
 * receive, if one waited for them one after the other. */
static struct message *reversed(struct message *youngest)
{
    struct message *oldest = NULL, *next;

    for (; youngest != NULL; youngest = next) {
        HANDOVER_ACQUIRE(youngest);
        next = youngest->next;
        __builtin_prefetch(youngest->earlier, 1);
        __builtin_prefetch(youngest->small);
        youngest->next = oldest;
        oldest = youngest;
    }
    return oldest;
}

struct message *mailbox_peek_owner(struct mailbox *mailbox)
{
    struct message *oldest = mailbox->ready;

    if (oldest != NULL || (oldest = take_batch(mailbox)) == NULL)
        return oldest;
    oldest = reversed(oldest);
    show_batch(mailbox, oldest);
    return oldest;
}

struct message *mailbox_pop_owner(struct mailbox *mailbox)
{
    struct message *message = mailbox_peek_owner(mailbox);

    if (message != NULL)
        ck_pr_store_ptr(&mailbox->ready, message->next);
    return message;
}

static void each_handle(const struct message *first,
                        void (*visit)(struct handle *))
{
    const struct message *message;
    uint32_t i;

    for (message = first; message != NULL; message = message->next) {
        HANDOVER_ACQUIRE(message);
        for (i = 0; i < message->handle_count; i++)
            visit(message->handles[i]);
    }
}

void mailbox_each_handle_owner(struct mailbox *mailbox,
                               void (*visit)(struct handle *))
{
    const struct message *youngest =
        youngest_in(ck_pr_load_ptr(&mailbox->incoming));

    ck_pr_fence_acquire();
    each_handle(youngest, visit);
    each_handle(mailbox->ready, visit);
}

void mailbox_return_owner(struct mailbox *mailbox, struct message *message)
{
    message->next = mailbox->ready;
    ck_pr_store_ptr(&mailbox->ready, message);
    ck_pr_fence_memory();
    waitpoint_wake(&mailbox->arrival);
}
