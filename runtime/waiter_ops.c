/* SPDX-License-Identifier: MIT
 *
 * Sleeping on a word of memory, the Linux way.
 */
#include "waiter.h"

#include <time.h>

#include <ck_ec.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static int now(const struct ck_ec_ops *ops, struct timespec *out)
{
    (void)ops;
    return clock_gettime(CLOCK_MONOTONIC, out);
}

/* A bitset wait takes an absolute deadline on the monotonic clock; a plain
 * one would take a period, which a spurious return would start anew. */
static void sleep_on(const struct ck_ec_wait_state *state,
                     const uint32_t *address, uint32_t expected,
                     const struct timespec *deadline)
{
    (void)state;
    syscall(SYS_futex, address, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline,
            NULL, FUTEX_BITSET_MATCH_ANY);
}

static void wake(const struct ck_ec_ops *ops, const uint32_t *address)
{
    (void)ops;
    syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Only 32 bit event counts are used. Whoever sleeps on one has looked again
 * often enough before. */
const struct ck_ec_ops waiter_ops = {
    .busy_loop_iter = 1,
    .gettime = now,
    .wait32 = sleep_on,
    .wake32 = wake,
};
