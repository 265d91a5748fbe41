/* SPDX-License-Identifier: MIT
 *
 * A message: one typed buffer of values, and the handles it keeps alive.
 *
 * A message belongs to one thread at a time, until it is finished: then any
 * number of threads may read it, each with a reference of its own. Its bytes
 * are written by whoever makes it (runtime/lua_codec.h says what they mean) and
 * read by whoever it is given to. Small messages live in the structure itself
 * and cost no second allocation; those of middle size keep their buffer when
 * they are let go and made again.
 */
#ifndef RUNTIME_MESSAGE_H
#define RUNTIME_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handle.h"

/* What a message has room for without a buffer. */
#define MESSAGE_INLINE 40

/* A buffer of up to this size stays with a message that is empty again, and an
 * array for handles. */
#define MESSAGE_KEPT 1024

/* A text of which the message has no copy: it lies in the Lua state of whoever
 * has made the message, who keeps it there until the message has been read or
 * is gone. Or a copy of such a text. */
struct message_text {
    const char *text;
    size_t length;
    bool owned;
};

struct message_texts {
    uint32_t count, capacity;
    struct message_text items[];
};

/* Two cache lines: what a queue needs of a message, and its values if they are
 * few. */
struct message {
    /* The mailbox's. */
    _Alignas(64) struct message *next;
    /* Where its memory goes: runtime/message_pool.h. */
    struct message_pool *home;
    /* A message that the same thread has made a little earlier, or what once
     * was one: never to be followed, only to be fetched into the cache. */
    const void *earlier;
    unsigned char *bytes;
    size_t size, capacity;
    struct refcount references;
    /* How many values lie in the bytes, and how many tables and closures they
     * define. */
    uint32_t values, objects;
    uint32_t handle_count;
    /* Here begins the second line. */
    struct handle **handles;
    /* NULL: none. */
    struct message_texts *lent;
    uint32_t handle_capacity;
    /* Whether the maker promises to keep long texts where they are. */
    bool lends;
    /* Whether a table or closure is referred to again. */
    bool shared;
    /* How many places for strings the bytes refer to. */
    uint8_t texts;
    /* Free for what sender and receiver agree on. */
    uint8_t label;
    unsigned char small[MESSAGE_INLINE];
};

/* An empty message; NULL: out of memory. Any thread. */
struct message *message_new(void);

/* Another reference, for reading. Whoever has one. */
void message_retain(struct message *message);

/* Gives a reference back. The last one frees the message and lets go of its
 * handles. Any thread. */
void message_release(struct message *message);

/* Makes it empty as a new one, so that it can be filled again. Its only owner.
 */
void message_clear(struct message *message);

/* Makes room for `more` bytes. False: out of memory, nothing has changed. */
bool message_grow(struct message *message, size_t more);

/* Keeps a handle alive for as long as the message, and says under which
 * number it lies in `handles`. False: out of memory. */
bool message_keep(struct message *message, struct handle *handle,
                  uint32_t *number);

/* Notes a text that is lent, and says under which number it lies in `lent`.
 * False: out of memory. */
bool message_lend(struct message *message, const char *text, size_t length,
                  uint32_t *number);

/* Makes copies of what is lent: from now on its maker need not keep it. False:
 * out of memory; what has no copy is lent as before. Its only owner. */
bool message_own(struct message *message);

#endif
