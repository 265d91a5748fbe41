/* SPDX-License-Identifier: MIT
 *
 * Threads whose waiters others know, to see them wait and to interrupt them.
 */
#ifndef TESTS_SUPPORT_KNOWN_WAITER_H
#define TESTS_SUPPORT_KNOWN_WAITER_H

#include "check.h"
#include "task.h"
#include "waiter.h"

/* ---- a thread that does its part while others look on ---- */

static struct waiter *own;

static inline void *own_main(void *body)
{
    (void)waiter_adopt(own);
    return check_body(body);
}

static inline void with_own_waiter(void (*body)(void))
{
    own = waiter_new();
    check_join(check_start(own_main, &body));
    waiter_release(own);
}

/* ---- a thread that waits ---- */

struct waiting_thread {
    struct waiter *waiter;
    pthread_t id;
    /* The kernel's number; 0 before it runs. */
    atomic_int task;
    atomic_bool ended;
};

static inline void waiting_start(struct waiting_thread *thread,
                                 void *(*function)(void *), void *argument)
{
    thread->waiter = waiter_new();
    thread->ended = false;
    thread->task = 0;
    thread->id = check_start(function, argument);
}

/* In the thread itself: before it waits, and when that is over. */
static inline void waiting_begins(struct waiting_thread *thread)
{
    atomic_store(&thread->task, task_self());
    (void)waiter_adopt(thread->waiter);
}

static inline void waiting_ends(struct waiting_thread *thread)
{
    atomic_store(&thread->ended, true);
}

static inline bool waiting_sleeps(struct waiting_thread *thread)
{
    return task_sleeps(thread->task);
}

static inline void waiting_join(struct waiting_thread *thread)
{
    check_join(thread->id);
    waiter_release(thread->waiter);
}

#endif
