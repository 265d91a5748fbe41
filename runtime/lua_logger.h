/* SPDX-License-Identifier: MIT
 *
 * Where the errors of threads are reported: a function the child has set for
 * itself, or the standard error stream.
 */
#ifndef RUNTIME_LUA_LOGGER_H
#define RUNTIME_LUA_LOGGER_H

#include <stddef.h>

#include "lua_compat.h"

/* Makes the function on the top of the stack the logger of this state, and
 * pops it. May raise for want of memory. The thread that runs the state. */
void lua_logger_set(lua_State *L);

/* Reports the error whose message, a string, lies on the top of the stack; it
 * stays there. Errors of the logger are swallowed; if it runs out of memory,
 * the report goes to the standard error stream. While it runs so does the
 * collector, which the caller has stopped. May raise for want of memory:
 * then nothing has been reported. The thread that runs the state. */
void lua_logger_report(lua_State *L);

/* Reports an error where there is no state to ask for a logger. Any thread;
 * never fails visibly. */
void lua_logger_print(const char *message, size_t length);

#endif
