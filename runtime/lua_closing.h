/* SPDX-License-Identifier: MIT
 *
 * Objects that are made while a state is being closed.
 *
 * Closing a state calls the finalisers of all its objects, and those may make
 * new ones: start threads, open channels, receive messages with channels in
 * them. Lua never calls the finalisers of these. So an object of ours that is
 * made inside of any finaliser is noted, in a table whose keeper is older than
 * all of them and hence finalised after them; the keeper's own finaliser lets
 * go of what has been noted. What finalisers make that are called still later
 * is lost: those of objects that are older than the state's first object of
 * ours.
 *
 * All functions belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_CLOSING_H
#define RUNTIME_LUA_CLOSING_H

#include <stdbool.h>

#include "lua_compat.h"

/* Whether a finaliser runs, hence perhaps one of a state that is being closed.
 * Before 5.4.4: whether one may run, since it seems so too while the program
 * has stopped the collector; in 5.1, which tells nothing about it, always.
 * Never raises. */
bool lua_is_finalising(lua_State *L);

/* In a finaliser, a C function: whether the state is being closed. Never
 * raises.
 */
bool lua_is_closing(lua_State *L);

/* Makes the table, once in a state, before its first object. May raise for
 * want of memory. */
void lua_closing_prepare(lua_State *L);

/* Notes the object on the top of the stack if a finaliser runs. May raise for
 * want of memory. */
void lua_closing_note(lua_State *L);

#endif
