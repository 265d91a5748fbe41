/* SPDX-License-Identifier: MIT */
#include "lua_handle.h"

/* A metatable holds its class under this key: the mark of a handle, which no
 * other library's userdata has. */
static const char class_key;

static int collect(lua_State *L)
{
    struct handle **box = lua_touserdata(L, 1);
    struct handle *handle;

    if (box == NULL || lua_handle_at(L, 1) == NULL)
        return 0;
    handle = *box;
    *box = NULL;
    handle_release(handle);
    return 0;
}

static void push_new_metatable(lua_State *L, const struct handle_class *class)
{
    const struct lua_handle_binding *binding = class->binding;

    lua_newtable(L);
    lua_pushstring(L, class->name);
    lua_setfield(L, -2, "__name");
    lua_newtable(L);
    luaL_setfuncs(L, binding->methods, 0);
    lua_setfield(L, -2, "__index");
    luaL_setfuncs(L, binding->metamethods, 0);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushlightuserdata(L, (void *)(uintptr_t) class);
    lua_rawsetp(L, -2, &class_key);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, binding);
}

struct handle **lua_handle_new(lua_State *L, const struct handle_class *class)
{
    struct handle **box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, class->binding) != LUA_TTABLE) {
        lua_pop(L, 1);
        push_new_metatable(L, class);
    }
    lua_setmetatable(L, -2);
    return box;
}

struct handle *lua_handle_at(lua_State *L, int index)
{
    struct handle **box = lua_touserdata(L, index);
    bool is_handle;

    if (box == NULL || lua_rawlen(L, index) != sizeof *box ||
        !lua_getmetatable(L, index))
        return NULL;
    is_handle = lua_rawgetp(L, -1, &class_key) == LUA_TLIGHTUSERDATA;
    lua_pop(L, 2);
    return is_handle ? *box : NULL;
}

void lua_handle_push(lua_State *L, struct handle *handle)
{
    struct handle **box = lua_handle_new(L, handle->class);

    handle_retain(handle);
    *box = handle;
}
