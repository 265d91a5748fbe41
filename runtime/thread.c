/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "deadlock.h"
#include "library.h"
#include "live.h"

/* ---- states ---- */

/* A full barrier on both sides of the move. */
static void move_to(struct thread *thread, enum thread_state state)
{
    ck_pr_fence_memory();
    (void)ck_pr_fas_uint(&thread->state, state);
    ck_pr_fence_memory();
}

enum thread_state thread_state(const struct thread *thread)
{
    enum thread_state state = ck_pr_load_uint(&thread->state);

    ck_pr_fence_acquire();
    return state;
}

static bool has_finished(const void *thread)
{
    return thread_state(thread) >= THREAD_FINISHED;
}

/* ---- birth and death ---- */

static void destroy(struct thread *thread)
{
    party_gone(&thread->party);
    mailbox_destroy(&thread->inbox);
    mailbox_destroy(&thread->outbox);
    waiter_release(thread->waiter);
    live_gone(LIVE_THREADS);
    free(thread);
}

static void let_go(struct thread *thread)
{
    if (refcount_give(&thread->references))
        destroy(thread);
}

struct thread *thread_new(struct message *message)
{
    struct thread *thread = calloc(1, sizeof *thread);

    if (thread == NULL)
        return NULL;
    /* The parent's own: for its last wait there may be no memory. */
    if (waiter_current() != NULL)
        thread->waiter = waiter_new();
    if (thread->waiter == NULL) {
        free(thread);
        return NULL;
    }
    refcount_init(&thread->references);
    mailbox_init(&thread->inbox);
    mailbox_init(&thread->outbox);
    party_born(&thread->party, &thread->inbox, &thread->outbox);
    live_born(LIVE_THREADS);
    (void)mailbox_push(&thread->inbox, message);
    return thread;
}

void thread_release(struct thread *thread)
{
    if (thread->detached && !thread->released)
        osthread_detach(&thread->os);
    party_set_parent(&thread->party, NULL);
    let_go(thread);
}

/* ---- the child ---- */

/* FINISHED before the wake-up, and the reference until after it: see the
 * essay. The party rests after it, or those who wait for the thread would seem
 * to wait in vain. */
static void *child_main(void *argument)
{
    struct thread *thread = argument;
    struct acting acting;

    osthread_name_self("llthread");
    osthread_nudge_allow();
    party_enter(&acting, &thread->party);
    thread->body(thread);
    party_leave(&acting);
    move_to(thread, THREAD_FINISHED);
    waitpoint_wake(&thread->finish);
    party_rest(&thread->party);
    deadlock_notice_end(&thread->party);
    let_go(thread);
    return NULL;
}

bool thread_settle(struct thread *thread)
{
    return waiter_adopt(thread->waiter);
}

void thread_accept_interrupts(struct thread *thread, void (*nudged)(void *),
                              void *context)
{
    waiter_accept_interrupts(nudged, context);
    move_to(thread, THREAD_RUNNING);
    if (waiter_is_interrupted(thread->waiter))
        nudged(context);
}

void thread_refuse_interrupts(void)
{
    waiter_refuse_interrupts();
}

/* ---- start ---- */

static void install_nudge(void)
{
    osthread_nudge_setup(waiter_nudged);
}

/* The code of this file must stay mapped while a child runs in it, even if the
 * parent's Lua state is closed and unloads us. */
static int prepare_process(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (!library_pin((const void *)(uintptr_t)child_main))
        return ENOMEM;
    return pthread_once(&once, install_nudge);
}

int thread_start(struct thread *thread, bool detached, bool joinable,
                 void (*body)(struct thread *))
{
    int error = prepare_process();

    if (error != 0)
        return error;
    if (detached && !message_own(mailbox_peek_owner(&thread->inbox)))
        return ENOMEM;
    thread->body = body;
    thread->detached = detached;
    thread->joinable = joinable;
    refcount_take(&thread->references);
    party_rise(&thread->party);
    move_to(thread, THREAD_STARTED);
    error = osthread_start(&thread->os, child_main, thread);
    if (error != 0) {
        move_to(thread, THREAD_NEW);
        party_rest(&thread->party);
        thread->detached = thread->joinable = false;
        (void)refcount_give(&thread->references);
        return error;
    }
    if (detached && !joinable) {
        osthread_detach(&thread->os);
        thread->released = true;
    }
    return 0;
}

bool thread_keeps_to_itself(const struct thread *thread)
{
    return thread->detached || !thread->joinable;
}

/* ---- end ---- */

void thread_reap(struct thread *thread)
{
    if (thread->released)
        return;
    osthread_join(&thread->os);
    thread->released = true;
}

static struct wait_for end_of(struct thread *thread)
{
    return (struct wait_for){
        .point = &thread->finish,
        .ready = has_finished,
        .thing = thread,
        .party = &thread->party,
    };
}

void thread_reap_last(struct thread *thread, bool closing)
{
    struct wait_for end = end_of(thread);

    if (!thread->released && !osthread_is_gone(&thread->os) &&
        !has_finished(thread))
        deadlock_last_wait(&end, closing);
    thread_reap(thread);
}

/* Where neither a deadline nor an interrupt can end the wait, the operating
 * system does it alone: the end of the thread follows FINISHED at once, and a
 * thread that is woken for both is woken twice (60 against 50 us from new to
 * join). */
enum wait_result thread_wait(struct thread *thread,
                             const struct deadline *deadline)
{
    struct wait_for end = end_of(thread);

    if (deadline->kind != DEADLINE_NEVER || waiter_accepts_interrupts())
        return waitpoint_wait_for(&end, deadline);
    thread_reap(thread);
    return WAIT_READY;
}

void thread_set_joined(struct thread *thread)
{
    move_to(thread, THREAD_JOINED);
}

void thread_interrupt(struct thread *thread, enum interrupt_mode mode)
{
    if (thread_state(thread) >= THREAD_FINISHED || thread->released)
        return;
    waiter_interrupt(thread->waiter, mode);
    ck_pr_fence_memory();
    if (mode != INTERRUPT_NONE && thread_state(thread) == THREAD_RUNNING)
        osthread_nudge(&thread->os);
}
