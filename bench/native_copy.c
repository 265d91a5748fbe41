/* SPDX-License-Identifier: MIT
 *
 * The plain copy: how one would copy a value from one Lua state to another
 * without a format in between. A recursive walk by lua_next over the source
 * pushes the same onto the target. With `tracked`, a table that has been met is
 * looked up, so that cycles end; without, they must not occur.
 *
 * Around it, the least a library must do that starts a thread with a value: a
 * state with its libraries is made, the value copied into it, a thread created
 * and joined, perhaps the value copied back, and the state closed.
 */
#include "native.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define DEEPEST 150
#define SEEN 1 /* where the table of the tables met lies, in the target */

struct copy {
    lua_State *from, *to;
    bool tracked;
    const char *problem;
};

static void copy_value(struct copy *copy, int at, int depth);

/* There are no integers before Lua 5.3. */
static void copy_number(struct copy *copy, int at)
{
    if (!LUA_COMPAT_53 && lua_isinteger(copy->from, at))
        lua_pushinteger(copy->to, lua_tointeger(copy->from, at));
    else
        lua_pushnumber(copy->to, lua_tonumber(copy->from, at));
}

/* Pushes the copy that has been made of this table before, if it has. */
static bool push_seen(struct copy *copy, const void *table)
{
    if (!copy->tracked)
        return false;
    if (lua_rawgetp(copy->to, SEEN, table) == LUA_TTABLE)
        return true;
    lua_pop(copy->to, 1);
    return false;
}

static void copy_table(struct copy *copy, int at, int depth)
{
    const void *table = lua_topointer(copy->from, at);

    if (depth > DEEPEST || !lua_checkstack(copy->from, 4)) {
        copy->problem = "nested too deep";
        return;
    }
    luaL_checkstack(copy->to, 4, "nested too deep");
    if (push_seen(copy, table))
        return;
    lua_newtable(copy->to);
    if (copy->tracked) {
        lua_pushvalue(copy->to, -1);
        lua_rawsetp(copy->to, SEEN, table);
    }
    lua_pushnil(copy->from);
    while (lua_next(copy->from, at)) {
        int value = lua_gettop(copy->from);

        copy_value(copy, value - 1, depth + 1);
        if (copy->problem == NULL)
            copy_value(copy, value, depth + 1);
        if (copy->problem != NULL)
            return;
        lua_rawset(copy->to, -3);
        lua_settop(copy->from, value - 1);
    }
}

static void copy_value(struct copy *copy, int at, int depth)
{
    const char *text;
    size_t length;

    switch (lua_type(copy->from, at)) {
    case LUA_TNIL:
        lua_pushnil(copy->to);
        break;
    case LUA_TBOOLEAN:
        lua_pushboolean(copy->to, lua_toboolean(copy->from, at));
        break;
    case LUA_TNUMBER:
        copy_number(copy, at);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(copy->from, at, &length);
        lua_pushlstring(copy->to, text, length);
        break;
    case LUA_TTABLE:
        copy_table(copy, at, depth);
        break;
    default:
        copy->problem = "a value of a type that is not copied";
    }
}

/* In the target, protected: memory may run out. */
static int copy_protected(lua_State *to)
{
    struct copy *copy = lua_touserdata(to, 1);

    lua_settop(to, 0);
    lua_newtable(to);
    copy_value(copy, lua_gettop(copy->from), 0);
    return copy->problem == NULL;
}

/* Copies what is on top of `from` onto the top of `to`. NULL or what is
 * wrong. */
static const char *copy_top(lua_State *from, lua_State *to, bool tracked)
{
    struct copy copy = {from, to, tracked, NULL};
    int top = lua_gettop(from);

    lua_pushcfunction(to, copy_protected);
    lua_pushlightuserdata(to, &copy);
    if (lua_pcall(to, 1, 1, 0) != LUA_OK)
        copy.problem = "not enough memory";
    lua_settop(from, top);
    return copy.problem;
}

static void *do_nothing(void *argument)
{
    return argument;
}

static const char *start_and_join(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0)
        return "cannot start a thread";
    pthread_join(thread, NULL);
    return NULL;
}

/* What is on top of L is copied; the copy of a round trip takes its place. */
static int with_thread(lua_State *L, bool back)
{
    bool tracked = lua_toboolean(L, 2);
    lua_State *child = luaL_newstate();
    const char *problem;

    if (child == NULL)
        return luaL_error(L, "not enough memory");
    luaL_openlibs(child);
    lua_settop(L, 1);
    problem = copy_top(L, child, tracked);
    if (problem == NULL)
        problem = start_and_join();
    if (problem == NULL && back)
        problem = copy_top(child, L, tracked);
    lua_close(child);
    return problem == NULL ? back : luaL_error(L, "%s", problem);
}

/* plain_argument(value, tracked) */
static int plain_argument(lua_State *L)
{
    return with_thread(L, false);
}

/* plain_round_trip(value, tracked): the copy of a copy */
static int plain_round_trip(lua_State *L)
{
    return with_thread(L, true);
}

static const luaL_Reg functions[] = {
    {"plain_argument", plain_argument},
    {"plain_round_trip", plain_round_trip},
    {NULL, NULL},
};

void native_add_copy(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
