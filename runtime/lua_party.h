/* SPDX-License-Identifier: MIT
 *
 * The party of a Lua state (runtime/party.h): that of the thread the state was
 * made for, or one that the state has for itself.
 *
 * All functions belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_PARTY_H
#define RUNTIME_LUA_PARTY_H

#include "lua_compat.h"
#include "party.h"

/* Whose state this is. Before anything asks for its party. May raise for want
 * of memory. */
void lua_party_set(lua_State *L, struct party *party);

/* The state's party, made if need be; then it may raise for want of memory. */
struct party *lua_party_of(lua_State *L);

#endif
