/* SPDX-License-Identifier: MIT
 *
 * What the engine's atomics call. Nearly always nothing is decided: then a
 * point costs a decrement, and a look whether the memory is still there.
 */
#ifndef TESTS_SCHEDULES_EXPLORE_POINT_H
#define TESTS_SCHEDULES_EXPLORE_POINT_H

#include <stdbool.h>
#include <stdint.h>

/* Where an atomic stands. */
struct explore_site {
    const char *file, *function;
    int line;
    const char *operation;
    unsigned size;
};

/* The state of the running thread that the points need. */
struct explore_now {
    /* Points until the scheduler is asked. */
    uint64_t left;
    const struct explore_site *site;
    const void *address;
    /* Stores that no other thread has seen yet. */
    unsigned buffered;
    bool buffering;
};

extern struct explore_now explore_now;

/* The memory of a schedule, and for every cache line of it whether it may be
 * used. */
#define EXPLORE_LINE 64
#define EXPLORE_MEMORY ((uintptr_t)2 << 20)

extern char explore_memory[EXPLORE_MEMORY];
extern unsigned char explore_gone[EXPLORE_MEMORY / EXPLORE_LINE];

/* The scheduler. */
void explore_ask(void);
void explore_used_after_free(const void *address);
void explore_stall(void);
/* Before a store: it will go into the buffer, or through. */
void explore_buffer(void *word, unsigned size);

#define EXPLORE_AT(operation, size)                                            \
    (__extension__({                                                           \
        static const struct explore_site explore_site = {                      \
            __FILE__, __func__, __LINE__, operation, size};                    \
                                                                               \
        explore_now.site = &explore_site;                                      \
    }))

static inline void explore_alive(const void *address)
{
    uintptr_t at = (uintptr_t)address - (uintptr_t)explore_memory;

    if (at < EXPLORE_MEMORY && explore_gone[at / EXPLORE_LINE])
        explore_used_after_free(address);
}

static inline void explore_point(const void *address)
{
    explore_now.address = address;
    if (--explore_now.left == 0)
        explore_ask();
    explore_alive(address);
}

/* All stores of the thread are to be seen from now on. In memory they are: see
 * buffers.c. */
static inline void explore_fence(void)
{
    explore_now.buffered = 0;
}

#endif
