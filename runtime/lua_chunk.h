/* SPDX-License-Identifier: MIT
 *
 * The code of a thread on its way: compiled in the parent, so that errors in it
 * are raised there, and loaded in the child.
 *
 * Both functions may raise, and belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_CHUNK_H
#define RUNTIME_LUA_CHUNK_H

#include "lua_compat.h"

/* Replaces the code at index 1, the first argument of `new`, by a precompiled
 * chunk, a string. */
void lua_chunk_compile(lua_State *L);

/* Replaces such a chunk at index 1 by the function it is. */
void lua_chunk_load(lua_State *L);

#endif
