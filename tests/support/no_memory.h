/* SPDX-License-Identifier: MIT
 *
 * Makes memory run out for the calling thread.
 *
 * The program's own definitions of these functions take the place of the C
 * library's, for it and for the libraries it uses. Sanitizers and valgrind
 * have definitions of their own, and there nothing can be made to fail.
 */
#ifndef TESTS_SUPPORT_NO_MEMORY_H
#define TESTS_SUPPORT_NO_MEMORY_H

#include <errno.h>
#include <stddef.h>

#include "check.h"

/* Volatile, for compilers know that malloc() reads no variables. */
/* Allocations of this thread until one fails; 0: none does. */
static __thread volatile unsigned long no_memory_after;
/* The ones after it fail, too. */
static __thread volatile bool no_memory_for_good;
/* One has failed. */
static __thread volatile bool no_memory_failed;

#if defined(__GLIBC__) && !CHECK_SANITIZED

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static inline bool no_memory_now(void)
{
    if (no_memory_after == 0)
        return false;
    if (no_memory_after > 1) {
        no_memory_after = no_memory_after - 1;
        return false;
    }
    no_memory_after = no_memory_for_good;
    no_memory_failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return no_memory_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return no_memory_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return no_memory_now() ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return no_memory_now() ? NULL : __libc_memalign(alignment, size);
}

#endif

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
    /* The function that other files of the program find. */
    void *(*volatile allocate)(size_t) = malloc;
    void *volatile block;

    no_memory_from(1);
    block = allocate(1);
    (void)no_memory_end();
    free(block);
    if (block != NULL)
        check_skip("running out of memory");
    return block == NULL;
}

#endif
