/* SPDX-License-Identifier: MIT
 *
 * Random numbers, the same ones for the same seed.
 */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

#define RANDOM_STEP UINT64_C(0x9E3779B97F4A7C15)

/* Another number for each number. */
static inline uint64_t random_mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Sebastiano Vigna's splitmix64. */
static inline uint64_t random_next(struct random *random)
{
    return random_mixed(random->state += RANDOM_STEP);
}

static inline unsigned random_below(struct random *random, unsigned limit)
{
    return (unsigned)(random_next(random) % limit);
}

static inline bool random_one_in(struct random *random, unsigned chances)
{
    return random_below(random, chances) == 0;
}

/* Another sequence, for instance that of a thread. */
static inline struct random random_split(struct random *random)
{
    struct random other = {random_next(random)};

    return other;
}

/* Most often a moment, sometimes a turn of the other threads. */
static inline void random_pause(struct random *random)
{
    volatile unsigned left = random_below(random, 200);

    if (random_one_in(random, 20))
        sched_yield();
    while (left > 0)
        left = left - 1;
}

#endif
