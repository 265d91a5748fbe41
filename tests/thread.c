/* SPDX-License-Identifier: MIT
 *
 * The life of a thread: started, interrupted, waited for, let go.
 *
 * tests/thread_races.c has what happens when parent and child meet.
 */
#include "thread.h"

#include <dlfcn.h>

#include "support/check.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/limits.h"
#include "support/no_memory.h"
#include "support/scene.h"

/* Counted, for joining a thread twice has no effect that can be relied on. */
static atomic_uint joins;

int pthread_join(pthread_t thread, void **result)
{
    int (*join)(pthread_t, void **);

    *(void **)&join = dlsym(RTLD_NEXT, "pthread_join");
    atomic_fetch_add(&joins, 1);
    return join(thread, result);
}

/* ---- birth ---- */

static void a_new_thread_has_its_message(void)
{
    struct message *message = message_new();
    struct thread *thread = thread_new(message);

    CHECK(thread_state(thread) == THREAD_NEW, "a thread is new at first");
    CHECK(!thread->detached && !thread->joinable && !thread->released,
          "and nothing is decided");
    CHECK(mailbox_peek_owner(&thread->inbox) == message,
          "its message is in the inbox");
    CHECK(mailbox_peek_owner(&thread->outbox) == NULL,
          "and none in the outbox");
    CHECK_NUMBER(live_count(LIVE_THREADS), 1, "it is counted");
    CHECK_NUMBER(live_count(LIVE_MAILBOXES), 2, "so are its mailboxes");
    thread_release(thread);
    scene_check_all_gone();
}

static void without_memory_there_is_no_thread(void)
{
    struct message *message = message_new();
    struct thread *thread;
    unsigned long n = 1;

    do {
        no_memory_once(n++);
        thread = thread_new(message);
        CHECK(no_memory_end() == (thread == NULL),
              "a thread is made if there is memory");
        CHECK_NUMBER(live_count(LIVE_THREADS), thread != NULL,
                     "one that is not made is not counted");
    } while (thread == NULL && n < 100);
    CHECK(n > 2, "a thread needs memory");
    CHECK(mailbox_pop_owner(&thread->inbox) == message,
          "the message is whole until there is a thread for it");
    message_release(message);
    thread_release(thread);
    scene_check_all_gone();
}

static void memory_may_run_out(void)
{
    if (no_memory_works())
        without_memory_there_is_no_thread();
}

/* ---- start ---- */

/* No system has room for a stack like this. */
static bool forbid_threads(struct rlimit *before)
{
    if (limit_stacks((rlim_t)1 << 56, before))
        return true;
    check_skip("an enormous limit of the stack cannot be set");
    return false;
}

static void a_refused_start_can_be_repeated(void)
{
    struct thread *thread = scene_new();
    struct rlimit before;
    int i, error;

    for (i = 0; i < 3 && forbid_threads(&before); i++) {
        error = thread_start(thread, i == 1, i != 1, body_answers);
        limit_stacks_end(&before);
        CHECK(error > 0, "what the system says is returned");
        CHECK(thread_state(thread) == THREAD_NEW, "the thread is still new");
        CHECK(!thread->detached && !thread->joinable,
              "and nothing is decided yet");
    }
    CHECK_NUMBER(thread_start(thread, false, true, body_answers), 0,
                 "it can be started later");
    CHECK(thread->joinable && !thread->detached, "with its flags");
    scene_end(thread);
    scene_check_all_gone();
}

/* What start() was told, and what follows. */
static void live_through(bool detached, bool joinable)
{
    struct thread *thread = scene_new();
    bool keeps = detached || !joinable;

    scene.may_end = true;
    CHECK_NUMBER(thread_start(thread, detached, joinable, body_answers), 0,
                 "a thread can be started in each way");
    CHECK(thread->detached == detached && thread->joinable == joinable,
          "and knows in which");
    CHECK(thread_keeps_to_itself(thread) == keeps,
          "only attached joinable threads leave things to their parent");
    CHECK(thread->released == (detached && !joinable),
          "only threads that nobody can join are detached at once");
    if (!thread->released) {
        CHECK(thread_wait(thread, &never) == WAIT_READY,
              "a thread that can be joined can be waited for");
        CHECK(thread_state(thread) == THREAD_FINISHED, "until it has finished");
        CHECK(scene.kept_to_itself == keeps, "the child knows the same");
    }
    if (!detached)
        thread_reap(thread);
    thread_release(thread);
    CHECK_EVENTUALLY(scene_is_over(), "each thread ends");
    scene_check_all_gone();
}

static void there_are_four_ways_to_start(void)
{
    live_through(false, false);
    live_through(false, true);
    live_through(true, false);
    live_through(true, true);
}

static void body_tells_its_name(struct thread *thread)
{
    char name[16] = "";

    pthread_getname_np(pthread_self(), name, sizeof name);
    CHECK_TEXT(name, "llthread", "a child is named");
    body_answers(thread);
}

static void a_child_has_a_name(void)
{
    struct thread *thread = scene_start(body_tells_its_name);

    scene_end(thread);
}

/* ---- the states of a life ---- */

static void body_goes_through_states(struct thread *thread)
{
    CHECK(thread_state(thread) == THREAD_STARTED, "a child starts as started");
    (void)thread_settle(thread);
    CHECK(waiter_current() == thread->waiter, "it has the thread's waiter");
    thread_accept_interrupts(thread, scene_nudged, NULL);
    CHECK(thread_state(thread) == THREAD_RUNNING,
          "it runs when it accepts interrupts");
    CHECK(waiter_accepts_interrupts(), "which it does then");
    thread_refuse_interrupts();
    CHECK(!waiter_accepts_interrupts(), "until it refuses them");
    body_begins(thread);
    body_waits_for_the_end();
}

static void a_life_has_states(void)
{
    struct thread *thread = scene_start(body_goes_through_states);

    CHECK(thread_state(thread) == THREAD_RUNNING, "the parent sees it running");
    scene.may_end = true;
    joins = 0;
    thread_reap(thread);
    CHECK(thread_state(thread) == THREAD_FINISHED, "and finished");
    thread_set_joined(thread);
    CHECK(thread_state(thread) == THREAD_JOINED, "and joined");
    thread_reap(thread);
    CHECK(thread_state(thread) == THREAD_JOINED && joins == 1,
          "reaping twice is reaping");
    thread_release(thread);
    scene_check_all_gone();
}

/* ---- waiting for the end ---- */

static void wait_for_the_end(struct thread *thread)
{
    struct deadline deadline;
    double start = check_seconds();

    CHECK(thread_wait(thread, &at_once) == WAIT_TIMEOUT,
          "a thread that runs has not finished");
    deadline = deadline_after(5);
    CHECK(thread_wait(thread, &deadline) == WAIT_TIMEOUT,
          "nor has it soon after");
    CHECK(check_seconds() - start >= 0.005, "a deadline is not early");
    scene.may_end = true;
    deadline = deadline_after(1e7);
    CHECK(thread_wait(thread, &deadline) == WAIT_READY,
          "the end of a thread ends the wait for it");
    CHECK(scene.ended && thread_state(thread) == THREAD_FINISHED,
          "and not before it has finished");
    CHECK(thread_wait(thread, &at_once) == WAIT_READY &&
              thread_wait(thread, &deadline) == WAIT_READY,
          "it has finished for ever");
    deadline = never;
    CHECK(thread_wait(thread, &deadline) == WAIT_READY &&
              thread_wait(thread, &deadline) == WAIT_READY,
          "also for those who would wait for ever");
}

static void check_result(struct thread *thread)
{
    struct message *message = mailbox_pop_owner(&thread->outbox);

    if (!CHECK(message != NULL, "its result is there"))
        return;
    CHECK_NUMBER(message->label, 7, "with all the child has written");
    CHECK(thread->estate == message, "wherever it has written it");
    message_release(message);
}

static void the_end_can_be_waited_for(void)
{
    struct thread *thread = scene_start(body_answers);

    wait_for_the_end(thread);
    check_result(thread);
    scene_end(thread);

    thread = scene_start(body_accepts);
    wait_for_the_end(thread);
    scene_end(thread);
    scene_check_all_gone();
}

static void the_end_can_be_waited_for_without_end(void)
{
    struct thread *thread = scene_start(body_answers);

    scene.may_end = true;
    CHECK(thread_wait(thread, &never) == WAIT_READY,
          "the end of a thread ends a wait without a deadline");
    check_result(thread);
    scene_end(thread);
    scene_check_all_gone();
}

/* A parent that is itself a child can be interrupted while it waits. */
static void wait_interrupted(void)
{
    struct thread *thread;

    thread = scene_start(body_answers);
    waiter_accept_interrupts(scene_nudged, NULL);
    waiter_interrupt(own, INTERRUPT_ONCE);
    CHECK(thread_wait(thread, &never) == WAIT_INTERRUPTED,
          "a wait for the end can be interrupted");
    CHECK(thread_state(thread) != THREAD_FINISHED,
          "which does nothing to the thread");
    scene.may_end = true;
    CHECK(thread_wait(thread, &never) == WAIT_READY,
          "it can be waited for again");
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    CHECK(thread_wait(thread, &never) == WAIT_READY,
          "one that has finished comes before an interrupt");
    check_result(thread);
    scene_end(thread);
}

static void a_wait_for_the_end_can_be_interrupted(void)
{
    with_own_waiter(wait_interrupted);
    scene_check_all_gone();
}

/* ---- interrupts ---- */

static void an_interrupt_may_come_before_the_start(void)
{
    struct thread *thread = scene_new();

    thread_interrupt(thread, INTERRUPT_ONCE);
    CHECK_NUMBER(thread_start(thread, false, true, body_accepts), 0,
                 "a thread that is interrupted can be started");
    CHECK_EVENTUALLY(scene.began, "and runs");
    CHECK_NUMBER(scene.nudges, 1, "it is nudged as soon as it accepts that");
    CHECK(waiter_is_interrupted(thread->waiter), "and finds the interrupt");
    scene_end(thread);

    thread = scene_new();
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    thread_interrupt(thread, INTERRUPT_NONE);
    (void)thread_start(thread, false, true, body_accepts);
    CHECK_EVENTUALLY(scene.began, "a thread runs");
    scene_let_it_beat();
    CHECK_NUMBER(scene.nudges, 0, "one that was taken back nudges nobody");
    scene_end(thread);
    scene_check_all_gone();
}

static void an_interrupt_reaches_running_code(void)
{
    struct thread *thread = scene_start(body_accepts);

    CHECK_NUMBER(scene.nudges, 0, "nobody is nudged without a reason");
    thread_interrupt(thread, INTERRUPT_ONCE);
    CHECK_EVENTUALLY(scene.nudges == 1, "an interrupt nudges");
    CHECK(pthread_equal(scene.nudged_thread, thread->os.id),
          "the thread it is for");
    thread_interrupt(thread, INTERRUPT_NONE);
    CHECK(!waiter_is_interrupted(thread->waiter),
          "one that is taken back is gone");
    scene_let_it_beat();
    CHECK_NUMBER(scene.nudges, 1, "taking back nudges nobody");
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    CHECK_EVENTUALLY(scene.nudges == 2, "the next one nudges again");
    scene_let_it_beat();
    CHECK_NUMBER(scene.nudges, 2, "and once");
    scene_end(thread);
    scene_check_all_gone();
}

static void an_interrupt_ends_the_wait_of_a_child(void)
{
    struct thread *thread = scene_start(body_sleeps);

    CHECK_EVENTUALLY(ck_pr_load_uint(&thread->inbox.arrival.waiting) == 1,
                     "a child waits");
    thread_interrupt(thread, INTERRUPT_ONCE);
    CHECK_EVENTUALLY(scene.ended, "an interrupt ends its wait");
    CHECK(scene.waited == WAIT_INTERRUPTED, "which is told so");
    CHECK_EVENTUALLY(scene.nudges == 1, "and it is nudged");
    scene_end(thread);
    scene_check_all_gone();
}

static void an_interrupt_may_come_too_late(void)
{
    struct thread *thread = scene_start(body_accepts);

    scene.may_end = true;
    CHECK_EVENTUALLY(scene_is_over(), "a thread ends");
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    CHECK(!waiter_is_interrupted(thread->waiter) && scene.nudges == 0,
          "a thread that has finished is not interrupted");
    thread_reap(thread);
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    thread_set_joined(thread);
    thread_interrupt(thread, INTERRUPT_ALWAYS);
    CHECK(!waiter_is_interrupted(thread->waiter) && scene.nudges == 0,
          "nor is one that was joined");
    thread_release(thread);
    scene_check_all_gone();
}

static void who_refuses_is_not_nudged(void)
{
    struct thread *thread = scene_start(body_goes_through_states);

    thread_interrupt(thread, INTERRUPT_ALWAYS);
    scene_end(thread);
    CHECK_NUMBER(scene.nudges, 0,
                 "a thread that refuses interrupts is not nudged");
    scene_check_all_gone();
}

static void a_thread_that_nobody_joins_is_not_interrupted(void)
{
    struct thread *thread = scene_start_as(true, false, body_accepts);

    thread_interrupt(thread, INTERRUPT_ALWAYS);
    CHECK(!waiter_is_interrupted(thread->waiter) && scene.nudges == 0,
          "it is not interrupted");
    scene.may_end = true;
    thread_release(thread);
    scene_check_all_gone();
}

static void a_detached_thread_can_be_interrupted_if_joinable(void)
{
    struct thread *thread = scene_start_as(true, true, body_accepts);

    thread_interrupt(thread, INTERRUPT_ONCE);
    CHECK_EVENTUALLY(scene.nudges == 1, "it can be interrupted");
    scene.may_end = true;
    thread_release(thread);
    scene_check_all_gone();
}

/* Children get the signals of their parent blocked; nudges must not be. */
static void a_child_can_be_nudged_whatever_its_parent_blocks(void)
{
    struct thread *thread;
    sigset_t everything, before;

    sigfillset(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &before);
    thread = scene_start(body_accepts);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    thread_interrupt(thread, INTERRUPT_ONCE);
    CHECK_EVENTUALLY(scene.nudges == 1, "a child can be nudged, whatever its "
                                        "parent blocks");
    scene_end(thread);
}

/* ---- who lets go when ---- */

static void the_parent_may_let_go_first(void)
{
    struct thread *thread = scene_start_as(true, true, body_answers);

    thread_release(thread);
    CHECK_NUMBER(live_count(LIVE_THREADS), 1, "a child needs its thread");
    scene.may_end = true;
    CHECK_EVENTUALLY(scene_is_over(), "and ends by itself");
    scene_check_all_gone();

    thread = scene_new();
    (void)thread_start(thread, true, false, body_answers);
    thread_release(thread);
    scene.may_end = true;
    scene_check_all_gone();
}

static void the_child_may_let_go_first(void)
{
    struct thread *thread = scene_new();

    scene.may_end = true;
    (void)thread_start(thread, true, false, body_answers);
    CHECK_EVENTUALLY(scene_is_over(), "a detached thread ends by itself");
    CHECK_NUMBER(live_count(LIVE_THREADS), 1, "its parent may still ask");
    CHECK(thread_state(thread) == THREAD_FINISHED, "what has become of it");
    thread_release(thread);
    scene_check_all_gone();

    thread = scene_new();
    scene.may_end = true;
    (void)thread_start(thread, true, true, body_answers);
    CHECK_EVENTUALLY(scene_is_over(), "so does a joinable one");
    CHECK(thread_state(thread) == THREAD_FINISHED, "its parent may ask, too");
    thread_release(thread);
    scene_check_all_gone();
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a new thread has its message", a_new_thread_has_its_message);
    check_part("memory may run out", memory_may_run_out);
    check_part("a refused start can be repeated",
               a_refused_start_can_be_repeated);
    check_part("there are four ways to start", there_are_four_ways_to_start);
    check_part("a child has a name", a_child_has_a_name);
    check_part("a life has states", a_life_has_states);
    check_part("the end can be waited for", the_end_can_be_waited_for);
    check_part("the end can be waited for without end",
               the_end_can_be_waited_for_without_end);
    check_part("a wait for the end can be interrupted",
               a_wait_for_the_end_can_be_interrupted);
    check_part("an interrupt may come before the start",
               an_interrupt_may_come_before_the_start);
    check_part("an interrupt reaches running code",
               an_interrupt_reaches_running_code);
    check_part("an interrupt ends the wait of a child",
               an_interrupt_ends_the_wait_of_a_child);
    check_part("an interrupt may come too late",
               an_interrupt_may_come_too_late);
    check_part("who refuses is not nudged", who_refuses_is_not_nudged);
    check_part("a thread that nobody joins is not interrupted",
               a_thread_that_nobody_joins_is_not_interrupted);
    check_part("a detached thread can be interrupted if joinable",
               a_detached_thread_can_be_interrupted_if_joinable);
    check_part("a child can be nudged whatever its parent blocks",
               a_child_can_be_nudged_whatever_its_parent_blocks);
    check_part("the parent may let go first", the_parent_may_let_go_first);
    check_part("the child may let go first", the_child_may_let_go_first);
}

int main(void)
{
    return check_program("thread", all);
}
