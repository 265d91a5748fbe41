/* SPDX-License-Identifier: MIT
 *
 * Timeouts as Lua arguments.
 */
#ifndef RUNTIME_LUA_TIMEOUT_H
#define RUNTIME_LUA_TIMEOUT_H

#include <lua.h>

#include "waiter.h"

/* The deadline that the argument at a stack index asks for, in milliseconds
 * from now; none or nil, negative and infinite are never. Anything but a
 * number, and NaN, is an argument error. */
struct deadline lua_check_timeout(lua_State *L, int argument);

#endif
