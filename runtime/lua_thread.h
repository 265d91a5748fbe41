/* SPDX-License-Identifier: MIT
 *
 * Thread objects.
 *
 * Everything here belongs to the parent: the thread that runs the Lua state of
 * the object.
 */
#ifndef RUNTIME_LUA_THREAD_H
#define RUNTIME_LUA_THREAD_H

#include "lua_compat.h"

/* `new(code, ...)`: a thread object. Has no upvalues and needs no preparation
 * of its state, so that programs can pass it to their children. */
int lua_thread_new(lua_State *L);

/* The same for Lua code that adds arguments of its own and has its caller
 * blamed with the caller's count: an argument that cannot be sent is returned
 * as nil, its number or nil, and what is wrong. */
int lua_thread_try_new(lua_State *L);

#endif
