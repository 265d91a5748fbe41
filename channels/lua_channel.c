/* SPDX-License-Identifier: MIT
 *
 * The methods of a channel object.
 */
#include "lua_channel.h"

#include <math.h>
#include <string.h>

#include "lua_codec.h"
#include "lua_failure.h"
#include "lua_handle.h"
#include "lua_interrupt.h"

struct channel *lua_channel_at(lua_State *L, int index)
{
    struct handle *handle = lua_handle_at(L, index);

    if (handle == NULL || handle->class != &channel_class)
        return NULL;
    return (struct channel *)handle;
}

static struct channel *check_channel(lua_State *L, const char *function)
{
    struct channel *channel = lua_channel_at(L, 1);

    if (channel == NULL && lua_handle_is_spent(L, 1))
        lua_refuse_argument(L, 1, function, "channel has been collected");
    if (channel == NULL)
        lua_refuse_type(L, 1, function, "channel");
    return channel;
}

/* ---- results ---- */

int lua_channel_fail(lua_State *L, enum channel_result result)
{
    switch (result) {
    case CHANNEL_TIMEOUT:
        return lua_fail(L, "timeout");
    case CHANNEL_CLOSED:
        return lua_fail(L, "closed");
    case CHANNEL_INTERRUPTED:
        return lua_interrupt_raise(L);
    default:
        return lua_compat_raise_no_memory(L);
    }
}

static int decode(lua_State *L)
{
    const struct message *message = lua_touserdata(L, 1);

    lua_settop(L, 0);
    lua_pushboolean(L, 1);
    return 1 + codec_decode(L, message);
}

void lua_channel_push_decoder(lua_State *L)
{
    lua_pushcfunction(L, decode);
}

/* Replaces the decoder on the top of the stack by true and the values, or by an
 * error. */
static int decode_protected(lua_State *L, struct message *message)
{
    lua_pushlightuserdata(L, message);
    return lua_pcall(L, 1, LUA_MULTRET, 0);
}

int lua_channel_push_received(lua_State *L, struct channel *channel, int index,
                              struct message *message)
{
    unsigned *uses = lua_handle_uses(L, index);
    int below = lua_gettop(L) - 1, status;

    ++*uses;
    status = decode_protected(L, message);
    --*uses;
    if (status != LUA_OK) {
        channel_return(channel, message);
        return lua_error(L);
    }
    channel_commit(channel);
    message_release(message);
    return lua_gettop(L) - below;
}

/* ---- send ---- */

/* A message of the arguments from number `first` on; the caller owns it. */
static struct message *encode(lua_State *L, int first, const char *function)
{
    struct codec_fault fault;
    struct message *message =
        codec_encode_new(L, first, lua_gettop(L), false, &fault);

    if (message == NULL)
        codec_raise(L, &fault, function);
    return message;
}

static int send(lua_State *L, struct channel *channel, int first,
                const struct deadline *deadline, const char *function)
{
    struct message *message = encode(L, first, function);
    enum channel_result result = channel_send(channel, message, deadline);

    if (result != CHANNEL_OK) {
        message_release(message);
        return lua_channel_fail(L, result);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int channel_method_send(lua_State *L)
{
    struct channel *channel = check_channel(L, "send");
    struct deadline never = deadline_never();

    return send(L, channel, 2, &never, "send");
}

static int channel_method_timed_send(lua_State *L)
{
    struct channel *channel = check_channel(L, "timed_send");
    struct deadline deadline = lua_check_timeout(L, 2, "timed_send");

    return send(L, channel, 3, &deadline, "timed_send");
}

static int channel_method_try_send(lua_State *L)
{
    struct channel *channel = check_channel(L, "try_send");
    struct deadline at_once = deadline_after(0);
    struct message *message = encode(L, 2, "try_send");
    enum channel_result result = channel_send(channel, message, &at_once);

    if (result == CHANNEL_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    message_release(message);
    if (result == CHANNEL_TIMEOUT)
        return lua_fail(L, "full");
    return lua_channel_fail(L, result);
}

/* ---- receive ---- */

/* The channel at index 1 has been checked. In 5.1 this may call finalisers, and
 * they that of the channel. */
static void push_decoder_for(lua_State *L, const char *function)
{
    lua_channel_push_decoder(L);
    if (LUA_COMPAT_51)
        (void)check_channel(L, function);
}

static int channel_method_receive(lua_State *L)
{
    struct channel *channel = check_channel(L, "receive");
    struct deadline deadline = lua_check_timeout(L, 2, "receive");
    struct message *message;
    enum channel_result result;

    push_decoder_for(L, "receive");
    result = channel_receive(channel, &message, &deadline);
    if (result != CHANNEL_OK)
        return lua_channel_fail(L, result);
    return lua_channel_push_received(L, channel, 1, message);
}

/* The values of the next message, without the `true`; nil at the end. */
static int next_message(lua_State *L)
{
    int object = lua_gettop(L) + 1;
    struct channel *channel;
    struct deadline never = deadline_never();
    struct message *message;
    enum channel_result result;

    /* Out of reach of debug.setupvalue. */
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_channel_push_decoder(L);
    channel = lua_channel_at(L, object);
    if (channel == NULL)
        return luaL_error(L, "channel expected");
    result = channel_receive(channel, &message, &never);
    if (result == CHANNEL_CLOSED) {
        lua_pushnil(L);
        return 1;
    }
    if (result != CHANNEL_OK)
        return lua_channel_fail(L, result);
    return lua_channel_push_received(L, channel, object, message) - 1;
}

static int channel_method_messages(lua_State *L)
{
    check_channel(L, "messages");
    lua_settop(L, 1);
    lua_pushcclosure(L, next_message, 1);
    return 1;
}

static int channel_method_peek(lua_State *L)
{
    struct channel *channel = check_channel(L, "peek");
    int top = lua_gettop(L), status;
    struct message *message;
    enum channel_result result;

    push_decoder_for(L, "peek");
    result = channel_peek(channel, &message);
    if (result != CHANNEL_OK)
        return lua_channel_fail(L, result);
    status = decode_protected(L, message);
    message_release(message);
    if (status != LUA_OK)
        return lua_error(L);
    return lua_gettop(L) - top;
}

/* ---- the queue ---- */

static int channel_method_count(lua_State *L)
{
    lua_pushinteger(L, channel_count(check_channel(L, "count")));
    return 1;
}

static int channel_method_capacity(lua_State *L)
{
    struct channel *channel = check_channel(L, "capacity");

    if (channel->capacity == 0)
        lua_pushnumber(L, (lua_Number)HUGE_VAL);
    else
        lua_pushinteger(L, (lua_Integer)channel->capacity);
    return 1;
}

static int channel_method_clear(lua_State *L)
{
    lua_pushinteger(L, channel_clear(check_channel(L, "clear")));
    return 1;
}

static int channel_method_close(lua_State *L)
{
    channel_close(check_channel(L, "close"));
    lua_pushboolean(L, 1);
    return 1;
}

static int channel_method_closed(lua_State *L)
{
    lua_pushboolean(L, channel_is_closed(check_channel(L, "closed")));
    return 1;
}

/* Making room for it may call finalisers, and they the channel's. */
static void push_name(lua_State *L, const char *function)
{
    size_t length = check_channel(L, function)->name_length;
    luaL_Buffer buffer;
    char *name = luaL_buffinitsize(L, &buffer, length);

    memcpy(name, check_channel(L, function)->name, length);
    luaL_pushresultsize(&buffer, length);
}

static int channel_method_name(lua_State *L)
{
    if (check_channel(L, "name")->name == NULL)
        lua_pushnil(L);
    else
        push_name(L, "name");
    return 1;
}

/* ---- event loops ---- */

static int push_descriptor(lua_State *L, const char *function)
{
    int descriptor = channel_descriptor(check_channel(L, function));

    if (descriptor < 0)
        return luaL_error(L, "no descriptor for the channel: %s",
                          lua_push_system_error(L, -descriptor));
    lua_pushinteger(L, descriptor);
    return 1;
}

static int channel_method_fd(lua_State *L)
{
    return push_descriptor(L, "fd");
}

/* What LuaSocket calls it. */
static int channel_method_getfd(lua_State *L)
{
    return push_descriptor(L, "getfd");
}

/* What cqueues calls it. */
static int channel_method_pollfd(lua_State *L)
{
    return push_descriptor(L, "pollfd");
}

/* For LuaSocket: nothing is buffered outside of what the descriptor shows. */
static int channel_method_dirty(lua_State *L)
{
    check_channel(L, "dirty");
    lua_pushboolean(L, 0);
    return 1;
}

/* For cqueues: poll for reading ... */
static int channel_method_events(lua_State *L)
{
    check_channel(L, "events");
    lua_pushliteral(L, "r");
    return 1;
}

/* ... for as long as it takes. */
static int channel_method_timeout(lua_State *L)
{
    check_channel(L, "timeout");
    lua_pushnil(L);
    return 1;
}

/* ---- metamethods ---- */

static int channel_tostring(lua_State *L)
{
    struct channel *channel = check_channel(L, "tostring");
    bool is_named = channel->name != NULL;
    int top = lua_gettop(L);

    lua_pushliteral(L, "channel");
    if (is_named) {
        lua_pushliteral(L, " (");
        push_name(L, "tostring");
        lua_pushliteral(L, ")");
    }
    lua_pushfstring(L, ": %p", (void *)channel);
    lua_concat(L, lua_gettop(L) - top);
    return 1;
}

static int channel_equal(lua_State *L)
{
    struct channel *one = lua_channel_at(L, 1);

    lua_pushboolean(L, one != NULL && one == lua_channel_at(L, 2));
    return 1;
}

static const luaL_Reg methods[] = {
    {"send", channel_method_send},
    {"try_send", channel_method_try_send},
    {"timed_send", channel_method_timed_send},
    {"receive", channel_method_receive},
    {"messages", channel_method_messages},
    {"peek", channel_method_peek},
    {"count", channel_method_count},
    {"capacity", channel_method_capacity},
    {"clear", channel_method_clear},
    {"close", channel_method_close},
    {"closed", channel_method_closed},
    {"name", channel_method_name},
    {"fd", channel_method_fd},
    {"getfd", channel_method_getfd},
    {"pollfd", channel_method_pollfd},
    {"dirty", channel_method_dirty},
    {"events", channel_method_events},
    {"timeout", channel_method_timeout},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__len", channel_method_count},
    {"__eq", channel_equal},
    {"__tostring", channel_tostring},
    {NULL, NULL},
};

const struct lua_handle_binding lua_channel_binding = {
    .methods = methods,
    .metamethods = metamethods,
};
