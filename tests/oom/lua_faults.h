/* SPDX-License-Identifier: MIT
 *
 * The module `faults`, with which run.lua makes attempts and an attempt makes
 * calls that fail.
 */
#ifndef TESTS_OOM_LUA_FAULTS_H
#define TESTS_OOM_LUA_FAULTS_H

#include "faults.h"
#include "lua_compat.h"

/* What differs between a program of our own and the stock interpreter. */

/* A state for an attempt; NULL: none. */
lua_State *host_new_state(void);
/* Gives back what the library keeps for later, as nothing of it is in use. */
void host_drop_kept(void);
/* Whether that is all it keeps. */
bool host_knows_what_is_kept(void);
/* Blocks that need not be given back. */
bool host_excuses(const struct fault_block *block);

int luaopen_faults(lua_State *L);

#endif
