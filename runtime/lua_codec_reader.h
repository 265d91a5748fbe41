/* SPDX-License-Identifier: MIT
 *
 * Reads the bytes of lua_codec_format.h, of which nothing is believed: a length
 * is compared with what is left before it is used.
 *
 * All functions raise if the bytes end too early.
 */
#ifndef RUNTIME_LUA_CODEC_READER_H
#define RUNTIME_LUA_CODEC_READER_H

#include <stddef.h>
#include <string.h>

#include "lua_codec_format.h"
#include "lua_compat.h"

/* Where the next byte comes from, and where they end. */
struct reader {
    lua_State *L;
    const unsigned char *next, *end;
};

/* Raises "malformed message". */
_Noreturn void reader_reject(struct reader *r);

/* So many bytes. */
static inline const unsigned char *read_bytes(struct reader *r, size_t size)
{
    const unsigned char *place = r->next;

    if ((size_t)(r->end - r->next) < size)
        reader_reject(r);
    r->next += size;
    return place;
}

static inline unsigned read_byte(struct reader *r)
{
    return *read_bytes(r, 1);
}

static inline void read_into(struct reader *r, void *data, size_t size)
{
    memcpy(data, read_bytes(r, size), size);
}

/* ---- onto the stack ---- */

static inline void push_integer32(struct reader *r)
{
    int32_t integer;

    read_into(r, &integer, sizeof integer);
    lua_pushinteger(r->L, integer);
}

static inline void push_integer64(struct reader *r)
{
    lua_Integer integer;

    read_into(r, &integer, sizeof integer);
    lua_pushinteger(r->L, integer);
}

static inline void push_float(struct reader *r)
{
    lua_Number number;

    read_into(r, &number, sizeof number);
    lua_pushnumber(r->L, number);
}

/* Of this length. */
static inline void push_text(struct reader *r, size_t length)
{
    lua_pushlstring(r->L, (const char *)read_bytes(r, length), length);
}

static inline void push_string8(struct reader *r)
{
    push_text(r, read_byte(r));
}

/* Whose tag has been read; what is no string is rejected. */
void push_string(struct reader *r, unsigned tag);

#endif
