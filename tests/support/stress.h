/* SPDX-License-Identifier: MIT
 *
 * The random part of a test: seeded, repeatable, and bounded in time.
 *
 * The seed of a program is printed, and taken from the environment variable
 * SEED. Each loop has random numbers of its own that follow from the seed and
 * the loop's name, whatever ran before it. How threads interleave is not in
 * the seed.
 *
 * A loop ends after a number of rounds, or a fraction of a second, which is
 * another one with STRESS_LIMIT in the environment. With STRESS_SECONDS there
 * each loop goes on for that long.
 */
#ifndef TESTS_SUPPORT_STRESS_H
#define TESTS_SUPPORT_STRESS_H

#include "check.h"
#include "random.h"

/* Seconds a loop may take by itself. */
#define STRESS_LIMIT 0.25

static inline double stress_limit(void)
{
    return check_setting("STRESS_LIMIT", STRESS_LIMIT);
}

/* A smaller number where a sanitizer makes everything slower. */
#define STRESS_SCALED(number) (CHECK_SANITIZED ? (number) / 10 + 1 : (number))

/* ---- the seed ---- */

/* Printed when it is first asked for: by the thread of the body. */
static inline uint64_t stress_seed(void)
{
    static uint64_t seed;
    static bool known;
    const char *text = getenv("SEED");
    struct timespec now;

    if (known)
        return seed;
    clock_gettime(CLOCK_REALTIME, &now);
    seed = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    seed = text == NULL ? seed % 1000000007 : strtoull(text, NULL, 0);
    known = true;
    printf("%s: SEED=%llu\n", check_state.program, (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static inline struct random random_begin(const char *name)
{
    struct random random = {stress_seed()};

    for (; *name != '\0'; name++)
        random.state = random_next(&random) ^ (unsigned char)*name;
    return random;
}

/* ---- loops ---- */

struct stress {
    unsigned long round, rounds;
    double end;
    bool long_run;
    struct random random;
};

/* for (s = stress_begin(...); stress_goes_on(&s); s.round++) */
static inline struct stress stress_begin(const char *name, unsigned long rounds)
{
    double seconds = check_setting("STRESS_SECONDS", 0);
    struct stress stress = {
        .rounds = rounds,
        .end = check_seconds() + (seconds > 0 ? seconds : stress_limit()),
        .long_run = seconds > 0,
        .random = random_begin(name),
    };

    check_arm();
    return stress;
}

static inline bool stress_goes_on(const struct stress *stress)
{
    if (stress->round == 0)
        return true;
    if (!stress->long_run && stress->round >= stress->rounds)
        return false;
    return check_seconds() < stress->end;
}

static inline void stress_rounds(const char *name, unsigned long rounds,
                                 void (*round)(struct random *))
{
    struct stress s = stress_begin(name, rounds);

    for (; stress_goes_on(&s); s.round++)
        round(&s.random);
}

#endif
