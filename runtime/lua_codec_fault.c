/* SPDX-License-Identifier: MIT
 *
 * Faults in words. See lua_codec.h.
 */
#include "lua_codec.h"

#include "lua_failure.h"

void codec_push_fault(lua_State *L, const struct codec_fault *fault)
{
    switch (fault->problem) {
    case CODEC_TOO_DEEP:
        lua_pushfstring(L, "Hit maximum copy depth (%d > %d).",
                        CODEC_MAX_DEPTH + 1, CODEC_MAX_DEPTH);
        break;
    case CODEC_NO_MEMORY:
        lua_pushliteral(L, LUA_COMPAT_NO_MEMORY);
        break;
    case CODEC_UNSUPPORTED:
        if (fault->place[0] == '\0')
            lua_pushfstring(L, "%s cannot be sent", fault->what);
        else
            lua_pushfstring(L, "at %s: %s cannot be sent", fault->place,
                            fault->what);
        break;
    }
}

int codec_raise(lua_State *L, const struct codec_fault *fault,
                const char *function)
{
    const char *why;

    codec_push_fault(L, fault);
    why = lua_tostring(L, -1);
    switch (fault->problem) {
    case CODEC_UNSUPPORTED:
        return lua_refuse_argument(L, fault->index, function, why);
    case CODEC_TOO_DEEP:
        return luaL_error(L, "%s", why);
    default:
        return lua_error(L);
    }
}
