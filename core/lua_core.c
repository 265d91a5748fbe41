/* SPDX-License-Identifier: MIT
 *
 * The module llthreads2.core: what the modules in lua/ are made of.
 */
#include "live.h"
#include "lua_channel.h"
#include "lua_compat.h"
#include "lua_failure.h"
#include "lua_interrupt.h"
#include "lua_logger.h"
#include "lua_party.h"
#include "lua_thread.h"
#include "version.h"

static int core_set_logger(lua_State *L)
{
    if (!lua_isfunction(L, 1))
        lua_refuse_type(L, 1, "set_logger", "function");
    lua_settop(L, 1);
    lua_logger_set(L);
    return 0;
}

static int core_version(lua_State *L)
{
    lua_pushinteger(L, VERSION_MAJOR);
    lua_pushinteger(L, VERSION_MINOR);
    lua_pushinteger(L, VERSION_PATCH);
    if (*VERSION_COMMENT == '\0')
        return 3;
    lua_pushliteral(L, VERSION_COMMENT);
    return 4;
}

static void push_version(lua_State *L)
{
    lua_pushfstring(L, "%d.%d.%d%s%s", VERSION_MAJOR, VERSION_MINOR,
                    VERSION_PATCH, *VERSION_COMMENT == '\0' ? "" : "-",
                    VERSION_COMMENT);
}

/* How many objects of each kind exist in the process. */
static int core_live(lua_State *L)
{
    int kind;

    lua_createtable(L, 0, LIVE_KINDS);
    for (kind = 0; kind < LIVE_KINDS; kind++) {
        lua_pushinteger(L, live_count((enum live_kind)kind));
        lua_setfield(L, -2, live_name((enum live_kind)kind));
    }
    return 1;
}

static const luaL_Reg functions[] = {
    {"new", lua_thread_new},
    {"try_new", lua_thread_try_new},
    {"set_logger", core_set_logger},
    {"version", core_version},
    {"live", core_live},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int
luaopen_llthreads2_core(lua_State *L);

int luaopen_llthreads2_core(lua_State *L)
{
    lua_compat_check(L);
    if (waiter_setup() != 0)
        return luaL_error(L, "no thread-specific key is left");
    lua_party_of(L);
    luaL_newlib(L, functions);
    push_version(L);
    lua_setfield(L, -2, "_VERSION");
    lua_pushliteral(L, INTERRUPTED_ERROR);
    lua_setfield(L, -2, "interrupted_error");
    lua_channel_push_module(L);
    lua_setfield(L, -2, "channel");
    return 1;
}
