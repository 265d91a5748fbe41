/* SPDX-License-Identifier: MIT
 *
 * Counts the allocations of the whole process, except those of Lua states.
 */
#ifndef TESTS_SUPPORT_ALLOCATIONS_H
#define TESTS_SUPPORT_ALLOCATIONS_H

#include "malloc.h"

/* Volatile, for compilers know that malloc() reads no variables. */
/* What the calling thread allocates now is Lua's, and not counted. */
static __thread volatile bool allocations_are_lua;

static atomic_bool allocations_are_counted;
static atomic_ulong allocations_counted;
/* The size of the first, which may tell what it is. */
static atomic_size_t allocations_first;

/* For a debugger: a breakpoint here shows who allocates. */
__attribute__((noinline, unused)) static void allocation_seen(size_t size)
{
    if (atomic_fetch_add(&allocations_counted, 1) == 0)
        atomic_store(&allocations_first, size);
}

static inline bool malloc_may(size_t size)
{
    if (atomic_load(&allocations_are_counted) && !allocations_are_lua)
        allocation_seen(size);
    return true;
}

static inline void allocations_begin(void)
{
    atomic_store(&allocations_counted, 0);
    atomic_store(&allocations_are_counted, true);
}

/* How many there were. */
static inline unsigned long allocations_end(void)
{
    atomic_store(&allocations_are_counted, false);
    return atomic_load(&allocations_counted);
}

/* Whether allocations can be counted here. */
static inline bool allocations_work(void)
{
    allocations_begin();
    free(malloc_elsewhere(1));
    if (allocations_end() == 1)
        return true;
    check_skip("counting allocations");
    return false;
}

#endif
