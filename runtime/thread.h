/* SPDX-License-Identifier: MIT
 *
 * The life of a thread.
 *
 * Overview
 * --------
 *                       start fails
 *                     +-----------+
 *                     v           |
 *      thread_new -> NEW -----> STARTED --> RUNNING --> FINISHED --> JOINED
 *                        start        the child         |   thread_join
 *                                                       |
 *                  detached and not joinable: nobody joins; the child drops
 *                  the last reference, or the thread object does
 *
 * One atomic word holds the state. The parent moves it from NEW to STARTED
 * (and back, if the operating system refuses) and from FINISHED to JOINED, the
 * child from STARTED to RUNNING and from there to FINISHED; so each move has
 * one author, and a compare-and-swap is not needed.
 *
 *   NEW       no operating system thread exists
 *   STARTED   it exists, and prepares itself
 *   RUNNING   it runs what it was made for, and can be nudged
 *   FINISHED  what it was made for has ended and its result, if the parent
 *             wants one, lies in `outbox`. The OS thread is about to end
 *   JOINED    the parent has collected the end
 *
 * Two roles use a thread. The *parent* is the thread that runs the Lua state
 * of the thread object; all functions below are the parent's unless they say
 * otherwise. The *child* is the new thread. Both hold a reference; the last to
 * let go frees the structure. `inbox` carries messages to the child, `outbox`
 * to the parent.
 *
 * Why the end is not missed
 * -------------------------
 * The child puts its result into `outbox`, then sets FINISHED with an atomic
 * swap (a release before it), then wakes `finish`. The parent waits at
 * `finish` for FINISHED and reads with an acquire: it finds the result, and
 * everything else the child has done with the structure and with its Lua
 * state. runtime/waitpoint.h shows that the wake-up cannot be lost. The child's
 * own reference keeps `finish` alive until it has been woken.
 *
 * Why an interrupt is not missed, and touches nothing that is gone
 * ----------------------------------------------------------------
 * An interrupt is a word in the child's waiter, plus a nudge: a signal to the
 * child, which makes it look at the word while it executes code.
 *
 *      parent                              child
 *   1  sets the word (and wakes waits)  a  sets RUNNING with an atomic swap
 *   2  RUNNING? then nudges             b  looks at the word
 *
 * Both have a full barrier between their two steps, so that either b sees the
 * word or 2 sees RUNNING. The nudge needs a live thread id: the id stays valid
 * until the parent itself joins or detaches the thread, and it does neither at
 * the same time. A thread that was detached at its start is never nudged. What
 * the nudge does is decided by the child, on its own thread: before RUNNING
 * and after the end of its work it does nothing.
 */
#ifndef RUNTIME_THREAD_H
#define RUNTIME_THREAD_H

#include <stdbool.h>

#include "mailbox.h"
#include "osthread.h"
#include "party.h"
#include "refcount.h"
#include "waitpoint.h"

enum thread_state {
    THREAD_NEW,
    THREAD_STARTED,
    THREAD_RUNNING,
    THREAD_FINISHED,
    THREAD_JOINED
};

struct thread {
    struct refcount references;
    /* enum thread_state */
    unsigned state;
    struct waitpoint finish;
    struct mailbox inbox, outbox;
    /* The child's. */
    struct waiter *waiter;
    void (*body)(struct thread *);
    /* What the child leaves to the parent, which disposes of it. */
    void *estate;
    /* The state that the child runs, as others see it. */
    struct party party;
    /* The parent's; the flags are fixed when the thread is started. */
    struct osthread os;
    bool detached, joinable;
    /* The parent has joined or detached the operating system thread. */
    bool released;
};

/* A thread that has not been started, with its message in the inbox, which it
 * owns from now on. What the message has been lent is kept by the caller until
 * the thread has been joined, or is detached at its start. NULL: out of memory;
 * then the message is still the caller's. Any thread, which becomes the parent.
 */
struct thread *thread_new(struct message *message);

/* Runs body(thread) in a new thread. 0 or an error number; after an error the
 * thread is NEW as before. Only in state NEW. */
int thread_start(struct thread *thread, bool detached, bool joinable,
                 void (*body)(struct thread *));

/* Any thread. */
enum thread_state thread_state(const struct thread *thread);

/* Whether the child, not the parent, disposes of what it has made. Both. */
bool thread_keeps_to_itself(const struct thread *thread);

/* Waits for FINISHED. Only when started, and not detached at the start. */
enum wait_result thread_wait(struct thread *thread,
                             const struct deadline *deadline);

/* Waits for the end of the operating system thread, without regard to
 * interrupts; the state is FINISHED or JOINED after it. Nothing if that has
 * been done. Only for a thread that was started and not detached. */
void thread_reap(struct thread *thread);

/* The same for a thread object that is being collected, perhaps because its
 * state is `closing`: a last wait (runtime/deadlock.h). */
void thread_reap_last(struct thread *thread, bool closing);

/* FINISHED, and reaped, to JOINED. */
void thread_set_joined(struct thread *thread);

/* Sends an interrupt or takes it back. Nothing once FINISHED, or if detached
 * at the start. */
void thread_interrupt(struct thread *thread, enum interrupt_mode mode);

/* The parent lets go. A joinable detached thread is detached, never waited
 * for; an attached one must have been reaped. */
void thread_release(struct thread *thread);

/* ---- for the body, in the child ---- */

/* First of all: from now on the child can wait. False: out of memory. */
bool thread_settle(struct thread *thread);

/* From now on nudged(context) is called in this thread, as by a signal, when
 * an interrupt arrives, and at once if one has arrived already. */
void thread_accept_interrupts(struct thread *thread, void (*nudged)(void *),
                              void *context);

/* The opposite; waits are not interrupted any more either. */
void thread_refuse_interrupts(void);

#endif
