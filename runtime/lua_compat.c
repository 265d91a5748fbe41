/* SPDX-License-Identifier: MIT */
#include "lua_compat.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#if LUA_COMPAT_53
#include <compat-5.3.c>
#endif

lua_State *lua_compat_newstate(lua_Alloc allocate, void *context)
{
#if LUA_COMPAT_55
    return lua_newstate(allocate, context, luaL_makeseed(NULL));
#else
    return lua_newstate(allocate, context);
#endif
}

void lua_compat_find_field(lua_State *L, int table, const char *name)
{
    table = lua_absindex(L, table);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, -2) == LUA_TSTRING &&
            strcmp(lua_tostring(L, -2), name) == 0) {
            lua_remove(L, -2);
            return;
        }
        lua_pop(L, 1);
    }
    lua_pushnil(L);
}

void *lua_compat_push_finalised(lua_State *L, size_t size,
                                lua_CFunction finaliser)
{
    void *userdata = lua_newuserdatauv(L, size, 0);

    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, finaliser);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return userdata;
}

void lua_compat_finalise_again(lua_State *L)
{
    if (LUA_COMPAT_FINALISED_ONCE)
        lua_newuserdatauv(L, 0, 0);
    else
        lua_pushvalue(L, 1);
    if (lua_getmetatable(L, 1))
        lua_setmetatable(L, -2);
}

int lua_compat_raise_no_memory(lua_State *L)
{
    lua_pushliteral(L, LUA_COMPAT_NO_MEMORY);
    return lua_error(L);
}

bool lua_compat_is_no_memory(lua_State *L, int status)
{
    return status == LUA_ERRMEM ||
           (lua_type(L, -1) == LUA_TSTRING &&
            strcmp(lua_tostring(L, -1), LUA_COMPAT_NO_MEMORY) == 0);
}

#if LUA_COMPAT_51

/* ---- 5.1 ---- */

static void push_package(lua_State *L)
{
    lua_compat_find_field(L, LUA_REGISTRYINDEX, "_LOADED");
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_compat_find_field(L, -1, "package");
        lua_remove(L, -2);
    }
}

/* Takes the table on the top of the stack off. */
static bool is_table_below(lua_State *L)
{
    bool same = lua_rawequal(L, -1, -2);

    lua_pop(L, 1);
    return same;
}

enum lua_compat_environment lua_compat_environment_at(lua_State *L, int index)
{
    enum lua_compat_environment environment = LUA_COMPAT_OWN;

    lua_getfenv(L, index);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    if (is_table_below(L)) {
        environment = LUA_COMPAT_COMMON;
    } else {
        push_package(L);
        if (is_table_below(L))
            environment = LUA_COMPAT_PACKAGE;
    }
    lua_pop(L, 1);
    return environment;
}

static int grow(lua_State *L)
{
    const int *slots = lua_touserdata(L, 1);

    (void)lua_checkstack(L, *slots);
    return 0;
}

/* The stack stays as large as it has become in the protected call. */
bool lua_compat_checkstack(lua_State *L, int slots)
{
    if (lua_cpcall(L, grow, &slots) != 0) {
        lua_pop(L, 1);
        return false;
    }
    return lua_checkstack(L, slots);
}

struct run {
    void (*function)(void *);
    void *context;
};

static int call(lua_State *L)
{
    const struct run *run = lua_touserdata(L, 1);

    lua_settop(L, 0);
    run->function(run->context);
    return 0;
}

bool lua_compat_run(lua_State *L, void (*function)(void *context),
                    void *context)
{
    struct run run = {function, context};
    int status = lua_cpcall(L, call, &run);

    lua_settop(L, 0);
    return status == LUA_OK;
}

#else

/* ---- since 5.2 ---- */

enum lua_compat_environment lua_compat_environment_at(lua_State *L, int index)
{
    (void)L;
    (void)index;
    return LUA_COMPAT_COMMON;
}

bool lua_compat_checkstack(lua_State *L, int slots)
{
    return lua_checkstack(L, slots);
}

bool lua_compat_run(lua_State *L, void (*function)(void *context),
                    void *context)
{
    (void)L;
    function(context);
    return true;
}

#endif

/* ---- which Lua runs ---- */

/* By a function that is new in it. */
static int running_version(void)
{
    static const struct {
        const char *function;
        int version;
    } news[] = {
        {"lua_pushexternalstring", 505},
        {"lua_newuserdatauv", 504},
        {"lua_rotate", 503},
        {"lua_callk", 502},
        {"lua_objlen", 501},
    };
    size_t i;

    for (i = 0; i < sizeof news / sizeof *news; i++)
        if (dlsym(RTLD_DEFAULT, news[i].function) != NULL)
            return news[i].version;
    return 0;
}

static const char *version_name(int version)
{
    static const char *const names[] = {
        "Lua 5.1 or LuaJIT", "Lua 5.2", "Lua 5.3", "Lua 5.4", "Lua 5.5",
    };

    return version == 0 ? "another" : names[version - 501];
}

/* They are what a program may leave out of the Lua that it is linked with; all
 * else is in object files of which it needs something itself. */
static bool has_libraries(void)
{
#if LUA_COMPAT_55
    return luaL_openselectedlibs != NULL;
#else
    return luaL_openlibs != NULL;
#endif
}

void lua_compat_check(lua_State *L)
{
    int running = running_version();

    if (running != LUA_VERSION_NUM)
        luaL_error(L, "llthreads2 was built for %s, and this is %s",
                   version_name(LUA_VERSION_NUM), version_name(running));
    if (!has_libraries())
        luaL_error(L, "llthreads2 needs luaL_openlibs(), which this program "
                      "does not have");
}
