/* SPDX-License-Identifier: MIT
 *
 * Bytes to Lua values. See lua_codec.h.
 *
 * Each function here leaves one more value on the stack, or raises. Nothing is
 * held that a raise could leak.
 */
#include "lua_codec.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "lua_builtin.h"
#include "lua_codec_format.h"
#include "lua_codec_reader.h"
#include "lua_handle.h"

/* The room on the stack that a value needs, leaving aside its parts. */
#define STACK_VALUE 8

struct decoder {
    lua_State *L;
    struct reader r;
    /* What the values have beside their bytes; NULL for bytes from anywhere. */
    const struct message *message;
    /* How many more slots the tables may ask for. */
    uint64_t slots;
    /* The stack index of the numbered objects, a list that counts from 1; 0
     * if nothing in the message refers back. */
    int objects;
    uint32_t object_count;
    /* The stack index of the first place for a string, how many places there
     * are, and how many of them have been used. */
    int texts;
    unsigned text_places, text_count;
};

static inline void decode_value(struct decoder *d, int depth);
static inline void decode_key(struct decoder *d, int depth);

/* ---- values without parts ---- */

/* Places are used in their order first, in any order then. */
static void push_and_keep(struct decoder *d)
{
    unsigned place = read_byte(&d->r);

    if (place > d->text_count || place >= d->text_places)
        reader_reject(&d->r);
    push_string(&d->r, read_byte(&d->r));
    lua_copy(d->L, -1, d->texts + (int)place);
    d->text_count += place == d->text_count;
}

static inline void push_kept(struct decoder *d)
{
    unsigned place = read_byte(&d->r);

    if (place >= d->text_count)
        reader_reject(&d->r);
    lua_pushvalue(d->L, d->texts + (int)place);
}

/* Nobody can check an address. */
static inline void check_trusted(struct decoder *d)
{
    if (d->message == NULL)
        reader_reject(&d->r);
}

static void push_lightuserdata(struct decoder *d)
{
    void *pointer;

    check_trusted(d);
    read_into(&d->r, &pointer, sizeof pointer);
    lua_pushlightuserdata(d->L, pointer);
}

static void push_handle(struct decoder *d)
{
    uint32_t number;

    check_trusted(d);
    read_into(&d->r, &number, sizeof number);
    if (number >= d->message->handle_count)
        reader_reject(&d->r);
    lua_handle_push(d->L, d->message->handles[number]);
}

static void push_lent(struct decoder *d)
{
    const struct message_texts *lent;
    const struct message_text *text;
    uint32_t number;

    check_trusted(d);
    read_into(&d->r, &number, sizeof number);
    lent = d->message->lent;
    if (lent == NULL || number >= lent->count)
        reader_reject(&d->r);
    text = &lent->items[number];
    lua_pushlstring(d->L, text->text, text->length);
}

static void push_builtin(struct decoder *d)
{
    unsigned library;

    check_trusted(d);
    library = read_byte(&d->r);
    push_string(&d->r, read_byte(&d->r));
    if (!lua_builtin_push(d->L, library))
        reader_reject(&d->r);
}

/* ---- things with an identity ---- */

/* Gives the object on the top of the stack the next number. */
static void number_object(struct decoder *d)
{
    d->object_count++;
    if (d->objects == 0)
        return;
    if (d->object_count >= INT_MAX)
        reader_reject(&d->r);
    lua_pushvalue(d->L, -1);
    lua_rawseti(d->L, d->objects, (int)d->object_count);
}

static void push_reference(struct decoder *d)
{
    uint32_t number;

    read_into(&d->r, &number, sizeof number);
    if (d->objects == 0 || number >= d->object_count)
        reader_reject(&d->r);
    lua_rawgeti(d->L, d->objects, (int)number + 1);
}

/* Each slot that a table asks for is a byte of the message at least, and those
 * of a field are two. So all of them together are not more than the bytes of
 * the message, however often it promises what does not come. */
static void claim_slots(struct decoder *d, const struct table_sizes *sizes)
{
    uint64_t slots = sizes->array + 2 * (uint64_t)sizes->hash;

    if (slots > d->slots || sizes->array > INT_MAX || sizes->hash > INT_MAX)
        reader_reject(&d->r);
    d->slots -= slots;
}

static void push_empty_table(struct decoder *d, const struct table_sizes *sizes)
{
    claim_slots(d, sizes);
    luaL_checkstack(d->L, STACK_VALUE, NULL);
    lua_createtable(d->L, (int)sizes->array, (int)sizes->hash);
    number_object(d);
}

/* The depth is that of what is in the table. */
static void fill_table(struct decoder *d, const struct table_sizes *sizes,
                       int depth)
{
    const int array = (int)sizes->array, hash = (int)sizes->hash;
    int i;

    for (i = 1; i <= array; i++) {
        decode_value(d, depth);
        lua_rawseti(d->L, -2, i);
    }
    for (i = 0; i < hash; i++) {
        decode_key(d, depth);
        decode_value(d, depth);
        lua_rawset(d->L, -3);
    }
}

static void push_table(struct decoder *d, int depth)
{
    struct table_sizes sizes;

    read_into(&d->r, &sizes, sizeof sizes);
    push_empty_table(d, &sizes);
    fill_table(d, &sizes, depth + 1);
}

/* An upvalue may refer to its closure, so that comes first. */
static void push_cfunction(struct decoder *d, int depth)
{
    lua_CFunction function;
    uint8_t upvalues;
    int i;

    check_trusted(d);
    read_into(&d->r, &function, sizeof function);
    read_into(&d->r, &upvalues, sizeof upvalues);
    luaL_checkstack(d->L, upvalues + STACK_VALUE, NULL);
    for (i = 0; i < upvalues; i++)
        lua_pushnil(d->L);
    lua_pushcclosure(d->L, function, upvalues);
    if (upvalues > 0 || LUA_COMPAT_FUNCTIONS_ARE_OBJECTS)
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
        push_integer64(&d->r);
        break;
    case TAG_FLOAT:
        push_float(&d->r);
        break;
    case TAG_STRING32:
    case TAG_STRING64:
        push_string(&d->r, tag);
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
    case TAG_BUILTIN:
        push_builtin(d);
        break;
    default:
        reader_reject(&d->r);
    }
}

/* What long tables are made of is inlined where values follow each other. */
static inline bool decode_frequent(struct decoder *d, unsigned tag)
{
    if (tag >= TAG_SMALL_INTEGER)
        lua_pushinteger(d->L, (lua_Integer)tag - TAG_SMALL_INTEGER);
    else if (tag == TAG_INTEGER32)
        push_integer32(&d->r);
    else if (tag == TAG_KEPT)
        push_kept(d);
    else if (tag == TAG_STRING8)
        push_string8(&d->r);
    else
        return false;
    return true;
}

static inline unsigned read_tag(struct decoder *d, int depth)
{
    unsigned tag = read_byte(&d->r);

    if (depth > CODEC_MAX_DEPTH)
        reader_reject(&d->r);
    return tag;
}

static inline void decode_value(struct decoder *d, int depth)
{
    unsigned tag = read_tag(d, depth);

    if (!decode_frequent(d, tag))
        decode_tagged(d, tag, depth);
}

/* Neither nil nor what is no number is a key. */
static void decode_tagged_key(struct decoder *d, unsigned tag, int depth)
{
    decode_tagged(d, tag, depth);
    if (tag == TAG_NIL || (tag == TAG_FLOAT && isnan(lua_tonumber(d->L, -1))))
        reader_reject(&d->r);
}

static inline void decode_key(struct decoder *d, int depth)
{
    unsigned tag = read_tag(d, depth);

    if (!decode_frequent(d, tag))
        decode_tagged_key(d, tag, depth);
}

/* ---- messages ---- */

static void begin(struct decoder *d, lua_State *L, const void *bytes,
                  size_t size)
{
    *d = (struct decoder){.L = L, .slots = size};
    d->r = (struct reader){L, bytes, (const unsigned char *)bytes + size};
}

/* What is only needed on the way lies below the values. */
static void push_objects(struct decoder *d, uint32_t expected)
{
    lua_createtable(d->L, (int)(expected & INT_MAX), 0);
    d->objects = lua_gettop(d->L);
}

static void push_places(struct decoder *d, unsigned places)
{
    d->text_places = places;
    d->texts = lua_gettop(d->L) + 1;
    lua_settop(d->L, d->texts - 1 + (int)places);
}

static void remove_helpers(struct decoder *d, int count)
{
    int helpers = (d->objects > 0) + (int)d->text_places;

    if (helpers > 0) {
        lua_rotate(d->L, -helpers - count, count);
        lua_pop(d->L, helpers);
    }
}

static int count_values(lua_State *L, const struct message *message)
{
    char why[64];

    if (message->values > INT_MAX - UINT8_MAX - STACK_VALUE ||
        !lua_checkstack(L,
                        (int)message->values + message->texts + STACK_VALUE)) {
        snprintf(why, sizeof why, "too many values (%u) for the stack",
                 message->values);
        luaL_error(L, "%s", why);
    }
    return (int)message->values;
}

int codec_decode(lua_State *L, const struct message *message)
{
    struct decoder d;
    int count = count_values(L, message), i;

    begin(&d, L, message->bytes, message->size);
    d.message = message;
    if (message->shared)
        push_objects(&d, message->objects);
    if (message->texts > 0)
        push_places(&d, message->texts);
    for (i = 0; i < count; i++)
        decode_value(&d, 1);
    if (d.r.next != d.r.end)
        reader_reject(&d.r);
    remove_helpers(&d, count);
    return count;
}

int codec_decode_bytes(lua_State *L, const void *bytes, size_t size)
{
    struct decoder d;
    int count = 0;

    begin(&d, L, bytes, size);
    luaL_checkstack(L, UINT8_MAX + STACK_VALUE, NULL);
    push_objects(&d, 0);
    push_places(&d, UINT8_MAX);
    for (; d.r.next != d.r.end; count++) {
        luaL_checkstack(L, STACK_VALUE, "too many values");
        decode_value(&d, 1);
    }
    remove_helpers(&d, count);
    return count;
}
