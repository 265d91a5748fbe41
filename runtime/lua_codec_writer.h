/* SPDX-License-Identifier: MIT
 *
 * Writes the bytes of lua_codec_format.h into a message.
 *
 * All functions return false when memory is exhausted. The message learns its
 * size in the end, from writer_close().
 */
#ifndef RUNTIME_LUA_CODEC_WRITER_H
#define RUNTIME_LUA_CODEC_WRITER_H

#include <string.h>

#include "lua_codec_format.h"
#include "lua_compat.h"
#include "message.h"

/* Where the next byte goes, and where the memory ends. */
struct writer {
    struct message *message;
    unsigned char *next, *end;
};

/* No value takes more than this, leaving aside what is of any length. */
#define WRITER_FIXED 16

static inline void writer_open(struct writer *w, struct message *message)
{
    w->message = message;
    w->next = message->bytes + message->size;
    w->end = message->bytes + message->capacity;
}

static inline void writer_close(struct writer *w)
{
    w->message->size = (size_t)(w->next - w->message->bytes);
}

/* How many bytes have been written. */
static inline size_t writer_place(const struct writer *w)
{
    return (size_t)(w->next - w->message->bytes);
}

bool writer_grow(struct writer *w, size_t size);

/* Makes sure of room for so many bytes. */
static inline bool writer_room(struct writer *w, size_t size)
{
    return (size_t)(w->end - w->next) >= size || writer_grow(w, size);
}

/* Where there is room. */
static inline void write_bytes(struct writer *w, const void *data, size_t size)
{
    memcpy(w->next, data, size);
    w->next += size;
}

static inline bool write_tag(struct writer *w, unsigned tag)
{
    if (!writer_room(w, WRITER_FIXED))
        return false;
    *w->next++ = (unsigned char)tag;
    return true;
}

/* A tag and at most 15 bytes. */
static inline bool write_tagged(struct writer *w, enum tag tag,
                                const void *data, size_t size)
{
    if (!write_tag(w, tag))
        return false;
    write_bytes(w, data, size);
    return true;
}

static inline bool write_integer(struct writer *w, lua_Integer integer)
{
    int32_t small = (int32_t)integer;

    if (integer >= 0 && integer < 128)
        return write_tag(w, TAG_SMALL_INTEGER + (unsigned)integer);
    if (small == integer)
        return write_tagged(w, TAG_INTEGER32, &small, sizeof small);
    return write_tagged(w, TAG_INTEGER64, &integer, sizeof integer);
}

bool write_long_text(struct writer *w, const char *text, size_t length);

static inline bool write_text(struct writer *w, const char *text, size_t length)
{
    if (length > UINT8_MAX)
        return write_long_text(w, text, length);
    if (!writer_room(w, WRITER_FIXED + length))
        return false;
    w->next[0] = TAG_STRING8;
    w->next[1] = (unsigned char)length;
    w->next += 2;
    write_bytes(w, text, length);
    return true;
}

#endif
