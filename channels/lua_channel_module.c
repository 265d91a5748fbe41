/* SPDX-License-Identifier: MIT
 *
 * The functions of the module llthreads2.channel.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "lua_channel.h"
#include "lua_failure.h"
#include "lua_handle.h"
#include "select.h"

/* ---- new ---- */

struct options {
    uint64_t capacity;
    const char *name;
    size_t name_length;
};

static uint64_t check_capacity(lua_State *L, int index)
{
    int exact;
    lua_Integer capacity = lua_tointegerx(L, index, &exact);

    if (lua_type(L, index) != LUA_TNUMBER || !exact || capacity < 1)
        lua_refuse_argument(
            L, 1, "new",
            lua_pushfstring(L,
                            "capacity: integer of 1 or more expected, got %s",
                            luaL_tolstring(L, index, NULL)));
    return (uint64_t)capacity;
}

static void read_option(lua_State *L, const char *key, int value,
                        struct options *options)
{
    if (strcmp(key, "capacity") == 0) {
        options->capacity = check_capacity(L, value);
    } else if (strcmp(key, "name") == 0) {
        if (lua_type(L, value) != LUA_TSTRING)
            lua_refuse_argument(L, 1, "new",
                                lua_pushfstring(L,
                                                "name: string expected, got %s",
                                                luaL_typename(L, value)));
        options->name = lua_tolstring(L, value, &options->name_length);
    } else {
        lua_refuse_argument(L, 1, "new",
                            lua_pushfstring(L, "unknown option '%s'", key));
    }
}

/* The table keeps the name. */
static void read_options(lua_State *L, struct options *options)
{
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            lua_refuse_argument(L, 1, "new",
                                lua_pushfstring(L, "unknown option %s",
                                                luaL_tolstring(L, -2, NULL)));
        read_option(L, lua_tostring(L, -2), lua_gettop(L), options);
        lua_pop(L, 1);
    }
}

static void check_options(lua_State *L, struct options *options)
{
    switch (lua_type(L, 1)) {
    case LUA_TNONE:
    case LUA_TNIL:
        break;
    case LUA_TNUMBER:
        options->capacity = check_capacity(L, 1);
        break;
    case LUA_TTABLE:
        read_options(L, options);
        break;
    default:
        lua_refuse_type(L, 1, "new", "capacity or table of options");
    }
}

/* The object first, which holds nothing yet and may raise, then the channel. */
static int module_new(lua_State *L)
{
    struct options options = {0, NULL, 0};
    enum channel_result result;
    struct channel *channel;
    struct handle **box;

    check_options(L, &options);
    box = lua_handle_new(L, &channel_class);
    result = channel_new(options.capacity, options.name, options.name_length,
                         &channel);
    if (result == CHANNEL_NAME_TAKEN) {
        lua_pushlstring(L, options.name, options.name_length);
        return lua_refuse_argument(
            L, 1, "new",
            lua_pushfstring(L, "a channel named '%s' exists",
                            lua_tostring(L, -1)));
    }
    if (result != CHANNEL_OK)
        return lua_channel_fail(L, result);
    *box = &channel->handle;
    return 1;
}

/* ---- get, is ---- */

static int module_get(lua_State *L)
{
    struct channel *channel;
    struct handle **box;
    const char *name;
    size_t length;

    if (lua_type(L, 1) != LUA_TSTRING)
        lua_refuse_type(L, 1, "get", "string");
    name = lua_tolstring(L, 1, &length);
    box = lua_handle_new(L, &channel_class);
    channel = channel_find(name, length);
    if (channel == NULL) {
        lua_pushnil(L);
        lua_pushliteral(L, "not found");
        return 2;
    }
    *box = &channel->handle;
    return 1;
}

static int module_is(lua_State *L)
{
    lua_pushboolean(L, lua_channel_at(L, 1) != NULL);
    return 1;
}

/* ---- select ---- */

static void refuse_element(lua_State *L, int number, int index)
{
    const char *why = "channel has been collected";

    if (!lua_handle_is_spent(L, index))
        why = lua_pushfstring(L, "channel expected, got %s",
                              luaL_typename(L, index));
    lua_refuse_argument(L, 1, "select",
                        lua_pushfstring(L, "at [%d]: %s", number, why));
}

/* Pushes the list's channels, one after the other from index `first` on, so
 * that they stay alive; the list may change meanwhile. */
static unsigned push_channels(lua_State *L)
{
    size_t count, i;

    if (lua_type(L, 1) != LUA_TTABLE)
        lua_refuse_type(L, 1, "select", "table");
    count = lua_rawlen(L, 1);
    if (count > INT_MAX - 16 || !lua_checkstack(L, (int)count + 16))
        lua_refuse_argument(L, 1, "select", "too many channels");
    for (i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (int)i);
        if (lua_channel_at(L, -1) == NULL)
            refuse_element(L, (int)i, -1);
    }
    return (unsigned)count;
}

/* Where the next search begins: a random number, so that no pattern in the
 * calls keeps a channel from its turn. The generator (linear congruential, of
 * 32 bits, which a number holds in any Lua) is this state's. */
static unsigned next_start(lua_State *L, unsigned count)
{
    uint32_t state = (uint32_t)lua_tointeger(L, lua_upvalueindex(1));

    state = state * UINT32_C(1664525) + UINT32_C(1013904223);
    lua_pushinteger(L, (lua_Integer)state);
    lua_replace(L, lua_upvalueindex(1));
    return count == 0 ? 0 : (state >> 16) % count;
}

/* The channels of a select, which lie on the stack from index `first` on, and
 * where the search begins. */
struct choice {
    int first;
    unsigned count, start;
};

static struct channel *channel_of(lua_State *L, const struct choice *choice,
                                  unsigned number)
{
    int index = choice->first + (int)number;
    struct channel *channel = lua_channel_at(L, index);

    /* What has been made since may have called a finaliser. */
    if (channel == NULL)
        refuse_element(L, (int)number + 1, index);
    return channel;
}

/* Without waiting, and so without any memory. CHANNEL_TIMEOUT: none is ready.
 */
static enum channel_result select_ready(lua_State *L,
                                        const struct choice *choice,
                                        unsigned *which,
                                        struct message **message)
{
    enum channel_result result = CHANNEL_TIMEOUT;
    struct channel *channel;
    unsigned i;

    for (i = 0; i < choice->count && result == CHANNEL_TIMEOUT; i++) {
        *which = (choice->start + i) % choice->count;
        channel = channel_of(L, choice, *which);
        if (channel_is_ready(channel))
            result = channel_try_receive(channel, message);
    }
    return result;
}

/* The memory for it stays on the stack, at index `place`. */
static enum channel_result select_waiting(lua_State *L, int place,
                                          const struct choice *choice,
                                          const struct deadline *deadline,
                                          unsigned *which,
                                          struct message **message)
{
    struct wait_for *places =
        lua_newuserdatauv(L, (choice->count + 1) * sizeof *places, 0);
    unsigned i;

    lua_insert(L, place);
    for (i = 0; i < choice->count; i++) {
        channel_await(&places[i], channel_of(L, choice, i));
    }
    return select_receive(places, choice->count, choice->start, deadline, which,
                          message);
}

static int module_select(lua_State *L)
{
    struct deadline deadline = lua_check_timeout(L, 2, "select");
    struct choice choice = {.first = lua_gettop(L) + 1};
    struct message *message;
    enum channel_result result;
    unsigned which;
    int above, chosen;

    choice.count = push_channels(L);
    if (choice.count == 0 && deadline.kind == DEADLINE_NEVER)
        lua_refuse_argument(L, 1, "select",
                            "empty list, and no timeout: would wait for ever");
    choice.start = next_start(L, choice.count);
    above = lua_gettop(L) + 1;
    lua_pushnil(L);
    lua_channel_push_decoder(L);
    result = select_ready(L, &choice, &which, &message);
    if (result == CHANNEL_TIMEOUT)
        result = select_waiting(L, above, &choice, &deadline, &which, &message);
    if (result != CHANNEL_OK && result != CHANNEL_CLOSED)
        return lua_channel_fail(L, result);
    chosen = choice.first + (int)which;
    /* In the place of the nil below the decoder. */
    lua_pushvalue(L, chosen);
    lua_replace(L, -3);
    if (result == CHANNEL_OK)
        return 1 + lua_channel_push_received(L, lua_channel_at(L, chosen),
                                             chosen, message);
    lua_pop(L, 1);
    return 1 + lua_channel_fail(L, result);
}

/* ---- the table ---- */

static const luaL_Reg functions[] = {
    {"new", module_new},
    {"get", module_get},
    {"is", module_is},
    {NULL, NULL},
};

void lua_channel_push_module(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, module_select, 1);
    lua_setfield(L, -2, "select");
}
