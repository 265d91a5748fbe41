/* SPDX-License-Identifier: MIT
 *
 * How an interrupt becomes an error in running Lua code.
 *
 * Overview
 * --------
 * An interrupt nudges the child with a signal (runtime/thread.h). The signal
 * handler runs in the child's own thread and does the one thing Lua allows it
 * to do with a state that is running: it sets a debug hook, on its own state.
 * The hook is called before the next instruction or call, as a part of the
 * running code, and raises the error. So no thread touches a state it does not
 * run, and code that is not interrupted pays nothing.
 *
 * The hook the child had before (a profiler's, a limiter's) is remembered when
 * ours is set and given back when ours is called.
 *
 * Why nothing is lost
 * -------------------
 * The signal handler can come between any two instructions of its own thread.
 * The hook gives the old hook back *before* it looks whether an interrupt is
 * pending: a handler that runs in between either sets our hook again, or is
 * told by `restoring` to leave that to the look that follows. It never finds
 * our hook set and takes it for granted while we are about to remove it.
 *
 * Code that runs in a coroutine has hooks of its own. A coroutine that is made
 * while the hook is set inherits it. For one that existed before, the state
 * keeps a sentinel whose finaliser runs in each cycle of the collector, in
 * whatever coroutine runs then: it sets the hook there. So such code is
 * interrupted when the collector finishes a cycle, or when control returns to
 * the main coroutine. The sentinel also finds an interrupt whose hook has been
 * overwritten by a call of debug.sethook that was under way.
 */
#ifndef RUNTIME_LUA_INTERRUPT_H
#define RUNTIME_LUA_INTERRUPT_H

#include <signal.h>

#include "lua_compat.h"
#include "thread.h"

#define INTERRUPTED_ERROR "llthreads2: thread was interrupted"

/* A debug hook that makes way for ours. */
struct lua_old_hook {
    lua_State *L;
    lua_Hook function;
    int mask, count;
};

/* What a child keeps about interrupts. */
struct lua_interrupt {
    /* NULL: no code runs. */
    lua_State *volatile L;
    volatile sig_atomic_t restoring;
    /* Of the main coroutine, and of the last other one that was reached. */
    struct lua_old_hook main, other;
};

/* Makes what begin and end need in a new state. The structure lives as long as
 * the state. May raise for want of memory. These three belong to the child. */
void lua_interrupt_prepare(struct lua_interrupt *interrupt, lua_State *L);

/* From now on interrupts are raised in the code the state runs. */
void lua_interrupt_begin(struct lua_interrupt *interrupt, lua_State *L,
                         struct thread *thread);

/* No longer; the hook is as the code has left it. Never raises. */
void lua_interrupt_end(struct lua_interrupt *interrupt);

/* Raises the error. Any state. */
int lua_interrupt_raise(lua_State *L);

#endif
