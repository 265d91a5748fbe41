/* SPDX-License-Identifier: MIT
 *
 * Channels as Lua values, and the module llthreads2.channel.
 *
 * Everything here belongs to the thread that runs the Lua state.
 */
#ifndef CHANNELS_LUA_CHANNEL_H
#define CHANNELS_LUA_CHANNEL_H

#include "channel.h"
#include "lua_compat.h"

/* The channel at a stack index; NULL: something else. Never raises. */
struct channel *lua_channel_at(lua_State *L, int index);

/* Pushes what an operation that has not succeeded returns, and returns how
 * many values that is: nil and the reason; or raises, when it was interrupted
 * or there is no memory. */
int lua_channel_fail(lua_State *L, enum channel_result result);

/* Pushes a function for what follows. Before a message is received, as it may
 * raise for want of memory. */
void lua_channel_push_decoder(lua_State *L);

/* Replaces the decoder on the top of the stack by true and the values of a
 * message that has just been received from the channel at a stack index, and
 * lets go of it. Returns how many values there are. If they cannot be made, the
 * message goes back and the error is raised. */
int lua_channel_push_received(lua_State *L, int index, struct message *message);

/* Pushes the table of the module's functions. May raise for want of memory. */
void lua_channel_push_module(lua_State *L);

#endif
