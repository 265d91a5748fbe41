/* SPDX-License-Identifier: MIT
 *
 * Functions of Lua's own libraries that are more than the address of a C
 * function: some of LuaJIT's are not C functions at all, and some of 5.1's keep
 * things in an environment. Every state has its own, so they travel by name:
 * `string.format` becomes that of the receiver.
 *
 * All functions belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_BUILTIN_H
#define RUNTIME_LUA_BUILTIN_H

#include "lua_compat.h"

/* Where a function was found: the number of its library, the field there, which
 * is a string of the state, and the field's length. */
struct lua_builtin {
    unsigned library;
    const char *field;
    size_t length;
};

/* Whether the function at a stack index is one, in the libraries as they are
 * now. Needs LUA_BUILTIN_SLOTS free slots. Never raises. */
bool lua_builtin_find(lua_State *L, int index, struct lua_builtin *builtin);

#define LUA_BUILTIN_SLOTS 8

/* Whether it is one of `ffi`, which are C functions like any others, but crash
 * in a state that has not loaded it. Needs as many slots. Never raises. */
bool lua_builtin_find_ffi(lua_State *L, int index, struct lua_builtin *builtin);

/* Pushes the function of this name, whose field is on the top of the stack and
 * goes. False: there is no library of this number. Raises if there is no such
 * function, or the program has put something else in its place. */
bool lua_builtin_push(lua_State *L, unsigned library);

#endif
