/* SPDX-License-Identifier: MIT
 *
 * Handles as Lua values: a full userdata that holds one reference.
 *
 * All functions belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_HANDLE_H
#define RUNTIME_LUA_HANDLE_H

#include "handle.h"
#include "lua_compat.h"

/* How a class of handles looks to Lua: `binding` of its struct handle_class.
 * The address of this structure is the key of its metatable. */
struct lua_handle_binding {
    /* NULL-terminated; `__gc` and `__name` are added. */
    const luaL_Reg *methods;
    const luaL_Reg *metamethods;
};

/* Pushes a new userdata of this class that holds nothing yet, and returns
 * where its handle goes. So the object that may raise is made first, and the
 * resource, given to a place that will let go of it, second. */
struct handle **lua_handle_new(lua_State *L, const struct handle_class *class);

/* The handle at a stack index, of whatever class; NULL: something else, or a
 * userdata that holds none. Never raises. */
struct handle *lua_handle_at(lua_State *L, int index);

/* Whether a userdata at a stack index held a handle that has been collected.
 * Never raises. */
bool lua_handle_is_spent(lua_State *L, int index);

/* How many operations use the handle at a stack index while they run code of
 * the program, as finalisers, which may call the metamethod __gc by hand: it
 * lets go only while there are none. For the userdata of a handle. */
unsigned *lua_handle_uses(lua_State *L, int index);

/* Pushes a userdata for a handle, to which it takes a reference of its own.
 * May raise for want of memory. */
void lua_handle_push(lua_State *L, struct handle *handle);

#endif
