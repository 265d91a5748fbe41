/* SPDX-License-Identifier: MIT */
#include "lua_outcome.h"

#include "lua_codec.h"

/* What the label of the message says. A failure without values is a lack of
 * memory. */
enum outcome {
    RETURNED,
    FAILED
};

/* ---- the child ---- */

static int push_fault(lua_State *L)
{
    codec_push_fault(L, lua_touserdata(L, 1));
    return 1;
}

bool lua_outcome_put_results(lua_State *L, int first, struct message *message)
{
    struct codec_fault fault;

    message->label = RETURNED;
    /* They stay in the state. */
    message->lends = true;
    fault.problem = CODEC_NO_MEMORY;
    if (lua_compat_checkstack(L, CODEC_SLOTS) &&
        codec_encode(L, first, lua_gettop(L), CODEC_LENIENT, message, &fault))
        return true;
    lua_settop(L, 0);
    lua_pushcfunction(L, push_fault);
    lua_pushlightuserdata(L, &fault);
    (void)lua_pcall(L, 1, 1, 0);
    return false;
}

void lua_outcome_put_no_memory(struct message *message)
{
    message_clear(message);
    message->label = FAILED;
}

void lua_outcome_put_error(lua_State *L, struct message *message)
{
    struct codec_fault fault;

    message_clear(message);
    message->label = FAILED;
    if (!lua_compat_checkstack(L, CODEC_SLOTS) ||
        !codec_encode(L, lua_gettop(L), lua_gettop(L), CODEC_STRICT, message,
                      &fault))
        lua_outcome_put_no_memory(message);
}

/* ---- the parent ---- */

static int push_error(lua_State *L, const struct message *message)
{
    lua_pushboolean(L, 0);
    lua_pushliteral(L, "Error from child thread: ");
    if (message->values == 0)
        lua_pushliteral(L, LUA_COMPAT_NO_MEMORY);
    else
        codec_decode(L, message);
    lua_concat(L, 2);
    return 2;
}

static int push_results(lua_State *L, const struct message *message)
{
    lua_pushboolean(L, 1);
    return 1 + codec_decode(L, message);
}

int lua_outcome_push(lua_State *L)
{
    const struct message *message = lua_touserdata(L, 1);

    if (message->label == FAILED)
        return push_error(L, message);
    return push_results(L, message);
}
