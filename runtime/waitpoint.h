/* SPDX-License-Identifier: MIT
 *
 * What threads wait at.
 *
 * Overview
 * --------
 * A waitpoint belongs to a thing that becomes ready now and then: a queue that
 * gets a message, a thread that ends. It holds a list of the threads that wait
 * for it, oldest first. Making the thing ready once wakes one of them; so as
 * many threads wake as there is work for. A thread may wait at several
 * waitpoints at once and is woken by the first.
 *
 * Use
 * ---
 * Waiting: waitpoint_wait_for() or waitpoint_wait_any(), with a function that
 * tells whether the thing is ready, and never says no of one that has been
 * ready all the while it was asked. Being told "ready" is no possession:
 * another thread may take what there was; then wait again. Waking: make the
 * thing ready with an atomic read-modify-write, then call waitpoint_wake().
 *
 * Why no wake-up is lost
 * ----------------------
 *      waiting thread                        waking thread
 *   1  snapshot of its event count        a  makes the thing ready
 *   2  enters the list, waiting > 0          (atomic RMW)
 *      -- full fence --                      -- fence, RMW before load --
 *   3  ready, or interrupted?             b  waiting > 0?
 *   4  sleeps unless the event count      c  takes the oldest thread out,
 *      has moved since 1                     increments its event count
 *
 * The two fences forbid that 3 misses a and b misses 2, both. So either the
 * waiting thread sees the thing ready and does not sleep, or the waking thread
 * sees it in the list, and c comes after 1.
 *
 * Why no wake-up is wasted
 * ------------------------
 * A thread that has been taken out of a list looks at the thing once more
 * before it gives up because of its deadline or an interrupt. If it finds it
 * ready it reports that. If it does not, somebody else has taken what the
 * wake-up was for. A thread that waits for several things and was woken for
 * one, but reports another that is ready too, passes the wake-up on.
 *
 * A thread is woken for one thing only: the first waker sets `woken` in its
 * struct waitset by compare-and-swap; a second waker that meets the same
 * thread in another list drops it there and wakes the next.
 *
 * The list's lock, and why no waker waits for it
 * ----------------------------------------------
 * The list has a lock (runtime/lockword.h) whose word also holds the number of
 * wake-ups that are still to be delivered. A waker adds its wake-up to the word
 * and delivers if the lock is free; if not, the holder will. So a waker is
 * never delayed by a thread that was stopped with the lock in its hands. Only
 * threads that go to sleep anyway wait for it. It is never held across a system
 * call.
 *
 * Who may free what
 * -----------------
 * A registration (struct waitnode) lies in the memory of the waiting thread. A
 * waker touches it under the lock only, and clears `linked` with its last
 * touch; the waiting thread leaves when it sees `linked` cleared, or has
 * unlinked the node itself under the lock. Between taking a thread out and
 * incrementing its event count the waker holds a reference to the waiter. The
 * waitpoint itself must stay alive until the calls on it have returned.
 */
#ifndef RUNTIME_WAITPOINT_H
#define RUNTIME_WAITPOINT_H

#include <stdbool.h>

#include "waiter.h"

enum wait_result {
    WAIT_READY,
    WAIT_TIMEOUT,
    WAIT_INTERRUPTED,
    WAIT_NO_MEMORY
};

struct handle;
struct party;
struct waitnode;

/* All zero is a new one, and it needs no destruction. */
struct waitpoint {
    /* The lock, and wake-ups to be delivered. */
    unsigned word;
    /* How many nodes are in the list. Written under the lock. */
    unsigned waiting;
    struct waitnode *first, *last;
};

/* One wait of one thread, at however many waitpoints. */
struct waitset {
    struct waiter *waiter;
    /* 0, or 1 + the number of the node that has been woken. */
    unsigned woken;
};

/* A thread in the list of a waitpoint. */
struct waitnode {
    struct waitnode *next, *previous;
    struct waitset *set;
    unsigned number;
    unsigned linked;
};

/* Something to wait for. `node` is for the wait alone. */
struct wait_for {
    struct waitpoint *point;
    bool (*ready)(const void *thing);
    const void *thing;
    /* Who alone can make it ready, if that is known: those who have the handle,
     * or else whoever acts for the party. See runtime/deadlock.h. */
    struct handle *handle;
    struct party *party;
    struct waitnode node;
};

/* Sleeps until one of the things is ready, an interrupt, if the calling thread
 * accepts them, or the deadline; looks for them in this order. *which is the
 * first ready thing from number `start` on, round the end. Never sleeps, and
 * makes no system call, if something is ready or the deadline is at once. */
enum wait_result waitpoint_wait_any(struct wait_for *things, unsigned count,
                                    unsigned start,
                                    const struct deadline *deadline,
                                    unsigned *which);

/* The same for one thing. */
enum wait_result waitpoint_wait_for(struct wait_for *thing,
                                    const struct deadline *deadline);

/* Wakes one of the threads that wait, `count` of them, or all. Any thread,
 * after it has made the thing ready with an atomic read-modify-write; without a
 * system call and without a write if nobody waits. Never waits. */
void waitpoint_wake(struct waitpoint *point);
void waitpoint_wake_some(struct waitpoint *point, unsigned count);
void waitpoint_wake_all(struct waitpoint *point);

#endif
