/* SPDX-License-Identifier: MIT
 *
 * What has become of a thread, on its way: the child puts its results, or its
 * error, into a message, and the parent's `join` returns them.
 */
#ifndef RUNTIME_LUA_OUTCOME_H
#define RUNTIME_LUA_OUTCOME_H

#include "lua_compat.h"
#include "message.h"

/* Puts the values from index `first` up to the top into the empty message,
 * which must be read while the state exists. What cannot travel becomes a
 * string that says what it was. False: the reason is all that is on the stack.
 * Never raises. The child. */
bool lua_outcome_put_results(lua_State *L, int first, struct message *message);

/* Puts the error on the top of the stack, a string, into the message, which
 * loses what it held. Never raises. The child. */
void lua_outcome_put_error(lua_State *L, struct message *message);

/* The same where memory, or even a state, is lacking. */
void lua_outcome_put_no_memory(struct message *message);

/* What `join` returns: true and the results, or false and the error. A function
 * for a protected call; its argument is the message, as light userdata. The
 * parent. */
int lua_outcome_push(lua_State *L);

#endif
