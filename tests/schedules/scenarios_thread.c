/* SPDX-License-Identifier: MIT
 *
 * The life of a thread: started, interrupted, waited for, let go.
 */
#include "../support/by_hand.h"
#include "explore.h"
#include "message.h"
#include "scenarios.h"
#include "thread.h"

/* What the child makes of the label of its message. */
#define ANSWERED 1

static struct thread *thread;
static unsigned bodies, nudges;

static void nudged(void *unused)
{
    (void)unused;
    nudges++;
}

static void begin(void)
{
    struct message *message;

    EXPLORE_CHECK(waiter_setup() == 0, "waiters can be used");
    message = message_new();
    EXPLORE_CHECK(message != NULL, "there is memory for a message");
    thread = thread_new(message);
    EXPLORE_CHECK(thread != NULL, "a thread is made");
}

/* ---- bodies ---- */

/* What the child leaves for its parent: what it got from it. */
static void answers(struct thread *self)
{
    struct message *message = mailbox_pop_owner(&self->inbox);

    bodies++;
    EXPLORE_CHECK(message != NULL, "a child has its message");
    message->label = ANSWERED;
    EXPLORE_CHECK(mailbox_push(&self->outbox, message), "the outbox is open");
}

static void accepts_and_answers(struct thread *self)
{
    EXPLORE_CHECK(thread_settle(self), "a child gets its waiter");
    thread_accept_interrupts(self, nudged, NULL);
    answers(self);
    thread_refuse_interrupts();
}

static bool never_ready(const void *unused)
{
    (void)unused;
    return false;
}

/* Sleeps until it is interrupted. */
static void sleeps(struct thread *self)
{
    static struct waitpoint nowhere;

    EXPLORE_CHECK(thread_settle(self), "a child gets its waiter");
    thread_accept_interrupts(self, nudged, NULL);
    EXPLORE_CHECK(wait_at(&nowhere, never_ready, NULL, &never) ==
                      WAIT_INTERRUPTED,
                  "only an interrupt ends this");
    answers(self);
    thread_refuse_interrupts();
}

/* Looks at nothing but what the nudge has left. */
static void works(struct thread *self)
{
    EXPLORE_CHECK(thread_settle(self), "a child gets its waiter");
    thread_accept_interrupts(self, nudged, NULL);
    while (nudges == 0)
        sched_yield();
    EXPLORE_CHECK(waiter_take_interrupt(), "a nudge has its interrupt");
    answers(self);
    thread_refuse_interrupts();
}

/* ---- parents ---- */

static bool start(bool detached, bool joinable, void (*body)(struct thread *))
{
    int error = thread_start(thread, detached, joinable, body);

    if (error == 0)
        return true;
    EXPLORE_CHECK(thread_state(thread) == THREAD_NEW,
                  "a thread that did not start is new");
    thread_release(thread);
    return false;
}

static void take_answer(void)
{
    struct message *message = mailbox_pop_owner(&thread->outbox);

    EXPLORE_CHECK(message != NULL && message->label == ANSWERED,
                  "the parent finds the answer");
    message_release(message);
}

static void end(void)
{
    thread_reap(thread);
    EXPLORE_CHECK(thread_state(thread) == THREAD_FINISHED, "it has finished");
    take_answer();
    thread_set_joined(thread);
    thread_release(thread);
    EXPLORE_CHECK(bodies == 1, "a body runs once");
}

static void wait_until(const struct deadline *deadline)
{
    enum wait_result result = thread_wait(thread, deadline);

    EXPLORE_CHECK(result == WAIT_READY || result == WAIT_TIMEOUT,
                  "it ends in time, or it does not");
    if (result == WAIT_READY)
        EXPLORE_CHECK(thread_state(thread) == THREAD_FINISHED,
                      "it has finished");
}

static void joined_within(double milliseconds)
{
    struct deadline deadline;

    begin();
    if (!start(false, true, answers))
        return;
    deadline = deadline_after(milliseconds);
    wait_until(&deadline);
    end();
}

static void joined(void)
{
    joined_within(-1);
}

static void joined_in_time(void)
{
    joined_within(5);
}

/* The deadline never expires here. */
static void joined_with_patience(void)
{
    struct deadline soon;

    begin();
    if (!start(false, true, accepts_and_answers))
        return;
    soon = deadline_after(5);
    EXPLORE_CHECK(thread_wait(thread, &soon) == WAIT_READY, "it ends");
    end();
}

static void reaped(void)
{
    begin();
    if (start(false, true, answers))
        end();
}

static void detached(void)
{
    begin();
    if (start(true, false, answers))
        thread_release(thread);
}

static void detached_and_joinable(void)
{
    begin();
    if (start(true, true, answers))
        end();
}

static void detached_and_let_go(void)
{
    begin();
    if (start(true, true, accepts_and_answers))
        thread_release(thread);
}

static void detached_and_interrupted(void)
{
    begin();
    if (!start(true, true, accepts_and_answers))
        return;
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    thread_release(thread);
}

static void never_started(void)
{
    begin();
    thread_release(thread);
}

static void interrupted_in_its_sleep(void)
{
    begin();
    if (!start(false, true, sleeps))
        return;
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    end();
}

static void interrupted_at_work(void)
{
    begin();
    if (!start(false, true, works))
        return;
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    end();
    EXPLORE_CHECK(nudges > 0, "the nudge has come");
}

static void interrupted_at_its_end(void)
{
    begin();
    if (!start(false, true, accepts_and_answers))
        return;
    thread_interrupt(thread, INTERRUPT_ONCE);
    thread_interrupt(thread, INTERRUPT_NONE);
    end();
}

static void interrupts(void *waiter)
{
    waiter_interrupt(waiter, INTERRUPT_ALWAYS);
    waiter_release(waiter);
}

/* A parent that is interrupted while it waits for its child. */
static void interrupted_while_joining(void)
{
    enum wait_result result;
    struct waiter *own;

    begin();
    if (!start(false, true, answers))
        return;
    own = waiter_current();
    waiter_accept_interrupts(nudged, NULL);
    waiter_retain(own);
    explore_start("interrupts", interrupts, own);
    result = thread_wait(thread, &never);
    EXPLORE_CHECK(result == WAIT_READY || result == WAIT_INTERRUPTED,
                  "it ends, or the wait is interrupted");
    waiter_refuse_interrupts();
    end();
    explore_join_all();
}

/* ---- all of them ---- */

const struct explore_scenario scenarios_thread[] = {
    {"thread.joined", joined, 5, false, true},
    {"thread.joined_in_time", joined_in_time, 3, true, true},
    {"thread.joined_with_patience", joined_with_patience, 4, false, false},
    {"thread.reaped", reaped, 5, false, true},
    {"thread.detached", detached, 4, false, true},
    {"thread.detached_and_joinable", detached_and_joinable, 5, false, true},
    {"thread.detached_and_let_go", detached_and_let_go, 4, false, true},
    {"thread.detached_and_interrupted", detached_and_interrupted, 4, false,
     true},
    {"thread.never_started", never_started, 1, false, false},
    {"thread.interrupted_asleep", interrupted_in_its_sleep, 4, false, true},
    {"thread.interrupted_at_work", interrupted_at_work, 4, false, true},
    {"thread.interrupted_at_its_end", interrupted_at_its_end, 4, false, true},
    {"thread.interrupted_joining", interrupted_while_joining, 2, false, true},
    {NULL, NULL, 0, false, false},
};
