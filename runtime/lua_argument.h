/* SPDX-License-Identifier: MIT
 *
 * Arguments of functions that Lua code calls, and what is wrong with them.
 *
 * The errors read as those of the auxiliary library, but name the function
 * always: that library finds a function's name in the code that calls it, and
 * finds none, or another, when it is called through pcall.
 */
#ifndef RUNTIME_LUA_ARGUMENT_H
#define RUNTIME_LUA_ARGUMENT_H

#include "lua_compat.h"
#include "waiter.h"

/* Raises "bad argument #n to 'function' (why)", counting as the caller counts:
 * the object of a method call is no argument. */
int lua_refuse_argument(lua_State *L, int argument, const char *function,
                        const char *why);

/* The same for a value that is not what was expected. */
int lua_refuse_type(lua_State *L, int argument, const char *function,
                    const char *expected);

/* The deadline that an argument asks for, in milliseconds from now; none or
 * nil, negative and infinite are never. Refuses anything but a number, and
 * NaN. */
struct deadline lua_check_timeout(lua_State *L, int argument,
                                  const char *function);

#endif
