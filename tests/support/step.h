/* SPDX-License-Identifier: MIT
 *
 * Stops a thread between two machine instructions.
 *
 * Random pauses hit a window of two instructions once in a million rounds.
 * Here a function is run again and again, and each time it is stopped before
 * the next of its instructions, while something else happens: what another
 * thread could do if this one lost its processor right there. So each place
 * where the function can be interrupted is tried, once, for certain.
 *
 *     for (tour = step_tour("name"); step_on_tour(&tour);)
 *         step_meet(tour.n, run, stop, context);
 *
 * The first run of a tour goes to the end, to count the instructions.
 *
 * step_run() and step_meet() stop a function that falls asleep at the latest
 * just before the system call: nothing that comes later would happen without
 * another thread. step_run_through() lets it sleep, which it must not do for
 * good.
 *
 * stop() is called in a signal handler, with all signals blocked. It may call
 * whatever does not need what the stopped function holds, thus anything here.
 *
 * It needs an x86-64 processor, and a machine that passes its trap flag on;
 * under valgrind there is none. ThreadSanitizer has locks of its own
 * everywhere.
 */
#ifndef TESTS_SUPPORT_STEP_H
#define TESTS_SUPPORT_STEP_H

#include "check.h"
#include "stress.h"

enum step_end {
    /* stop() was called between two instructions. */
    STEP_STOPPED,
    /* It was called before the function fell asleep. */
    STEP_STOPPED_ASLEEP,
    /* The function had ended before. */
    STEP_NOT_STOPPED
};

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_THREAD__)

#include "step_x86_64.h"

#else

/* From the next instruction of the calling thread on: calls stop(context)
 * before the n-th. */
static inline void step_begin(unsigned long n, bool through_sleep,
                              void (*stop)(void *), void *context)
{
    (void)n;
    (void)through_sleep;
    (void)stop;
    (void)context;
}

/* No longer. Whether it has been called. */
static inline enum step_end step_finish(void)
{
    return STEP_NOT_STOPPED;
}

/* How many instructions there were, and how many system calls of the runtime,
 * until it stopped or ended. */
static inline unsigned long step_counted(void)
{
    return 0;
}

static inline unsigned long step_system_calls(void)
{
    return 0;
}

#endif

/* ---- one run ---- */

static inline void step_nothing(void *context)
{
    (void)context;
}

/* Runs run(context), stopped before its n-th instruction. */
static inline enum step_end step_run(unsigned long n, void (*run)(void *),
                                     void (*stop)(void *), void *context)
{
    step_begin(n, false, stop, context);
    run(context);
    return step_finish();
}

/* Runs run(context), and stop(context) before its n-th instruction, or after
 * its end if that comes first. */
static inline void step_meet(unsigned long n, void (*run)(void *),
                             void (*stop)(void *), void *context)
{
    if (step_run(n, run, stop, context) == STEP_NOT_STOPPED)
        stop(context);
}

static inline enum step_end step_run_through(unsigned long n,
                                             void (*run)(void *),
                                             void (*stop)(void *),
                                             void *context)
{
    step_begin(n, true, stop, context);
    run(context);
    return step_finish();
}

/* The system calls that the runtime makes in run(context). */
static inline unsigned long step_count_system_calls(void (*run)(void *),
                                                    void *context)
{
    (void)step_run_through(-1ul, run, step_nothing, context);
    return step_system_calls();
}

/* Whether functions can be stopped here at all. */
static inline bool step_works(void)
{
    if (step_run(0, step_nothing, step_nothing, NULL) == STEP_STOPPED)
        return true;
    check_skip("stopping between instructions");
    return false;
}

/* ---- tours ---- */

/* Of the seconds that a loop may take by itself, as many as a tour may. */
#define STEP_SHARE 0.6

/* All instructions of a function; or if that takes too long, as it does where
 * a trap is expensive, one of every few. Which ones is in the seed. With
 * STRESS_SECONDS in the environment a tour is complete. */
struct step_tour {
    unsigned long n, end, stride;
    double start;
    struct random random;
};

static inline struct step_tour step_tour(const char *name)
{
    struct step_tour tour = {.random = random_begin(name)};

    check_arm();
    return tour;
}

/* After the first run: stopping in the middle takes half of its time. */
static inline void step_plan(struct step_tour *tour)
{
    double run = check_seconds() - tour->start, all;

    tour->end = step_counted();
    all = run / 2 * (double)tour->end;
    tour->stride = 1;
    if (check_setting("STRESS_SECONDS", 0) <= 0)
        tour->stride += (unsigned long)(all / (STEP_SHARE * stress_limit()));
    tour->n = random_below(&tour->random, (unsigned)tour->stride);
}

/* Where to stop next; false: it has been everywhere. */
static inline bool step_on_tour(struct step_tour *tour)
{
    if (tour->start == 0) {
        tour->start = check_seconds();
        tour->n = -1ul;
        return true;
    }
    if (tour->stride == 0)
        step_plan(tour);
    else
        tour->n += tour->stride;
    return tour->n < tour->end;
}

#endif
