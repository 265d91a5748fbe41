/* SPDX-License-Identifier: MIT */
#include "lua_closing.h"

/* The place of the table in the registry. */
static const char closing_key;

bool lua_is_finalising(lua_State *L)
{
    return lua_gc(L, LUA_GCISRUNNING, 0) <= LUA_COMPAT_FINALISING;
}

/* While code runs, the collector is called by a function of that code. When
 * lua_close() calls finalisers, nothing is left on the call stack. */
bool lua_is_closing(lua_State *L)
{
    lua_Debug caller;

    return lua_getstack(L, 1, &caller) == 0;
}

/* The finaliser of the keeper. The keys of the table are the objects. */
static int collect_noted(lua_State *L)
{
    lua_settop(L, 0);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &closing_key) != LUA_TTABLE)
        return 0;
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        if (luaL_getmetafield(L, 2, "__gc") == LUA_TNIL)
            continue;
        lua_pushvalue(L, 2);
        (void)lua_pcall(L, 1, 0, 0);
        lua_settop(L, 2);
    }
    return 0;
}

void lua_closing_prepare(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &closing_key) != LUA_TTABLE) {
        lua_newtable(L);
        lua_createtable(L, 0, 2);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        (void)lua_compat_push_finalised(L, 0, collect_noted);
        lua_setfield(L, -2, "keeper");
        lua_setmetatable(L, -2);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &closing_key);
    }
    lua_pop(L, 1);
}

void lua_closing_note(lua_State *L)
{
    if (!lua_is_finalising(L))
        return;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &closing_key) == LUA_TTABLE) {
        lua_pushvalue(L, -2);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}
