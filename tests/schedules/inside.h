/* SPDX-License-Identifier: MIT
 *
 * What the files of the explorer tell each other.
 */
#ifndef TESTS_SCHEDULES_INSIDE_H
#define TESTS_SCHEDULES_INSIDE_H

#include <time.h>

#include "../support/random.h"
#include "explore.h"
#include "explore_point.h"

/* ---- explore.c ---- */

extern struct timespec explore_clock;

/* Sleeps on an address until another thread wakes what sleeps there; false: the
 * deadline has expired. */
bool explore_sleep(const void *address, const struct timespec *deadline);
void explore_wake(const void *address);
/* A point where others may go on, and see what was stored. */
void explore_step(const void *address);
void explore_nudge(unsigned thread);
/* What the running thread has stored there is seen by all. */
void explore_let_through(const void *block, size_t size);
bool explore_looks(void);
const struct explore_scenario *explore_current(void);

/* ---- choices.c ---- */

/* Before each schedule. */
void explore_choices_reset(const struct explore_plan *plan);
/* The next schedule makes all choices that the last one has made. */
void explore_choices_keep(void);
/* A random schedule's next number. */
unsigned explore_random_below(unsigned limit);
bool explore_may_preempt(void);
void explore_note_preemption(void);

/* ---- buffers.c ---- */

#define EXPLORE_BUFFER 8

struct explore_stored {
    void *word;
    unsigned size;
    uint64_t value, before;
};

/* While its thread runs, their count is in explore_now. */
struct explore_stores {
    unsigned count;
    struct explore_stored oldest[EXPLORE_BUFFER];
};

/* When their thread stops and goes on. */
void explore_stores_undo(struct explore_stores *stores);
void explore_stores_redo(struct explore_stores *stores);
/* Of a thread that runs: one more; those in a block are seen by all. */
void explore_stores_add(struct explore_stores *stores, void *word,
                        unsigned size);
void explore_stores_let_through(struct explore_stores *stores,
                                const void *block, size_t size);
/* Of one that does not run: the oldest is seen by all. */
void explore_stores_let_one_through(struct explore_stores *stores);

/* ---- trace.c ---- */

/* Every step is noted down. */
extern bool explore_tracing;

#define explore_note(...)                                                      \
    (explore_tracing ? explore_note_line(__VA_ARGS__) : (void)0)
void explore_note_line(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void explore_note_step(unsigned thread, const char *name,
                       const struct explore_site *site, const void *address);
/* A path below the folder of the sources. */
const char *explore_short_name(const char *file);
void explore_trace_reset(void);
void explore_trace_print(void);

/* ---- memory.c ---- */

void explore_memory_prepare(void);
void explore_memory_reset(void);
void explore_memory_check(void);
/* What an address is called in a trace. */
const char *explore_memory_name(const void *address, char *text, size_t size);

/* ---- threads.c ---- */

void explore_threads_reset(void);
void explore_threads_check(void);
/* What is specific to the running thread, which ends, is destroyed. */
void explore_end_thread(void);
extern bool (*explore_nudged)(void);

/* ---- descriptors.c ---- */

void explore_descriptors_reset(void);
void explore_descriptors_check(void);

#endif
