/* SPDX-License-Identifier: MIT
 *
 * Bytes to values: a little machine that makes objects and puts them into each
 * other. Any bytes are a program; where they end, zeros follow.
 */
#include <math.h>

#include "channel.h"
#include "fuzz.h"
#include "lua_handle.h"

#define OBJECTS 200
#define VALUES 250
/* Of all long strings of an input. */
#define TEXT ((size_t)200 << 10)
#define CHAIN 128

struct maker {
    lua_State *L;
    const uint8_t *next, *end;
    size_t text_left;
    /* The stack indices of two lists: all objects, and the values to be. */
    int objects, values;
    unsigned object_count, value_count;
};

static unsigned byte(struct maker *m)
{
    return m->next < m->end ? *m->next++ : 0;
}

static void bytes(struct maker *m, void *data, size_t size)
{
    uint8_t *place = data;

    while (size-- > 0)
        *place++ = (uint8_t)byte(m);
}

/* ---- values without parts ---- */

static void push_near_border(struct maker *m)
{
    static const lua_Integer borders[] = {
        0,         127,       255,        INT16_MAX, INT32_MAX,
        INT32_MIN, INT64_MAX, UINT32_MAX, 1LL << 53, -(1LL << 53)};
    lua_Integer border = borders[byte(m) % (sizeof borders / sizeof *borders)];
    lua_Unsigned near = byte(m) % 5;

    lua_pushinteger(m->L, (lua_Integer)((lua_Unsigned)border + near - 2));
}

static void push_any_integer(struct maker *m)
{
    lua_Integer integer;

    bytes(m, &integer, sizeof integer);
    lua_pushinteger(m->L, integer);
}

static void push_special_float(struct maker *m)
{
    static const lua_Number floats[] = {
        0.0,      -0.0,      1.0,    -1.0,  0.5,    NAN,     -(lua_Number)NAN,
        INFINITY, -INFINITY, 5e-324, 1e308, 0x1p53, -0x1p63, 0x1p63};

    lua_pushnumber(m->L, floats[byte(m) % (sizeof floats / sizeof *floats)]);
}

static void push_any_float(struct maker *m)
{
    lua_Number number;

    bytes(m, &number, sizeof number);
    lua_pushnumber(m->L, number);
}

static void push_short_string(struct maker *m)
{
    char text[16];
    size_t length = byte(m) % sizeof text;

    bytes(m, text, length);
    lua_pushlstring(m->L, text, length);
}

/* What is a border for somebody: Lua's short strings, a length of one byte, a
 * message that keeps its buffer, a string that is lent. */
static void push_string_of_length(struct maker *m)
{
    static const size_t lengths[] = {
        0,   1,    39,   40,   41,   127,   128,   254,   255,  256,
        257, 1023, 1024, 1025, 4096, 20000, 65535, 65536, 65537};
    size_t length = lengths[byte(m) % (sizeof lengths / sizeof *lengths)];
    int fill = (int)byte(m);
    luaL_Buffer buffer;

    if (length > m->text_left)
        length = 0;
    m->text_left -= length;
    memset(luaL_buffinitsize(m->L, &buffer, length), fill, length);
    luaL_pushresultsize(&buffer, length);
}

/* From so few that they come again and again. */
static void push_name(struct maker *m)
{
    lua_pushfstring(m->L, "k%d", (int)(byte(m) % 24));
}

static void push_long_name(struct maker *m)
{
    lua_pushfstring(m->L, "a name that is not among the short strings %d",
                    (int)(byte(m) % 8));
}

static void push_pointer(struct maker *m)
{
    unsigned number = byte(m);

    lua_pushlightuserdata(m->L, number == 255 ? (void *)UINTPTR_MAX
                                              : (void *)(uintptr_t)number);
}

static int plain_one(lua_State *L)
{
    return lua_gettop(L);
}

static int plain_two(lua_State *L)
{
    return lua_gettop(L) + 1;
}

static const lua_CFunction functions[] = {plain_one, plain_two};

static void push_leaf(struct maker *m)
{
    switch (byte(m) % 16) {
    case 0:
        lua_pushnil(m->L);
        break;
    case 1:
        lua_pushboolean(m->L, byte(m) % 2 != 0);
        break;
    case 2:
        push_near_border(m);
        break;
    case 3:
        push_any_integer(m);
        break;
    case 4:
        push_special_float(m);
        break;
    case 5:
        push_any_float(m);
        break;
    case 6:
        push_short_string(m);
        break;
    case 7:
        push_string_of_length(m);
        break;
    case 8:
    case 9:
        push_name(m);
        break;
    case 10:
        push_long_name(m);
        break;
    case 11:
        push_pointer(m);
        break;
    case 12:
        lua_pushcfunction(m->L, functions[byte(m) % 2]);
        break;
    default:
        lua_pushinteger(m->L, (lua_Integer)byte(m) - 64);
    }
}

/* ---- objects ---- */

/* Takes the object from the stack. */
static void keep_object(struct maker *m)
{
    lua_rawseti(m->L, m->objects, (int)++m->object_count);
}

static void push_object(struct maker *m)
{
    if (m->object_count == 0)
        lua_pushnil(m->L);
    else
        lua_rawgeti(m->L, m->objects, (int)(byte(m) % m->object_count) + 1);
}

static void push_any(struct maker *m)
{
    if (byte(m) % 2 == 0)
        push_object(m);
    else
        push_leaf(m);
}

/* The first upvalue is its label. */
static void push_closure(struct maker *m, lua_Integer label)
{
    static const uint8_t counts[] = {0, 1, 2, 3, 4, 20, 253, 254};
    int count = counts[byte(m) % sizeof counts], i;

    lua_pushinteger(m->L, label);
    for (i = 0; i < count; i++)
        if (i < 4)
            push_any(m);
        else
            lua_pushinteger(m->L, i);
    lua_pushcclosure(m->L, functions[byte(m) % 2], count + 1);
}

static void push_thing(lua_State *L)
{
    struct handle **place = lua_handle_new(L, &thing_class);

    *place = new_thing();
}

static void push_channel(lua_State *L)
{
    struct handle **place = lua_handle_new(L, &channel_class);
    struct channel *channel;

    MUST(channel_new(0, NULL, 0, &channel) == CHANNEL_OK,
         "there is memory for a channel");
    *place = (struct handle *)channel;
}

/* Objects one in the other: as places, as fields, as keys, as upvalues. The
 * innermost is one to be used, too. */
static void push_chain(struct maker *m)
{
    unsigned length = byte(m) % CHAIN, kind = byte(m) % 4, i;

    lua_newtable(m->L);
    lua_pushvalue(m->L, -1);
    keep_object(m);
    for (i = 0; i < length; i++) {
        if (kind == 3) {
            lua_pushinteger(m->L, (lua_Integer)m->object_count * 1000 + i);
            lua_rotate(m->L, -2, 1);
            lua_pushcclosure(m->L, plain_one, 2);
            continue;
        }
        lua_newtable(m->L);
        lua_rotate(m->L, -2, 1);
        if (kind == 0) {
            lua_rawseti(m->L, -2, 1);
        } else if (kind == 1) {
            lua_setfield(m->L, -2, "next");
        } else {
            lua_pushboolean(m->L, true);
            lua_rawset(m->L, -3);
        }
    }
}

static void make_object(struct maker *m)
{
    lua_Integer label = (lua_Integer)m->object_count * 1000 + 999;

    if (m->object_count >= OBJECTS)
        return;
    switch (byte(m) % 16) {
    case 0:
    case 1:
    case 2:
        push_closure(m, label);
        break;
    case 3:
        push_thing(m->L);
        break;
    case 4:
        push_channel(m->L);
        break;
    case 5:
        push_misfit(m->L, byte(m) % MISFITS);
        break;
    case 6:
        push_chain(m);
        break;
    default:
        lua_newtable(m->L);
    }
    keep_object(m);
}

/* ---- what is in them ---- */

static bool may_be_key(lua_State *L, int index)
{
    return !lua_isnil(L, index) && lua_rawequal(L, index, index);
}

static void set_field(struct maker *m)
{
    int top = lua_gettop(m->L);

    push_object(m);
    push_any(m);
    push_any(m);
    if (lua_istable(m->L, top + 1) && may_be_key(m->L, top + 2))
        lua_rawset(m->L, top + 1);
    lua_settop(m->L, top);
}

/* Some places in a row, from `place` on. */
static void set_places(struct maker *m, lua_Integer place, unsigned count)
{
    int top = lua_gettop(m->L);

    push_object(m);
    while (lua_istable(m->L, top + 1) && count-- > 0) {
        push_any(m);
        lua_rawseti(m->L, top + 1, (int)place++);
    }
    lua_settop(m->L, top);
}

/* A long list of integers, or a part of it that gets lost. */
static void fill_list(struct maker *m)
{
    int top = lua_gettop(m->L);
    unsigned from = byte(m), count = byte(m), kind = byte(m), i;

    push_object(m);
    for (i = from; lua_istable(m->L, top + 1) && i < from + count; i++) {
        if (kind % 2 == 0)
            lua_pushinteger(m->L, i * kind);
        else
            lua_pushnil(m->L);
        lua_rawseti(m->L, top + 1, (int)i);
    }
    lua_settop(m->L, top);
}

/* Not the first, which is the label. */
static void set_upvalue(struct maker *m)
{
    int top = lua_gettop(m->L), number = (int)(byte(m) % 4) + 2;

    push_object(m);
    push_any(m);
    if (lua_iscfunction(m->L, top + 1))
        (void)lua_setupvalue(m->L, top + 1, number);
    lua_settop(m->L, top);
}

static void add_value(struct maker *m)
{
    if (m->value_count >= VALUES)
        return;
    push_any(m);
    lua_rawseti(m->L, m->values, (int)++m->value_count);
}

static void step(struct maker *m)
{
    unsigned place;

    switch (byte(m) % 10) {
    case 0:
    case 1:
    case 2:
        make_object(m);
        break;
    case 3:
    case 4:
        set_field(m);
        break;
    case 5:
        set_places(m, 1, byte(m) % 8 + 1);
        break;
    case 6:
        place = byte(m);
        set_places(m, (lua_Integer)place - 8, 1);
        break;
    case 7:
        fill_list(m);
        break;
    case 8:
        set_upvalue(m);
        break;
    default:
        add_value(m);
    }
}

void push_values(lua_State *L, const uint8_t *data, size_t size)
{
    struct maker m = {.L = L,
                      .next = data,
                      .end = data + size,
                      .text_left = TEXT,
                      .objects = 1,
                      .values = 2};
    lua_Integer i;

    lua_settop(L, 0);
    MUST(lua_checkstack(L, VALUES + 300), "there is room on the stack");
    lua_newtable(L);
    lua_newtable(L);
    while (m.next < m.end)
        step(&m);
    /* The last object is worth to be seen. */
    lua_rawgeti(L, m.objects, (int)m.object_count);
    for (i = 1; i <= (lua_Integer)m.value_count; i++)
        lua_rawgeti(L, m.values, (int)i);
    lua_remove(L, 1);
    lua_remove(L, 1);
}
