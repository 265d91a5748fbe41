/* SPDX-License-Identifier: MIT
 *
 * How functions that Lua code calls fail: misuse is an error, what may happen
 * to a correct program is nil and a reason.
 *
 * Errors about arguments read as those of the auxiliary library, but name the
 * function always: that library finds a function's name in the code that calls
 * it, and finds none, or another, when it is called through pcall.
 *
 * All functions belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_FAILURE_H
#define RUNTIME_LUA_FAILURE_H

#include "lua_compat.h"
#include "waiter.h"

/* Pushes nil and the reason, and returns how many values that is. */
int lua_fail(lua_State *L, const char *reason);

/* Pushes the system's text for an error number, and returns it. */
const char *lua_push_system_error(lua_State *L, int error);

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
