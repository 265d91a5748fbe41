/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <ck_pr.h>
#include <pthread.h>
#include <stdint.h>

#include "message_pool.h"

/* Each count is the sum of several, in cache lines of their own: threads that
 * count at the same time should not meet. Single ones may be below zero. */
#define STRIPES 16

static struct {
    unsigned counts[LIVE_KINDS];
    char apart[64];
} stripes[STRIPES];

/* Threads lie apart in memory, and so do their identifiers. */
static unsigned *count_of(enum live_kind kind)
{
    uintptr_t self = (uintptr_t)pthread_self();

    return &stripes[(self >> 12 ^ self >> 23) % STRIPES].counts[kind];
}

void live_born(enum live_kind kind)
{
    ck_pr_inc_uint(count_of(kind));
}

void live_gone(enum live_kind kind)
{
    ck_pr_dec_uint(count_of(kind));
}

unsigned live_count(enum live_kind kind)
{
    unsigned sum = kind == LIVE_MESSAGES ? message_pool_live() : 0, i;

    for (i = 0; i < STRIPES; i++)
        sum += ck_pr_load_uint(&stripes[i].counts[kind]);
    return sum;
}

const char *live_name(enum live_kind kind)
{
    static const char *const names[LIVE_KINDS] = {
        [LIVE_THREADS] = "threads",     [LIVE_MESSAGES] = "messages",
        [LIVE_MAILBOXES] = "mailboxes", [LIVE_HANDLES] = "handles",
        [LIVE_WAITERS] = "waiters",     [LIVE_HEAPS] = "heaps",
    };

    return names[kind];
}
