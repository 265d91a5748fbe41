/* SPDX-License-Identifier: MIT
 *
 * The module soak_native: what a process knows of its own resources, and the
 * stock interpreter cannot ask for.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

#include "lua_compat.h"

/* What a sanitizer has in the place of malloc(). */
typedef size_t (*allocated_bytes)(void);

#define OF_SANITIZER "__sanitizer_get_current_allocated_bytes"

/* ISO C has no conversion from an object's address to a function's. */
static allocated_bytes of_sanitizer(void)
{
    void *found = dlsym(RTLD_DEFAULT, OF_SANITIZER);
    allocated_bytes function = NULL;

    if (found != NULL)
        memcpy(&function, &found, sizeof function);
    return function;
}

/* The bytes that have been allocated and not freed, in all threads. */
static int native_allocated(lua_State *L)
{
    allocated_bytes sanitizer = of_sanitizer();
    struct mallinfo2 info;

    if (sanitizer != NULL) {
        lua_pushinteger(L, (lua_Integer)sanitizer());
        return 1;
    }
    info = mallinfo2();
    lua_pushinteger(L, (lua_Integer)info.uordblks + (lua_Integer)info.hblkhd);
    return 1;
}

/* Gives back to the system what is free, so that what is resident is used. */
static int native_trim(lua_State *L)
{
    lua_pushboolean(L, malloc_trim(0));
    return 1;
}

/* How many entries a directory has, without those that each has. */
static int native_entries(lua_State *L)
{
    DIR *directory = opendir(luaL_checkstring(L, 1));
    lua_Integer count = 0;

    if (directory == NULL)
        return luaL_error(L, "cannot be opened: %s", lua_tostring(L, 1));
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    lua_pushinteger(L, count - 2);
    return 1;
}

/* Seconds on a clock that nobody sets. */
static int native_now(lua_State *L)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
    return 1;
}

static const luaL_Reg functions[] = {
    {"allocated", native_allocated},
    {"trim", native_trim},
    {"entries", native_entries},
    {"now", native_now},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_soak_native(lua_State *L);

int luaopen_soak_native(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
