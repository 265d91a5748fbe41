/* SPDX-License-Identifier: MIT
 *
 * The entry point of bench_native, its clock, and what the operating system
 * tells about this process.
 */
#include "native.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec at;

    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

int64_t native_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void native_sleep(double milliseconds)
{
    struct timespec left;

    left.tv_sec = (time_t)(milliseconds / 1e3);
    left.tv_nsec = (long)((milliseconds - (double)left.tv_sec * 1e3) * 1e6);
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

void native_work(double milliseconds)
{
    int64_t end = native_now() + (int64_t)(milliseconds * 1e6);

    while (native_now() < end)
        ;
}

static int now(lua_State *L)
{
    lua_pushinteger(L, native_now());
    return 1;
}

/* sleep(milliseconds) */
static int sleep_a_while(lua_State *L)
{
    native_sleep(luaL_checknumber(L, 1));
    return 0;
}

/* work(milliseconds) */
static int work_a_while(lua_State *L)
{
    native_work(luaL_checknumber(L, 1));
    return 0;
}

/* The processor time of all threads of this process, in nanoseconds. */
static int cpu(lua_State *L)
{
    lua_pushinteger(L, read_clock(CLOCK_PROCESS_CPUTIME_ID));
    return 1;
}

/* How often threads of this process have gone to sleep of their own will. */
static int sleeps(lua_State *L)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    lua_pushinteger(L, usage.ru_nvcsw);
    return 1;
}

/* Whether a person looks at stderr. */
static int is_watched(lua_State *L)
{
    lua_pushboolean(L, isatty(STDERR_FILENO));
    return 1;
}

/* memcpy(bytes, times): the nanoseconds of so many copies of so many bytes,
 * between two buffers that have been touched before. */
static int copy_bytes(lua_State *L)
{
    size_t bytes = (size_t)luaL_checkinteger(L, 1);
    lua_Integer times = luaL_checkinteger(L, 2), i;
    char *from = lua_newuserdatauv(L, bytes + 1, 0);
    char *volatile to = lua_newuserdatauv(L, bytes + 1, 0);
    int64_t start;

    memset(from, 'x', bytes + 1);
    memset(to, 'y', bytes + 1);
    start = native_now();
    for (i = 0; i < times; i++)
        memcpy(to, from, bytes);
    lua_pushinteger(L, native_now() - start);
    return 1;
}

/* mark(): does nothing. Callgrind, which is told the name of this function,
 * counts from one call to the next: see spec/support/costs.lua. */
int native_mark(lua_State *L);

__attribute__((noinline)) int native_mark(lua_State *L)
{
    (void)L;
    return 0;
}

static const luaL_Reg functions[] = {
    {"mark", native_mark},
    {"now", now},
    {"sleep", sleep_a_while},
    {"work", work_a_while},
    {"cpu", cpu},
    {"sleeps", sleeps},
    {"is_watched", is_watched},
    {"memcpy", copy_bytes},
    {NULL, NULL},
};

static void add_constant(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

__attribute__((visibility("default"))) int luaopen_bench_native(lua_State *L);

int luaopen_bench_native(lua_State *L)
{
    luaL_newlib(L, functions);
    native_add_copy(L);
    native_add_gate(L);
    native_add_threads(L);
    native_add_futex(L);
    add_constant(L, "compiler", BENCH_COMPILER);
    add_constant(L, "flags", BENCH_FLAGS);
    add_constant(L, "ck", BENCH_CK);
    return 1;
}
