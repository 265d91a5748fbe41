/* SPDX-License-Identifier: MIT
 *
 * Bytes to Lua values. See lua_codec.h.
 *
 * Each function here leaves one more value on the stack, or raises. Nothing is
 * held that a raise could leak.
 */
#include "lua_codec.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>

#include "lua_codec_format.h"
#include "lua_handle.h"

struct decoder {
    lua_State *L;
    const struct message *message;
    const unsigned char *next, *end;
    /* The stack index of the numbered objects, a list that counts from 1; 0
     * if nothing in the message refers back. */
    int objects;
    uint32_t object_count;
    /* The stack index of the first place for a string, and how many of the
     * places have been used. */
    int texts;
    unsigned text_count;
};

static inline void decode_value(struct decoder *d, int depth);

/* ---- reading ---- */

static _Noreturn void malformed(struct decoder *d)
{
    luaL_error(d->L, "malformed message");
    abort();
}

static inline const unsigned char *take(struct decoder *d, size_t size)
{
    const unsigned char *place = d->next;

    if ((size_t)(d->end - d->next) < size)
        malformed(d);
    d->next += size;
    return place;
}

static inline void read(struct decoder *d, void *data, size_t size)
{
    memcpy(data, take(d, size), size);
}

/* ---- values without parts ---- */

static inline void push_integer32(struct decoder *d)
{
    int32_t integer;

    read(d, &integer, sizeof integer);
    lua_pushinteger(d->L, integer);
}

static void push_integer64(struct decoder *d)
{
    lua_Integer integer;

    read(d, &integer, sizeof integer);
    lua_pushinteger(d->L, integer);
}

static inline void push_float(struct decoder *d)
{
    lua_Number number;

    read(d, &number, sizeof number);
    lua_pushnumber(d->L, number);
}

static inline void push_text(struct decoder *d, size_t length)
{
    lua_pushlstring(d->L, (const char *)take(d, length), length);
}

static void push_string32(struct decoder *d)
{
    uint32_t length;

    read(d, &length, sizeof length);
    push_text(d, length);
}

static void push_string64(struct decoder *d)
{
    uint64_t length;

    read(d, &length, sizeof length);
    if (length > SIZE_MAX)
        malformed(d);
    push_text(d, (size_t)length);
}

/* Places are used in their order first, in any order then. */
static void push_and_keep(struct decoder *d)
{
    unsigned place = *take(d, 1), tag = *take(d, 1);

    if (place > d->text_count || place >= d->message->texts)
        malformed(d);
    switch (tag) {
    case TAG_STRING8:
        push_text(d, *take(d, 1));
        break;
    case TAG_STRING32:
        push_string32(d);
        break;
    case TAG_STRING64:
        push_string64(d);
        break;
    default:
        malformed(d);
    }
    lua_copy(d->L, -1, d->texts + (int)place);
    d->text_count += place == d->text_count;
}

static inline void push_kept(struct decoder *d)
{
    unsigned place = *take(d, 1);

    if (place >= d->text_count)
        malformed(d);
    lua_pushvalue(d->L, d->texts + (int)place);
}

static void push_lightuserdata(struct decoder *d)
{
    void *pointer;

    read(d, &pointer, sizeof pointer);
    lua_pushlightuserdata(d->L, pointer);
}

static void push_handle(struct decoder *d)
{
    uint32_t number;

    read(d, &number, sizeof number);
    if (number >= d->message->handle_count)
        malformed(d);
    lua_handle_push(d->L, d->message->handles[number]);
}

static void push_lent(struct decoder *d)
{
    const struct message_texts *lent = d->message->lent;
    uint32_t number;

    read(d, &number, sizeof number);
    if (lent == NULL || number >= lent->count)
        malformed(d);
    lua_pushlstring(d->L, lent->items[number].text, lent->items[number].length);
}

/* ---- things with an identity ---- */

/* Gives the object on the top of the stack the next number. */
static void number_object(struct decoder *d)
{
    d->object_count++;
    if (d->objects == 0)
        return;
    lua_pushvalue(d->L, -1);
    lua_rawseti(d->L, d->objects, d->object_count);
}

static void push_reference(struct decoder *d)
{
    uint32_t number;

    read(d, &number, sizeof number);
    if (d->objects == 0 || number >= d->object_count)
        malformed(d);
    lua_rawgeti(d->L, d->objects, (lua_Integer)number + 1);
}

/* A table of no more slots than its fields can need, each of which takes a
 * byte at least. */
static void push_empty_table(struct decoder *d, const struct table_sizes *sizes)
{
    size_t left = (size_t)(d->end - d->next);

    if (sizes->array > left || sizes->hash > left / 2 ||
        sizes->array > INT_MAX || sizes->hash > INT_MAX)
        malformed(d);
    luaL_checkstack(d->L, 6, NULL);
    lua_createtable(d->L, (int)sizes->array, (int)sizes->hash);
    number_object(d);
}

/* The depth is that of what is in the table. */
static void fill_table(struct decoder *d, const struct table_sizes *sizes,
                       int depth)
{
    uint32_t i;

    for (i = 1; i <= sizes->array; i++) {
        decode_value(d, depth);
        lua_rawseti(d->L, -2, i);
    }
    for (i = 0; i < sizes->hash; i++) {
        decode_value(d, depth);
        decode_value(d, depth);
        lua_rawset(d->L, -3);
    }
}

static void push_table(struct decoder *d, int depth)
{
    struct table_sizes sizes;

    read(d, &sizes, sizeof sizes);
    push_empty_table(d, &sizes);
    fill_table(d, &sizes, depth + 1);
}

/* An upvalue may refer to its closure, so that comes first. */
static void push_cfunction(struct decoder *d, int depth)
{
    lua_CFunction function;
    uint8_t upvalues;
    int i;

    read(d, &function, sizeof function);
    read(d, &upvalues, sizeof upvalues);
    luaL_checkstack(d->L, upvalues + 6, NULL);
    for (i = 0; i < upvalues; i++)
        lua_pushnil(d->L);
    lua_pushcclosure(d->L, function, upvalues);
    if (upvalues > 0)
        number_object(d);
    for (i = 1; i <= upvalues; i++) {
        decode_value(d, depth + 1);
        lua_setupvalue(d->L, -2, i);
    }
}

/* ---- all of them ---- */

static void decode_tagged(struct decoder *d, unsigned tag, int depth)
{
    switch (tag) {
    case TAG_NIL:
        lua_pushnil(d->L);
        break;
    case TAG_FALSE:
    case TAG_TRUE:
        lua_pushboolean(d->L, tag == TAG_TRUE);
        break;
    case TAG_INTEGER64:
        push_integer64(d);
        break;
    case TAG_FLOAT:
        push_float(d);
        break;
    case TAG_STRING32:
        push_string32(d);
        break;
    case TAG_STRING64:
        push_string64(d);
        break;
    case TAG_TABLE:
        push_table(d, depth);
        break;
    case TAG_REFERENCE:
        push_reference(d);
        break;
    case TAG_LIGHTUSERDATA:
        push_lightuserdata(d);
        break;
    case TAG_CFUNCTION:
        push_cfunction(d, depth);
        break;
    case TAG_HANDLE:
        push_handle(d);
        break;
    case TAG_KEEP:
        push_and_keep(d);
        break;
    case TAG_LENT:
        push_lent(d);
        break;
    default:
        malformed(d);
    }
}

/* What long tables are made of is inlined where values follow each other. */
static inline void decode_value(struct decoder *d, int depth)
{
    unsigned tag = *take(d, 1);

    if (depth > CODEC_MAX_DEPTH)
        malformed(d);
    if (tag >= TAG_SMALL_INTEGER)
        lua_pushinteger(d->L, (lua_Integer)tag - TAG_SMALL_INTEGER);
    else if (tag == TAG_INTEGER32)
        push_integer32(d);
    else if (tag == TAG_KEPT)
        push_kept(d);
    else if (tag == TAG_STRING8)
        push_text(d, *take(d, 1));
    else
        decode_tagged(d, tag, depth);
}

static int count_values(lua_State *L, const struct message *message)
{
    if (message->values > INT_MAX - UINT8_MAX - 8 ||
        !lua_checkstack(L, (int)message->values + message->texts + 8))
        luaL_error(L, "too many values (%I) for the stack",
                   (LUAI_UACINT)message->values);
    return (int)message->values;
}

/* What is only needed on the way lies below the values. */
static void push_helpers(struct decoder *d)
{
    if (d->message->shared) {
        lua_createtable(d->L, (int)(d->message->objects & INT_MAX), 0);
        d->objects = lua_gettop(d->L);
    }
    if (d->message->texts > 0) {
        d->texts = lua_gettop(d->L) + 1;
        lua_settop(d->L, d->texts - 1 + d->message->texts);
    }
}

static void remove_helpers(struct decoder *d, int count)
{
    int helpers = d->message->shared + d->message->texts;

    if (helpers > 0) {
        lua_rotate(d->L, -helpers - count, count);
        lua_pop(d->L, helpers);
    }
}

int codec_decode(lua_State *L, const struct message *message)
{
    struct decoder d = {.L = L,
                        .message = message,
                        .next = message->bytes,
                        .end = message->bytes + message->size};
    int count = count_values(L, message), i;

    push_helpers(&d);
    for (i = 0; i < count; i++)
        decode_value(&d, 1);
    if (d.next != d.end)
        malformed(&d);
    remove_helpers(&d, count);
    return count;
}
