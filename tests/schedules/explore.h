/* SPDX-License-Identifier: MIT
 *
 * Runs the engine under a scheduler that decides after every atomic who is
 * next.
 *
 * Why
 * ---
 * A wake-up that is lost only when a thread is stopped between two certain
 * instructions is not found by running a test often: real threads rarely stop
 * there. Here the scheduler stops them. A scenario of a few threads is run
 * under one schedule after another, thousands in a second, each from the same
 * beginning and each repeatable; what goes wrong is printed step by step.
 *
 * What is real and what is not
 * ----------------------------
 * The code is that of runtime/ and channels/, compiled with other headers
 * (shim/): each atomic of Concurrency Kit first asks the scheduler. The threads
 * of a scenario are fibers, which take turns in one operating system thread.
 * Two files are replaced, waiter_ops.c and osthread.c, by a futex, a clock and
 * threads of ours, and so are mutexes, thread-specific data, eventfds and
 * malloc(). A sleep has no timeout but the real deadline, which expires when a
 * schedule says so, and only in scenarios that allow it. So a lost wake-up is a
 * deadlock.
 *
 * Before each schedule all variables of the engine and of the scenarios are
 * what they were when the program began, and all memory is fresh. Memory that
 * has been freed is not used again in the same schedule: who touches it with an
 * atomic is reported.
 *
 * Plain stores of the atomics' kind may stay in a store buffer, as on x86, and
 * are seen by other threads late: after the next fence or read-modify-write,
 * or when the schedule says so. Ordinary accesses between two atomics are not
 * interleaved; races of these are ThreadSanitizer's to find (tests/tsan).
 *
 * Schedules
 * ---------
 * Exhaustive: all schedules in which a thread that could go on loses the
 * processor at most `bound` times (a store that stays in the buffer counts as
 * once); where it cannot go on, all others are tried. A missed order of events
 * rarely needs more than two such moments. Random: either a coin is tossed
 * after so many steps, or the threads have priorities, and lose them at a few
 * random moments; with or without store buffers; with or without looking again
 * before they sleep (runtime/waiter.h).
 *
 * What is found
 * -------------
 * A deadlock; no end after EXPLORE_STEPS steps; a failed EXPLORE_CHECK; memory
 * used after it was freed, freed twice, or never; objects that live.h still
 * counts; threads neither joined nor detached, or nudged after that;
 * descriptors that are left, closed twice, or would block; a crash.
 *
 * How to add a scenario
 * ---------------------
 * Write a function without arguments in one of the scenarios_*.c and name it in
 * the array at the end of the file. It is the main thread: it makes what the
 * scenario needs, starts threads with explore_start(), waits for them with
 * explore_join_all(), checks what must hold, and lets go of everything. Static
 * variables are zero when it begins. Use the public headers of the engine
 * only, and scenario.h. What holds at every moment is checked in the threads,
 * with EXPLORE_CHECK.
 *
 * The result of a scenario may depend on nothing but the schedule: no clock, no
 * address, no random numbers but explore_choose(). Few steps are better than
 * many: two threads that each do two things meet in every way that matters.
 *
 * `make schedules` runs all of them. A failure prints how to repeat it:
 *
 *     build/release/tests/schedules/schedules --replay=NAME/...
 */
#ifndef TESTS_SCHEDULES_EXPLORE_H
#define TESTS_SCHEDULES_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Threads at one time, the main thread among them; steps of one schedule. */
#define EXPLORE_THREADS 8
#define EXPLORE_STEPS 40000

/* ---- for scenarios ---- */

struct explore_scenario {
    const char *name;
    void (*body)(void);
    /* Preemptions in exhaustive runs; 0: too large for them. */
    unsigned bound;
    /* Deadlines may expire at any time; otherwise they never do. */
    bool expires;
    /* Starting a thread may fail. */
    bool may_not_start;
};

/* A thread of the scenario; its number. */
unsigned explore_start(const char *name, void (*body)(void *), void *argument);
void explore_join(unsigned thread);
/* Waits for the end of all others. */
void explore_join_all(void);
/* The number of the calling thread. */
unsigned explore_thread(void);

/* A number below `count`, each in some schedule. */
unsigned explore_choose(unsigned count);

/* Whether a descriptor is readable. */
bool explore_readable(int descriptor);

/* Ends the schedule: something is wrong. */
void explore_fail(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#define EXPLORE_CHECK(holds, sentence)                                         \
    ((holds) ? (void)0                                                         \
             : explore_fail("%s:%d: not true: %s", __FILE__, __LINE__,         \
                            (sentence)))

/* ---- for the program ---- */

struct explore_plan {
    const struct explore_scenario *scenario;
    bool random;
    /* Of a random schedule, which says everything else. */
    uint64_t seed;
    /* Of an exhaustive run. */
    unsigned bound;
    bool buffers, looks;
};

/* Before anything else, and once. */
void explore_prepare(void);

/* Begins an exhaustive run. */
void explore_begin(void);

/* Goes on to the next schedule of an exhaustive run; false: that was all. */
bool explore_next(void);

/* One schedule; whether all went well. If not, why is in explore_reason. */
bool explore_run(const struct explore_plan *plan);
extern char explore_reason[512];

/* The steps of the last schedule. */
uint64_t explore_steps(void);

/* The last schedule as text, and back. The scenario's name is not part of it.
 */
void explore_write_schedule(const struct explore_plan *plan, char *text,
                            size_t size);
bool explore_read_schedule(struct explore_plan *plan, const char *text);

/* Once more, printing each step. */
void explore_trace(const struct explore_plan *plan);

#endif
