/* SPDX-License-Identifier: MIT
 *
 * Counts the allocations of the whole process, except those of Lua states.
 *
 * The program's own definitions of these functions take the place of the C
 * library's, for it and for the libraries it uses. Sanitizers and valgrind
 * have definitions of their own, and there nothing can be counted.
 */
#ifndef TESTS_SUPPORT_ALLOCATIONS_H
#define TESTS_SUPPORT_ALLOCATIONS_H

#include <stddef.h>

#include "check.h"

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

#if defined(__GLIBC__) && !CHECK_SANITIZED

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static inline void allocations_note(size_t size)
{
    if (atomic_load(&allocations_are_counted) && !allocations_are_lua)
        allocation_seen(size);
}

void *malloc(size_t size)
{
    allocations_note(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations_note(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    allocations_note(size);
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations_note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    allocations_note(size);
    *block = __libc_memalign(alignment, size);
    return *block == NULL ? ENOMEM : 0;
}

#endif

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
    /* The function that other files of the program find. */
    void *(*volatile allocate)(size_t) = malloc;

    allocations_begin();
    free(allocate(1));
    if (allocations_end() == 1)
        return true;
    check_skip("counting allocations");
    return false;
}

#endif
