/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "message_pool.h"

_Static_assert(offsetof(struct message, handles) == 64 &&
                   sizeof(struct message) == 128,
               "a message is two cache lines");

static void make_empty(struct message *message)
{
    message->size = 0;
    message->values = message->objects = 0;
    message->shared = false;
    message->lends = false;
    message->texts = 0;
    message->label = 0;
    message->handle_count = 0;
}

struct message *message_new(void)
{
    struct message *message = message_pool_take();

    if (message == NULL)
        return NULL;
    if (message->bytes == NULL) {
        message->bytes = message->small;
        message->capacity = sizeof message->small;
    }
    refcount_init(&message->references);
    make_empty(message);
    return message;
}

/* A small array stays, as a small buffer does. */
static void release_handles(struct message *message)
{
    uint32_t i;

    for (i = 0; i < message->handle_count; i++)
        handle_release(message->handles[i]);
    if (message->handle_capacity * sizeof *message->handles <= MESSAGE_KEPT)
        return;
    free(message->handles);
    message->handles = NULL;
    message->handle_capacity = 0;
}

static void release_lent(struct message *message)
{
    struct message_text *text = message->lent->items;
    uint32_t i;

    for (i = 0; i < message->lent->count; i++, text++)
        if (text->owned)
            (void)block_resize((void *)(uintptr_t)text->text, text->length, 0);
    free(message->lent);
    message->lent = NULL;
}

void message_clear(struct message *message)
{
    if (message->handles != NULL)
        release_handles(message);
    if (message->lent != NULL)
        release_lent(message);
    if (message->capacity > MESSAGE_KEPT) {
        (void)block_resize(message->bytes, message->capacity, 0);
        message->bytes = message->small;
        message->capacity = sizeof message->small;
    }
    make_empty(message);
}

void message_retain(struct message *message)
{
    refcount_take(&message->references);
}

void message_release(struct message *message)
{
    if (!refcount_is_sole(&message->references) &&
        !refcount_give(&message->references))
        return;
    message_clear(message);
    message_pool_give(message);
}

/* At least twice the old capacity, so that filling stays linear. */
static size_t new_capacity(const struct message *message, size_t more)
{
    size_t needed = message->size + more;
    size_t doubled = message->capacity * 2;

    if (needed < more || doubled < message->capacity)
        return 0;
    return needed > doubled ? needed : doubled;
}

bool message_grow(struct message *message, size_t more)
{
    size_t capacity = new_capacity(message, more);
    bool inside = message->bytes == message->small;
    unsigned char *bytes;

    if (capacity == 0)
        return false;
    capacity = block_room(capacity);
    bytes = block_resize(inside ? NULL : message->bytes, message->capacity,
                         capacity);
    if (bytes == NULL)
        return false;
    if (inside)
        memcpy(bytes, message->small, message->size);
    message->bytes = bytes;
    message->capacity = capacity;
    return true;
}

static bool grow_handles(struct message *message)
{
    uint32_t capacity = message->handle_capacity * 2 + 4;
    struct handle **handles;

    if (capacity < message->handle_capacity)
        return false;
    handles = realloc(message->handles, capacity * sizeof *handles);
    if (handles == NULL)
        return false;
    message->handles = handles;
    message->handle_capacity = capacity;
    return true;
}

bool message_keep(struct message *message, struct handle *handle,
                  uint32_t *number)
{
    if (message->handle_count == message->handle_capacity &&
        !grow_handles(message))
        return false;
    handle_retain(handle);
    *number = message->handle_count;
    message->handles[message->handle_count++] = handle;
    return true;
}

static bool grow_lent(struct message *message)
{
    uint32_t count = message->lent == NULL ? 0 : message->lent->count;
    uint32_t capacity = count * 2 + 4;
    struct message_texts *lent;

    if (capacity < count)
        return false;
    lent =
        realloc(message->lent, sizeof *lent + capacity * sizeof *lent->items);
    if (lent == NULL)
        return false;
    lent->count = count;
    lent->capacity = capacity;
    message->lent = lent;
    return true;
}

bool message_lend(struct message *message, const char *text, size_t length,
                  uint32_t *number)
{
    if ((message->lent == NULL ||
         message->lent->count == message->lent->capacity) &&
        !grow_lent(message))
        return false;
    *number = message->lent->count++;
    message->lent->items[*number] =
        (struct message_text){text, length, .owned = false};
    return true;
}

static bool own(struct message_text *text)
{
    char *copy;

    if (text->owned)
        return true;
    copy = block_resize(NULL, 0, text->length);
    if (copy == NULL)
        return false;
    memcpy(copy, text->text, text->length);
    text->text = copy;
    text->owned = true;
    return true;
}

bool message_own(struct message *message)
{
    uint32_t i, count = message->lent == NULL ? 0 : message->lent->count;

    for (i = 0; i < count; i++)
        if (!own(&message->lent->items[i]))
            return false;
    return true;
}
