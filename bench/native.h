/* SPDX-License-Identifier: MIT
 *
 * The Lua C module bench_native: the clock of the suite, what the operating
 * system tells about this process, and the floors: what the same work costs in
 * C alone.
 */
#ifndef BENCH_NATIVE_H
#define BENCH_NATIVE_H

#include <stdint.h>

#include "lua_compat.h"

/* Nanoseconds on the monotonic clock. */
int64_t native_now(void);

/* Let the calling thread sleep, and keep its processor busy. */
void native_sleep(double milliseconds);
void native_work(double milliseconds);

/* Comes to the gate and stays there until it is opened: see native_gate.c. */
void native_wait_at_gate(void);

/* Each adds its functions to the module's table, on top of the stack. */
void native_add_copy(lua_State *L);
void native_add_gate(lua_State *L);
void native_add_threads(lua_State *L);
void native_add_futex(lua_State *L);

#endif
