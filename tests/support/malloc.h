/* SPDX-License-Identifier: MIT
 *
 * The program's own malloc() and relatives, which take the place of the C
 * library's, for it and for the libraries it uses.
 *
 * Each asks malloc_may(), which whoever includes this file defines. Sanitizers
 * and valgrind have definitions of their own, and there nothing is asked.
 */
#ifndef TESTS_SUPPORT_MALLOC_H
#define TESTS_SUPPORT_MALLOC_H

#include <errno.h>
#include <stddef.h>

#include "check.h"

/* Whether so many bytes may be had. */
static inline bool malloc_may(size_t size);

#if defined(__GLIBC__) && !CHECK_SANITIZED

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return malloc_may(size) ? __libc_malloc(size) : NULL;
}

void *calloc(size_t count, size_t size)
{
    return malloc_may(count * size) ? __libc_calloc(count, size) : NULL;
}

void *realloc(void *block, size_t size)
{
    return malloc_may(size) ? __libc_realloc(block, size) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return malloc_may(size) ? __libc_memalign(alignment, size) : NULL;
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = aligned_alloc(alignment, size);
    return *block == NULL ? ENOMEM : 0;
}

#endif

/* The function that other files of the program find. */
static inline void *malloc_elsewhere(size_t size)
{
    void *(*volatile allocate)(size_t) = malloc;

    return allocate(size);
}

#endif
