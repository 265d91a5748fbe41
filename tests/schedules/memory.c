/* SPDX-License-Identifier: MIT
 *
 * The memory of a schedule: taken from one end of an array, never used twice.
 *
 * And the variables of the engine and of the scenarios, which the linker has
 * put into sections of their own (CMakeLists.txt): a copy is made at the
 * beginning, and put back before each schedule. The slots of runtime/block.c
 * are the only large ones; they change only where pieces are used that are as
 * large.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define LARGE_PIECE ((size_t)32 << 10)
#define ALLOCATIONS 4096

char explore_memory[EXPLORE_MEMORY] __attribute__((aligned(EXPLORE_LINE)));
unsigned char explore_gone[EXPLORE_MEMORY / EXPLORE_LINE];

static struct allocation {
    char *block;
    size_t size;
    const char *file;
    int line;
    bool freed;
} allocations[ALLOCATIONS];
static unsigned allocation_count;
static size_t memory_used;

/* ---- the variables ---- */

#define SECTION(name)                                                          \
    extern char __start_##name[] __attribute__((weak, visibility("hidden")));  \
    extern char __stop_##name[] __attribute__((weak, visibility("hidden")))

SECTION(explore_bss);
SECTION(explore_data);
SECTION(explore_large);

static char *data_at_first;
static bool large_used;

void explore_memory_prepare(void)
{
    size_t size = (size_t)(__stop_explore_data - __start_explore_data);

    if (&__start_explore_bss[0] == &__stop_explore_bss[0]) {
        fprintf(stderr, "The engine's variables have not been found.\n");
        exit(2);
    }
    data_at_first = malloc(size + 1);
    if (data_at_first == NULL)
        exit(2);
    memcpy(data_at_first, __start_explore_data, size);
}

void explore_memory_reset(void)
{
    memset(__start_explore_bss, 0,
           (size_t)(__stop_explore_bss - __start_explore_bss));
    memcpy(__start_explore_data, data_at_first,
           (size_t)(__stop_explore_data - __start_explore_data));
    if (large_used)
        memset(__start_explore_large, 0,
               (size_t)(__stop_explore_large - __start_explore_large));
    large_used = false;
    memset(explore_gone, 0, memory_used / EXPLORE_LINE);
    memory_used = 0;
    allocation_count = 0;
}

/* ---- blocks ---- */

static size_t in_lines(size_t size)
{
    return (size + EXPLORE_LINE - 1) / EXPLORE_LINE * EXPLORE_LINE;
}

/* After each block lies a line that nobody owns. */
void *explore_malloc(size_t size, const char *file, int line);
void *explore_malloc(size_t size, const char *file, int line)
{
    size_t lines = in_lines(size == 0 ? 1 : size);
    struct allocation *made = &allocations[allocation_count];

    if (allocation_count == ALLOCATIONS ||
        memory_used + lines + EXPLORE_LINE > EXPLORE_MEMORY)
        explore_fail("too much memory for one schedule");
    allocation_count++;
    *made = (struct allocation){explore_memory + memory_used, size, file, line,
                                false};
    memory_used += lines;
    explore_gone[memory_used / EXPLORE_LINE] = 1;
    memory_used += EXPLORE_LINE;
    if (size >= LARGE_PIECE)
        large_used = true;
    else
        memset(made->block, 0xA5, lines);
    return made->block;
}

void *explore_calloc(size_t count, size_t size, const char *file, int line);
void *explore_calloc(size_t count, size_t size, const char *file, int line)
{
    return memset(explore_malloc(count * size, file, line), 0, count * size);
}

static struct allocation *find(const void *address)
{
    unsigned i;

    for (i = allocation_count; i-- > 0;)
        if ((const char *)address >= allocations[i].block)
            return &allocations[i];
    return NULL;
}

void explore_free(void *block, const char *file, int line);
void explore_free(void *block, const char *file, int line)
{
    struct allocation *allocation = find(block);
    size_t first, count, i;

    if (block == NULL)
        return;
    if ((uintptr_t)block - (uintptr_t)explore_memory >= EXPLORE_MEMORY ||
        allocation == NULL || allocation->block != block)
        explore_fail("%s:%d frees what was never allocated", file, line);
    if (allocation->freed)
        explore_fail("%s:%d frees what has been freed: %s:%d", file, line,
                     allocation->file, allocation->line);
    explore_let_through(block, allocation->size);
    allocation->freed = true;
    first = (size_t)(allocation->block - explore_memory) / EXPLORE_LINE;
    count =
        in_lines(allocation->size == 0 ? 1 : allocation->size) / EXPLORE_LINE;
    for (i = 0; i < count; i++)
        explore_gone[first + i] = 1;
    if (allocation->size < LARGE_PIECE)
        memset(block, 0xDD, allocation->size);
}

void *explore_realloc(void *block, size_t size, const char *file, int line);
void *explore_realloc(void *block, size_t size, const char *file, int line)
{
    char *moved = explore_malloc(size, file, line);
    size_t old;

    if (block == NULL)
        return moved;
    old = find(block)->size;
    memcpy(moved, block, old < size ? old : size);
    explore_free(block, file, line);
    return moved;
}

/* ---- the end ---- */

/* Pools are never freed, and a message that comes home when the thread of its
 * pool has ended waits there for the next one, with what belongs to it; so do
 * large pieces. live.h counts messages. */
static bool is_kept(const struct allocation *allocation)
{
    static const char *const keepers[] = {"/message_pool.c", "/message.c",
                                          "/block.c"};
    unsigned i;

    for (i = 0; i < sizeof keepers / sizeof keepers[0]; i++)
        if (strstr(allocation->file, keepers[i]) != NULL)
            return true;
    return false;
}

void explore_memory_check(void)
{
    unsigned i;

    for (i = 0; i < allocation_count; i++)
        if (!allocations[i].freed && !is_kept(&allocations[i]))
            explore_fail("never freed: %zu bytes of %s:%d", allocations[i].size,
                         allocations[i].file, allocations[i].line);
}

void explore_used_after_free(const void *address)
{
    const struct allocation *allocation = find(address);

    explore_fail("%s:%d: %s: uses memory after it was freed, or beyond its "
                 "end: %s:%d + %td",
                 explore_now.site->file, explore_now.site->line,
                 explore_now.site->function, allocation->file, allocation->line,
                 (const char *)address - allocation->block);
}

const char *explore_memory_name(const void *address, char *text, size_t size)
{
    const struct allocation *allocation = find(address);
    uintptr_t at = (uintptr_t)address - (uintptr_t)explore_memory;
    const char *file;

    if (address == NULL)
        return "";
    if (at >= EXPLORE_MEMORY || allocation == NULL) {
        snprintf(text, size, "%p", address);
        return text;
    }
    file = strrchr(allocation->file, '/');
    snprintf(text, size, "#%d (%s:%d) + %td", (int)(allocation - allocations),
             file == NULL ? allocation->file : file + 1, allocation->line,
             (const char *)address - allocation->block);
    return text;
}
