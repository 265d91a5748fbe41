/* SPDX-License-Identifier: MIT
 *
 * A gate of the process. Threads of any library tell that they have come, by a
 * C function that they are given as an argument, and may stay until the gate is
 * opened; somebody waits until enough have come. So threads can be counted, and
 * kept idle, that have no other means than their arguments.
 */
#include "native.h"

#include <lauxlib.h>
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t enough = PTHREAD_COND_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static lua_Integer came, wanted;
static unsigned openings;

static void come(void)
{
    if (++came >= wanted)
        pthread_cond_signal(&enough);
}

void native_wait_at_gate(void)
{
    unsigned before;

    pthread_mutex_lock(&mutex);
    before = openings;
    come();
    while (openings == before)
        pthread_cond_wait(&opened, &mutex);
    pthread_mutex_unlock(&mutex);
}

/* Tells that the thread has come, and goes on. */
static int pass_gate(lua_State *L)
{
    (void)L;
    pthread_mutex_lock(&mutex);
    come();
    pthread_mutex_unlock(&mutex);
    return 0;
}

static int wait_at_gate(lua_State *L)
{
    (void)L;
    native_wait_at_gate();
    return 0;
}

/* gather(count): waits until so many have come, and forgets them. */
static int gather(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);

    pthread_mutex_lock(&mutex);
    wanted = count;
    while (came < wanted)
        pthread_cond_wait(&enough, &mutex);
    came -= count;
    wanted = 0;
    pthread_mutex_unlock(&mutex);
    return 0;
}

/* Lets those go on who wait now. */
static int open_gate(lua_State *L)
{
    (void)L;
    pthread_mutex_lock(&mutex);
    openings++;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static const luaL_Reg functions[] = {
    {"pass_gate", pass_gate},
    {"wait_at_gate", wait_at_gate},
    {"gather", gather},
    {"open_gate", open_gate},
    {NULL, NULL},
};

void native_add_gate(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
