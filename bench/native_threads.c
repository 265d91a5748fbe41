/* SPDX-License-Identifier: MIT
 *
 * The floors of a thread: the operating system's part, Lua's part, and both.
 */
#include "native.h"

#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdbool.h>

static void *do_nothing(void *argument)
{
    return argument;
}

/* NULL if there is no memory for a state, else the argument. */
static void *make_state(void *argument)
{
    lua_State *state = luaL_newstate();

    if (state == NULL)
        return NULL;
    luaL_openlibs(state);
    lua_close(state);
    return argument;
}

/* The same, with a rest in between. */
static void *keep_state(void *argument)
{
    lua_State *state = luaL_newstate();

    if (state != NULL)
        luaL_openlibs(state);
    native_wait_at_gate();
    if (state != NULL)
        lua_close(state);
    return argument;
}

/* Starts `count` threads, then joins them. */
static int run_threads(lua_State *L, void *(*main)(void *), lua_Integer count)
{
    pthread_t *threads =
        lua_newuserdatauv(L, (size_t)count * sizeof *threads, 0);
    void *result = NULL;
    lua_Integer i, started;
    bool failed;

    for (started = 0; started < count; started++)
        if (pthread_create(&threads[started], NULL, main, threads) != 0)
            break;
    failed = started < count;
    for (i = 0; i < started; i++) {
        pthread_join(threads[i], &result);
        failed = failed || result == NULL;
    }
    return failed ? luaL_error(L, "a thread has failed") : 0;
}

/* empty_thread(): creates a thread and joins it. */
static int empty_thread(lua_State *L)
{
    return run_threads(L, do_nothing, 1);
}

/* state(): makes a state with its libraries and closes it. */
static int state(lua_State *L)
{
    return make_state(L) == NULL ? luaL_error(L, "not enough memory") : 0;
}

/* state_threads(count): so many threads at once that each make and close a
 * state; waits for their end. */
static int state_threads(lua_State *L)
{
    return run_threads(L, make_state, luaL_optinteger(L, 1, 1));
}

/* idle_threads(count): starts so many that keep a state and wait at the gate;
 * nobody joins them. */
static int idle_threads(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1), i;
    pthread_t thread;

    for (i = 0; i < count; i++) {
        if (pthread_create(&thread, NULL, keep_state, NULL) != 0)
            return luaL_error(L, "a thread has failed");
        pthread_detach(thread);
    }
    return 0;
}

static const luaL_Reg functions[] = {
    {"empty_thread", empty_thread},
    {"state", state},
    {"state_threads", state_threads},
    {"idle_threads", idle_threads},
    {NULL, NULL},
};

void native_add_threads(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
