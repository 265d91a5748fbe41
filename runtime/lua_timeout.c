/* SPDX-License-Identifier: MIT */
#include "lua_timeout.h"

#include <lauxlib.h>
#include <math.h>

struct deadline lua_check_timeout(lua_State *L, int argument)
{
    double milliseconds;

    if (lua_isnoneornil(L, argument))
        return deadline_never();
    luaL_checktype(L, argument, LUA_TNUMBER);
    milliseconds = (double)lua_tonumber(L, argument);
    luaL_argcheck(L, !isnan(milliseconds), argument,
                  "timeout in milliseconds expected, got NaN");
    return deadline_after(milliseconds);
}
