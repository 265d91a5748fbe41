/* SPDX-License-Identifier: MIT
 *
 * A few threads that begin at the same moment.
 */
#ifndef TESTS_SUPPORT_CROWD_H
#define TESTS_SUPPORT_CROWD_H

#include "check.h"
#include "stress.h"

#define CROWD 4

struct guest {
    struct random random;
    pthread_t thread;
};

static struct guest guests[CROWD];
static atomic_uint ready_to_go;

static inline void meet(void)
{
    atomic_fetch_add(&ready_to_go, 1);
    while (atomic_load(&ready_to_go) < CROWD)
        sched_yield();
}

static inline void crowd_play(void *(*function)(void *), struct random *random)
{
    unsigned i;

    ready_to_go = 0;
    for (i = 0; i < CROWD; i++)
        guests[i].random = random_split(random);
    for (i = 0; i < CROWD; i++)
        guests[i].thread = check_start(function, &guests[i]);
    for (i = 0; i < CROWD; i++)
        check_join(guests[i].thread);
}

#endif
