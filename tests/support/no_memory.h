/* SPDX-License-Identifier: MIT
 *
 * Makes memory run out for the calling thread.
 */
#ifndef TESTS_SUPPORT_NO_MEMORY_H
#define TESTS_SUPPORT_NO_MEMORY_H

#include "malloc.h"

/* Volatile, for compilers know that malloc() reads no variables. */
/* Allocations of this thread until one fails; 0: none does. */
static __thread volatile unsigned long no_memory_after;
/* The ones after it fail, too. */
static __thread volatile bool no_memory_for_good;
/* One has failed. */
static __thread volatile bool no_memory_failed;

static inline bool malloc_may(size_t size)
{
    (void)size;
    if (no_memory_after == 0)
        return true;
    if (no_memory_after > 1) {
        no_memory_after = no_memory_after - 1;
        return true;
    }
    no_memory_after = no_memory_for_good;
    no_memory_failed = true;
    errno = ENOMEM;
    return false;
}

/* From the n-th allocation on, counted from 1, there is no memory. */
static inline void no_memory_from(unsigned long n)
{
    no_memory_for_good = true;
    no_memory_failed = false;
    no_memory_after = n;
}

/* Just the n-th allocation fails. */
static inline void no_memory_once(unsigned long n)
{
    no_memory_for_good = no_memory_failed = false;
    no_memory_after = n;
}

/* There is memory again. Whether an allocation has failed. */
static inline bool no_memory_end(void)
{
    no_memory_after = 0;
    return no_memory_failed;
}

/* Whether allocations can be made to fail here. */
static inline bool no_memory_works(void)
{
    void *volatile block;

    no_memory_from(1);
    block = malloc_elsewhere(1);
    (void)no_memory_end();
    free(block);
    if (block != NULL)
        check_skip("running out of memory");
    return block == NULL;
}

#endif
