/* SPDX-License-Identifier: MIT
 *
 * A few threads that do something at the same time.
 */
#ifndef TESTS_SUPPORT_CROWD_H
#define TESTS_SUPPORT_CROWD_H

#include "check.h"
#include "random.h"

/* The most there can be. */
#ifndef CROWD
#define CROWD 4
#endif

struct guest {
    unsigned number;
    struct random random;
    pthread_t thread;
};

static struct guest guests[CROWD];
static void (*guests_do)(struct guest *);
static atomic_uint guests_missing;

static inline void *guest_main(void *guest)
{
    guests_do(guest);
    return NULL;
}

/* For guests: returns when all of them have come here. */
static inline void meet(void)
{
    atomic_fetch_sub(&guests_missing, 1);
    while (atomic_load(&guests_missing) > 0)
        sched_yield();
}

/* Returns when so many have done it. */
static inline void crowd_play_some(unsigned count, void (*what)(struct guest *),
                                   struct random *random)
{
    unsigned i;

    guests_do = what;
    guests_missing = count;
    for (i = 0; i < count; i++) {
        guests[i].number = i;
        guests[i].random = random_split(random);
    }
    for (i = 0; i < count; i++)
        guests[i].thread = check_start(guest_main, &guests[i]);
    for (i = 0; i < count; i++)
        check_join(guests[i].thread);
}

static inline void crowd_play(void (*what)(struct guest *),
                              struct random *random)
{
    crowd_play_some(CROWD, what, random);
}

#endif
