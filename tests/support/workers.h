/* SPDX-License-Identifier: MIT
 *
 * Threads that have channels, and a parent that waits for them for the last
 * time.
 */
#ifndef TESTS_SUPPORT_WORKERS_H
#define TESTS_SUPPORT_WORKERS_H

#include "channel.h"
#include "check.h"
#include "deadlock.h"
#include "scene.h"
#include "stress.h"
#include "thread.h"

#define MOST 6

/* ---- threads that have channels ---- */

struct worker {
    struct thread *thread;
    struct holding holdings[MOST];
    unsigned count;
    /* The first one, for others. */
    struct channel *shared;
    struct random random;
    /* What the body does, and what came of it. */
    void (*work)(struct worker *);
    atomic_uint result, received;
    atomic_bool waits;
};

/* The parent, which is the thread of the tests. */
static struct party home;
static struct acting acting;

static inline void begin(void)
{
    party_born(&home, NULL, NULL);
    party_rise(&home);
    party_enter(&acting, &home);
}

static inline void end(void)
{
    party_leave(&acting);
    party_gone(&home);
    scene_check_all_gone();
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "and their channels");
    CHECK(!deadlock_is_watched(), "nobody watches any more");
}

static inline struct channel *make(uint64_t capacity, const char *name)
{
    struct channel *channel;

    if (channel_new(capacity, name, name == NULL ? 0 : strlen(name),
                    &channel) != CHANNEL_OK)
        abort();
    return channel;
}

static inline struct channel *at(const struct worker *worker, unsigned number)
{
    return (struct channel *)worker->holdings[number].handle;
}

static inline void drop(struct holding *holding)
{
    struct handle *handle = holding->handle;

    holding->handle = NULL;
    party_let_go(holding);
    handle_release(handle);
}

static inline void body(struct thread *thread)
{
    struct worker *worker = thread->estate;
    unsigned i;

    if (!thread_settle(thread))
        abort();
    worker->work(worker);
    for (i = 0; i < worker->count; i++)
        if (worker->holdings[i].handle != NULL)
            drop(&worker->holdings[i]);
}

static inline void hold(struct party *party, struct holding *holding,
                        struct channel *channel)
{
    handle_retain(&channel->handle);
    holding->handle = &channel->handle;
    party_hold(party, holding);
}

static inline void prepare(struct worker *worker, void (*work)(struct worker *))
{
    *worker = (struct worker){.thread = thread_new(message_new())};
    if (worker->thread == NULL)
        abort();
    party_set_parent(&worker->thread->party, &home);
    worker->thread->estate = worker;
    worker->work = work;
}

static inline void give(struct worker *worker, struct channel *channel)
{
    if (worker->count == 0)
        worker->shared = channel;
    hold(&worker->thread->party, &worker->holdings[worker->count++], channel);
}

static inline void worker_start(struct worker *worker)
{
    CHECK_NUMBER(thread_start(worker->thread, false, true, body), 0,
                 "a thread starts");
}

static inline void last_wait(struct worker *worker)
{
    thread_reap_last(worker->thread, true);
    thread_release(worker->thread);
}

#endif
