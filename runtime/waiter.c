/* SPDX-License-Identifier: MIT */
#include "waiter.h"

#include <time.h>

#include <ck_ec.h>
#include <ck_queue.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "live.h"
#include "mutex.h"
#include "refcount.h"

/* See the essay. A stall takes some ten ns, a yield that nobody takes up a
 * few hundred, waking a thread that sleeps tens of thousands. */
#define STALLS 100
#define PATIENCE_AT_FIRST STALLS
#define LEAST_PATIENCE 16
#define MOST_PATIENCE (STALLS + 64)
/* In ns: what takes longer was worth the sleep. */
#define SHORT_SLEEP 100000

struct waiter {
    struct ck_ec32 event;
    /* enum interrupt_mode; written by any thread. */
    unsigned interrupt;
    struct refcount references;
    unsigned noted;
    /* In the list of all. */
    CK_LIST_ENTRY(waiter) entry;
    /* Only its own thread, and signal handlers in that thread, use these. */
    unsigned patience;
    void (*volatile nudged)(void *);
    void *volatile context;
    bool accepts;
};

static const struct ck_ec_mode mode = {
    .ops = &waiter_ops,
    .single_producer = false,
};

/* ---- deadlines ---- */

struct deadline deadline_never(void)
{
    return (struct deadline){.kind = DEADLINE_NEVER};
}

/* Rounds up: a wait is never shorter than was asked for. */
static struct timespec period_of(double milliseconds)
{
    double seconds = floor(milliseconds / 1000);
    double rest = ceil((milliseconds - seconds * 1000) * 1e6);
    struct timespec period = {(time_t)seconds, (long)rest};

    if (period.tv_nsec >= 1000000000L) {
        period.tv_sec++;
        period.tv_nsec -= 1000000000L;
    }
    return period;
}

struct deadline deadline_after(double milliseconds)
{
    const double beyond_reckoning = 1e15;
    struct deadline deadline = {.kind = DEADLINE_AT_ONCE};
    struct timespec period;

    if (milliseconds < 0 || milliseconds >= beyond_reckoning)
        return deadline_never();
    if (milliseconds > 0) {
        period = period_of(milliseconds);
        deadline.kind = DEADLINE_AT;
        (void)ck_ec_deadline(&deadline.at, &mode, &period);
    }
    return deadline;
}

int64_t waiter_now(void)
{
    struct timespec now;

    (void)waiter_ops.gettime(&waiter_ops, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- waiters ---- */

static pthread_key_t own_waiter;
static bool single_processor;

static void thread_ended(void *waiter)
{
    waiter_release(waiter);
}

static bool is_single_processor(void)
{
    cpu_set_t processors;

    return sched_getaffinity(0, sizeof processors, &processors) == 0 &&
           CPU_COUNT(&processors) == 1;
}

/* Keys may be short for a while, so that a failure must not last. */
int waiter_setup(void)
{
    static bool done;
    int error = 0;

    mutex_lock(MUTEX_WAITERS);
    if (!done) {
        single_processor = is_single_processor();
        error = pthread_key_create(&own_waiter, thread_ended);
        done = error == 0;
    }
    mutex_unlock(MUTEX_WAITERS);
    return error;
}

static CK_LIST_HEAD(, waiter) all = CK_LIST_HEAD_INITIALIZER(all);

struct waiter *waiter_new(void)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    if (waiter == NULL)
        return NULL;
    ck_ec_init(&waiter->event, 0);
    waiter->patience = PATIENCE_AT_FIRST;
    refcount_init(&waiter->references);
    mutex_lock(MUTEX_WAITERS);
    CK_LIST_INSERT_HEAD(&all, waiter, entry);
    mutex_unlock(MUTEX_WAITERS);
    live_born(LIVE_WAITERS);
    return waiter;
}

void waiter_retain(struct waiter *waiter)
{
    refcount_take(&waiter->references);
}

void waiter_release(struct waiter *waiter)
{
    if (!refcount_give(&waiter->references))
        return;
    mutex_lock(MUTEX_WAITERS);
    CK_LIST_REMOVE(waiter, entry);
    mutex_unlock(MUTEX_WAITERS);
    live_gone(LIVE_WAITERS);
    free(waiter);
}

bool waiter_adopt(struct waiter *waiter)
{
    if (pthread_setspecific(own_waiter, waiter) != 0)
        return false;
    waiter_retain(waiter);
    return true;
}

struct waiter *waiter_current(void)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);

    if (waiter != NULL)
        return waiter;
    waiter = waiter_new();
    if (waiter != NULL && !waiter_adopt(waiter)) {
        waiter_release(waiter);
        return NULL;
    }
    if (waiter != NULL)
        waiter_release(waiter);
    return waiter;
}

void waiter_interrupt(struct waiter *waiter, enum interrupt_mode interrupt)
{
    /* The event count is incremented with a full barrier in between, so that
     * a thread that wakes, or does not fall asleep, sees the word. */
    ck_pr_store_uint(&waiter->interrupt, interrupt);
    ck_ec_inc(&waiter->event, &mode);
}

bool waiter_accepts_interrupts(void)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);

    return waiter != NULL && waiter->accepts;
}

bool waiter_is_interrupted(const struct waiter *waiter)
{
    return ck_pr_load_uint(&waiter->interrupt) != INTERRUPT_NONE;
}

void waiter_accept_interrupts(void (*nudged)(void *), void *context)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);

    waiter->context = context;
    waiter->nudged = nudged;
    waiter->accepts = true;
}

bool waiter_set_accepting(struct waiter *waiter, bool accepts)
{
    bool before = waiter->accepts;

    waiter->accepts = accepts;
    return before;
}

void waiter_refuse_interrupts(void)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);

    waiter->accepts = false;
    waiter->nudged = NULL;
}

bool waiter_take_interrupt(void)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);

    if (waiter == NULL || !waiter->accepts)
        return false;
    switch (ck_pr_load_uint(&waiter->interrupt)) {
    case INTERRUPT_ALWAYS:
        return true;
    case INTERRUPT_ONCE:
        /* Fails if it was taken back, or made permanent, just now: either
         * way the sender's later word counts from the next look on. */
        ck_pr_cas_uint(&waiter->interrupt, INTERRUPT_ONCE, INTERRUPT_NONE);
        return true;
    default:
        return false;
    }
}

bool waiter_has_interrupt(void)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);

    return waiter != NULL && waiter->accepts && waiter_is_interrupted(waiter);
}

bool waiter_nudged(void)
{
    struct waiter *waiter = pthread_getspecific(own_waiter);
    void (*nudged)(void *) = waiter == NULL ? NULL : waiter->nudged;

    if (nudged == NULL)
        return false;
    nudged(waiter->context);
    return true;
}

/* ---- all waiters ---- */

void waiter_note(struct waiter *waiter, bool noted)
{
    ck_pr_store_uint(&waiter->noted, noted);
}

void waiter_wake_unnoted(void)
{
    struct waiter *waiter;

    mutex_lock(MUTEX_WAITERS);
    CK_LIST_FOREACH (waiter, &all, entry)
        if (!ck_pr_load_uint(&waiter->noted))
            waiter_wake(waiter);
    mutex_unlock(MUTEX_WAITERS);
}

/* ---- looking again ---- */

bool waiter_look_again(const struct waiter *waiter, unsigned looks)
{
    if (single_processor || looks >= waiter->patience)
        return false;
    if (looks < STALLS)
        ck_pr_stall();
    else
        sched_yield();
    return true;
}

static unsigned learned(unsigned patience, bool long_sleep)
{
    if (long_sleep)
        return patience <= LEAST_PATIENCE ? 0 : patience / 4;
    if (patience < LEAST_PATIENCE)
        return LEAST_PATIENCE;
    return patience < MOST_PATIENCE / 2 ? patience * 2 : MOST_PATIENCE;
}

static void learn(struct waiter *waiter, int64_t from)
{
    waiter->patience =
        learned(waiter->patience, waiter_now() - from >= SHORT_SLEEP);
}

/* ---- sleeping ---- */

uint32_t waiter_snapshot(const struct waiter *waiter)
{
    return ck_ec_value(&waiter->event);
}

/* Replaces the event count's growing periods by the real deadline. */
static int until_deadline(const struct ck_ec_wait_state *state,
                          struct timespec *period_end)
{
    *period_end = *(const struct timespec *)state->data;
    return 0;
}

bool waiter_sleep(struct waiter *waiter, uint32_t snapshot,
                  const struct deadline *deadline)
{
    struct timespec at = deadline->at;
    int64_t start;
    bool in_time;

    if (waiter->accepts && waiter_is_interrupted(waiter))
        return true;
    if (deadline->kind == DEADLINE_NEVER)
        (void)ck_ec_deadline(&at, &mode, NULL);
    start = waiter_now();
    in_time = ck_ec32_wait_pred(&waiter->event, &mode, snapshot, until_deadline,
                                &at, &at) == 0;
    learn(waiter, start);
    return in_time;
}

void waiter_wake(struct waiter *waiter)
{
    ck_ec_inc(&waiter->event, &mode);
}
