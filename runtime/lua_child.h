/* SPDX-License-Identifier: MIT
 *
 * The Lua state of a thread: made, run and, if the start flags say so, closed
 * in that thread.
 */
#ifndef RUNTIME_LUA_CHILD_H
#define RUNTIME_LUA_CHILD_H

#include "lua_compat.h"
#include "thread.h"

/* The body of a thread. The message in its inbox holds a precompiled chunk, as
 * a string, and the chunk's arguments.
 *
 * A thread that does not keep to itself leaves its state as `estate`, and in
 * its outbox one message, its outcome (runtime/lua_outcome.h). The child. */
void lua_child_run(struct thread *thread);

/* Closes what a finished thread has left, if anything. The parent. */
void lua_child_close_estate(struct thread *thread);

#endif
