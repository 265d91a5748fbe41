/* SPDX-License-Identifier: MIT */
#include "lua_failure.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

int lua_fail(lua_State *L, const char *reason)
{
    lua_pushnil(L);
    lua_pushstring(L, reason);
    return 2;
}

const char *lua_push_system_error(lua_State *L, int error)
{
    char buffer[256];

    /* The GNU variant returns the text, in the buffer or elsewhere. */
    return lua_pushfstring(L, "%s", strerror_r(error, buffer, sizeof buffer));
}

static bool is_method_call(lua_State *L)
{
    lua_Debug call;

    (void)lua_getstack(L, 0, &call);
    lua_getinfo(L, "n", &call);
    return strcmp(call.namewhat, "method") == 0;
}

int lua_refuse_argument(lua_State *L, int argument, const char *function,
                        const char *why)
{
    if (is_method_call(L) && --argument == 0)
        return luaL_error(L, "calling '%s' on bad self (%s)", function, why);
    return luaL_error(L, "bad argument #%d to '%s' (%s)", argument, function,
                      why);
}

static const char *name_of_type(lua_State *L, int index)
{
    if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
        return lua_tostring(L, -1);
    if (lua_type(L, index) == LUA_TLIGHTUSERDATA)
        return "light userdata";
    return luaL_typename(L, index);
}

int lua_refuse_type(lua_State *L, int argument, const char *function,
                    const char *expected)
{
    const char *why = lua_pushfstring(L, "%s expected, got %s", expected,
                                      name_of_type(L, argument));

    return lua_refuse_argument(L, argument, function, why);
}

struct deadline lua_check_timeout(lua_State *L, int argument,
                                  const char *function)
{
    double milliseconds;

    if (lua_isnoneornil(L, argument))
        return deadline_never();
    if (lua_type(L, argument) != LUA_TNUMBER)
        lua_refuse_type(L, argument, function, "number");
    milliseconds = (double)lua_tonumber(L, argument);
    if (isnan(milliseconds))
        lua_refuse_argument(L, argument, function,
                            "timeout in milliseconds expected, got NaN");
    return deadline_after(milliseconds);
}
