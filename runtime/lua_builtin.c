/* SPDX-License-Identifier: MIT */
#include "lua_builtin.h"

#include <string.h>

#include "library.h"

/* By the names under which `package.loaded` knows them. Their numbers travel.
 */
static const char *const libraries[] = {
    "_G",   "string",    "table", "math",  "io",  "os",  "debug",
    "utf8", "coroutine", "bit",   "bit32", "jit", "ffi", "package",
};

#define LIBRARIES (sizeof libraries / sizeof *libraries)

static bool is_library(lua_State *L, int index, unsigned *number)
{
    const char *name;

    if (lua_type(L, index) != LUA_TSTRING)
        return false;
    name = lua_tostring(L, index);
    for (*number = 0; *number < LIBRARIES; ++*number)
        if (strcmp(name, libraries[*number]) == 0)
            return true;
    return false;
}

/* Whether the function is Lua's own, so far as one can tell: some of LuaJIT's
 * are written in Lua, some in assembler, and have no address then. */
static bool is_native(lua_State *L, int index)
{
    lua_CFunction function = lua_tocfunction(L, index);
    lua_Debug written;

    if (function != NULL)
        return library_is_one((const void *)(uintptr_t)function,
                              (const void *)(uintptr_t)lua_pushcclosure);
    if (lua_iscfunction(L, index))
        return true;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">S", &written);
    return strncmp(written.short_src, "[builtin:", 9) == 0;
}

/* Looks through the library on the top of the stack. */
static bool find_field(lua_State *L, int index, struct lua_builtin *builtin)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, index)) {
            builtin->field = lua_tolstring(L, -2, &builtin->length);
            return true;
        }
        lua_pop(L, 1);
    }
    return false;
}

/* In this library, or any if it is NULL. */
static bool find_in(lua_State *L, const char *library, int index,
                    struct lua_builtin *builtin)
{
    lua_compat_find_field(L, LUA_REGISTRYINDEX, "_LOADED");
    if (lua_type(L, -1) != LUA_TTABLE)
        return false;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (is_library(L, -2, &builtin->library) &&
            (library == NULL ||
             strcmp(libraries[builtin->library], library) == 0) &&
            lua_type(L, -1) == LUA_TTABLE && find_field(L, index, builtin))
            return true;
        lua_pop(L, 1);
    }
    return false;
}

bool lua_builtin_find(lua_State *L, int index, struct lua_builtin *builtin)
{
    int top = lua_gettop(L);
    bool found = is_native(L, index) && find_in(L, NULL, index, builtin);

    lua_settop(L, top);
    return found;
}

bool lua_builtin_find_ffi(lua_State *L, int index, struct lua_builtin *builtin)
{
    int top = lua_gettop(L);
    bool found = find_in(L, "ffi", index, builtin);

    lua_settop(L, top);
    return found;
}

static void refuse(lua_State *L, unsigned library, int field)
{
    luaL_error(L, "the built-in function '%s.%s' is not there in this state",
               libraries[library], lua_tostring(L, field));
}

bool lua_builtin_push(lua_State *L, unsigned library)
{
    int field = lua_gettop(L);

    if (library >= LIBRARIES)
        return false;
    lua_compat_find_field(L, LUA_REGISTRYINDEX, "_LOADED");
    if (lua_type(L, -1) != LUA_TTABLE)
        refuse(L, library, field);
    lua_compat_find_field(L, -1, libraries[library]);
    if (lua_type(L, -1) != LUA_TTABLE)
        refuse(L, library, field);
    lua_pushvalue(L, field);
    lua_rawget(L, -2);
    if (lua_type(L, -1) != LUA_TFUNCTION || !is_native(L, -1))
        refuse(L, library, field);
    lua_replace(L, field);
    lua_settop(L, field);
    return true;
}
