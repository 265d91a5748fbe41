/* SPDX-License-Identifier: MIT
 *
 * Exchanges one fiber for another, without the system calls that
 * swapcontext() makes for the signal mask: a few nanoseconds. With
 * FIBER_UCONTEXT, and on other processors, it is swapcontext().
 */
#ifndef TESTS_SCHEDULES_SWITCH_H
#define TESTS_SCHEDULES_SWITCH_H

#include <stddef.h>

struct fiber_context {
    void *stack_pointer;
};

/* Prepares a fiber that begins with main(), which does not return. */
void fiber_make(struct fiber_context *fiber, void *stack, size_t size,
                void (*main)(void));

/* Returns when somebody switches back to `from`. */
void fiber_switch(struct fiber_context *from, const struct fiber_context *to);

#endif
