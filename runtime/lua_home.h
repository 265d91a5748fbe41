/* SPDX-License-Identifier: MIT
 *
 * A Lua state of ours, and the memory it lives in.
 */
#ifndef RUNTIME_LUA_HOME_H
#define RUNTIME_LUA_HOME_H

#include <stdbool.h>

#include "lua_compat.h"
#include "lua_interrupt.h"

struct heap;

struct lua_home {
    lua_State *L;
    struct heap *heap;
    /* What a child keeps in it. */
    struct lua_interrupt interrupt;
    /* Whether warnings are shown, and whether one has begun. */
    bool warnings, in_warning;
};

/* A new state without libraries, as luaL_newstate() makes them; NULL: out of
 * memory. It has no panic function: use it in protected calls. The calling
 * thread, until it hands it over. */
struct lua_home *lua_home_new(void);

/* Closes the state and gives its memory back. NULL: nothing. The thread that
 * has it. */
void lua_home_close(struct lua_home *home);

#endif
