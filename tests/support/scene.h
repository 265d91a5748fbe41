/* SPDX-License-Identifier: MIT
 *
 * Threads of the runtime with bodies for tests instead of Lua code.
 *
 * One scene at a time: what a body says and is told lies in `scene`.
 */
#ifndef TESTS_SUPPORT_SCENE_H
#define TESTS_SUPPORT_SCENE_H

#include "by_hand.h"
#include "check.h"
#include "deadlines.h"
#include "task.h"
#include "thread.h"

static struct {
    /* What the body is told. */
    atomic_bool may_end;
    /* What it says. */
    atomic_bool began, ended, kept_to_itself;
    atomic_int id;
    atomic_uint nudges, taken, beats;
    _Atomic(pthread_t) nudged_thread;
    _Atomic(enum wait_result) waited;
} scene;

static inline void scene_begin(void)
{
    memset(&scene, 0, sizeof scene);
}

static inline struct thread *scene_new(void)
{
    struct thread *thread;

    scene_begin();
    thread = thread_new(message_new());
    if (thread == NULL)
        abort();
    return thread;
}

/* Starts it, and returns when its body runs. */
static inline struct thread *scene_start_as(bool detached, bool joinable,
                                            void (*body)(struct thread *))
{
    struct thread *thread = scene_new();

    CHECK_NUMBER(thread_start(thread, detached, joinable, body), 0,
                 "a thread starts");
    CHECK_EVENTUALLY(scene.began, "and runs its body");
    return thread;
}

/* Attached and joinable. */
static inline struct thread *scene_start(void (*body)(struct thread *))
{
    return scene_start_as(false, true, body);
}

/* Ends an attached thread. */
static inline void scene_end(struct thread *thread)
{
    scene.may_end = true;
    thread_reap(thread);
    thread_release(thread);
}

/* Whether its operating system thread is gone. */
static inline bool scene_is_over(void)
{
    return scene.id != 0 && task_is_gone(scene.id);
}

/* Returns when the body has handled all nudges that were sent before. */
static inline void scene_let_it_beat(void)
{
    unsigned before = scene.beats;

    CHECK_EVENTUALLY(scene.beats - before > 1, "a body goes on");
}

static inline void scene_nudged(void *context)
{
    (void)context;
    scene.nudged_thread = pthread_self();
    atomic_fetch_add(&scene.nudges, 1);
}

/* ---- bodies ---- */

static inline void body_begins(struct thread *thread)
{
    scene.kept_to_itself = thread_keeps_to_itself(thread);
    scene.id = task_self();
    scene.began = true;
}

static inline void body_waits_for_the_end(void)
{
    while (!scene.may_end) {
        usleep(20);
        atomic_fetch_add(&scene.beats, 1);
    }
    scene.ended = true;
}

/* Leaves the message from the inbox, relabelled, in the outbox. */
static inline void body_answers(struct thread *thread)
{
    struct message *message = mailbox_pop_owner(&thread->inbox);

    body_begins(thread);
    body_waits_for_the_end();
    message->label = 7;
    thread->estate = message;
    (void)mailbox_push(&thread->outbox, message);
}

static inline void body_accepts(struct thread *thread)
{
    check_expect_signals();
    CHECK(thread_settle(thread), "a child settles");
    thread_accept_interrupts(thread, scene_nudged, NULL);
    body_begins(thread);
    body_waits_for_the_end();
    thread_refuse_interrupts();
}

/* Accepts interrupts, and waits for a message that does not come. */
static inline void body_sleeps(struct thread *thread)
{
    check_expect_signals();
    message_release(mailbox_pop_owner(&thread->inbox));
    (void)thread_settle(thread);
    thread_accept_interrupts(thread, scene_nudged, NULL);
    body_begins(thread);
    scene.waited = wait_at_mailbox(&thread->inbox, &never);
    scene.ended = true;
    body_waits_for_the_end();
    thread_refuse_interrupts();
}

/* ---- the end ---- */

/* Threads that are detached have a moment to go. The calling thread may have a
 * waiter of its own. */
static inline void scene_check_all_gone(void)
{
    CHECK_EVENTUALLY(live_count(LIVE_THREADS) == 0, "all threads go");
    CHECK_EVENTUALLY(live_count(LIVE_WAITERS) <= 1, "with their waiters");
    CHECK_NUMBER(live_count(LIVE_MAILBOXES), 0, "and their mailboxes");
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "and their messages");
}

#endif
