/* SPDX-License-Identifier: MIT
 *
 * What happens when a parent and its child meet: between any two of their
 * instructions, and in storms of interrupts.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/scene.h"
#include "support/step.h"
#include "support/stress.h"
#include "thread.h"

/* ---- an interrupt while the child gets ready for it ---- */

static unsigned long place;

static void accept(void *thread)
{
    thread_accept_interrupts(thread, scene_nudged, NULL);
}

static void interrupt(void *thread)
{
    thread_interrupt(thread, INTERRUPT_ALWAYS);
}

/* Done by the child itself, between two instructions: what its parent could
 * do. */
static void body_is_interrupted_while_it_gets_ready(struct thread *thread)
{
    (void)thread_settle(thread);
    step_meet(place, accept, interrupt, thread);
    body_begins(thread);
    CHECK_EVENTUALLY(scene.nudges > 0, "an interrupt is never missed");
    CHECK(waiter_has_interrupt(), "and is there when it is noticed");
    thread_refuse_interrupts();
}

static void a_child_can_be_interrupted_at_any_time(void)
{
    struct step_tour tour;
    struct thread *thread;

    for (tour = step_tour("accept"); step_on_tour(&tour);) {
        place = tour.n;
        thread = scene_start(body_is_interrupted_while_it_gets_ready);
        scene_end(thread);
    }
    scene_check_all_gone();
}

/* The same, as the parent sees it: its child gets ready while it is stopped. */
static atomic_bool may_accept;

static void body_accepts_late(struct thread *thread)
{
    scene.id = task_self();
    while (!may_accept)
        usleep(20);
    body_accepts(thread);
}

static void let_child_accept(void *argument)
{
    (void)argument;
    may_accept = true;
    while (!scene.began)
        usleep(20);
}

static void a_child_can_get_ready_while_it_is_interrupted(void)
{
    struct step_tour tour;
    struct thread *thread;

    for (tour = step_tour("get ready"); step_on_tour(&tour);) {
        may_accept = false;
        thread = scene_new();
        (void)thread_start(thread, false, true, body_accepts_late);
        step_meet(tour.n, interrupt, let_child_accept, thread);
        CHECK_EVENTUALLY(scene.nudges > 0, "an interrupt is never missed");
        scene_end(thread);
    }
    scene_check_all_gone();
}

/* ---- the child's end while its parent is at it ---- */

static void end_child(void *argument)
{
    (void)argument;
    scene.may_end = true;
    while (!scene_is_over())
        usleep(20);
}

static void a_child_can_end_while_it_is_interrupted(void)
{
    struct step_tour tour;
    struct thread *thread;

    for (tour = step_tour("interrupt"); step_on_tour(&tour);) {
        thread = scene_start(body_accepts);
        step_meet(tour.n, interrupt, end_child, thread);
        CHECK(thread_state(thread) == THREAD_FINISHED,
              "a child ends whatever its parent is about to do");
        scene_end(thread);
    }
    scene_check_all_gone();
}

static enum wait_result result;

static void wait_for_child(void *thread)
{
    struct deadline late = deadline_after(1e7);

    result = thread_wait(thread, &late);
}

/* A missed end makes this hang. */
static void a_child_can_end_while_it_is_waited_for(void)
{
    struct step_tour tour;
    struct thread *thread;

    for (tour = step_tour("wait"); step_on_tour(&tour);) {
        thread = scene_start(body_answers);
        (void)step_run(tour.n, wait_for_child, end_child, thread);
        CHECK(result == WAIT_READY, "the end of a child is not missed");
        CHECK(mailbox_peek_owner(&thread->outbox) != NULL, "nor is its result");
        scene_end(thread);
    }
    scene_check_all_gone();
}

/* ---- the parent lets go while the child ends ---- */

static atomic_bool child_stands, child_may_go_on;

static void stand_still(void *argument)
{
    (void)argument;
    child_stands = true;
    while (!child_may_go_on)
        usleep(20);
}

/* Is stopped after its end, when the runtime ends the thread. */
static void body_stops_at_its_end(struct thread *thread)
{
    body_begins(thread);
    step_begin(place, false, stand_still, NULL);
}

static struct thread *start_to_stop(unsigned long n, bool detached)
{
    struct thread *thread = scene_new();

    place = n;
    child_stands = child_may_go_on = false;
    (void)thread_start(thread, detached, true, body_stops_at_its_end);
    CHECK_EVENTUALLY(child_stands || scene_is_over(),
                     "a child stops at its end, or ends");
    return thread;
}

static void a_parent_can_let_go_while_its_child_ends(void)
{
    struct step_tour tour;
    struct thread *thread;

    for (tour = step_tour("let go"); step_on_tour(&tour);) {
        thread = start_to_stop(tour.n, true);
        thread_release(thread);
        child_may_go_on = true;
        CHECK_EVENTUALLY(scene_is_over(), "a child ends without its parent");
        scene_check_all_gone();
    }
}

static void a_parent_can_do_anything_while_its_child_ends(void)
{
    struct step_tour tour;
    struct thread *thread;
    bool finished;

    for (tour = step_tour("ask"); step_on_tour(&tour);) {
        thread = start_to_stop(tour.n, false);
        finished = thread_state(thread) == THREAD_FINISHED;
        CHECK((thread_wait(thread, &at_once) == WAIT_READY) == finished,
              "a child has finished when its state says so");
        thread_interrupt(thread, INTERRUPT_ONCE);
        CHECK(waiter_is_interrupted(thread->waiter) == !finished,
              "it can be interrupted until then");
        child_may_go_on = true;
        CHECK(thread_wait(thread, &never) == WAIT_READY,
              "it has finished in the end");
        scene_end(thread);
    }
    scene_check_all_gone();
}

/* The parent sleeps, or has seen the end, before the child goes on. */
static void *let_child_go_on(void *argument)
{
    struct thread *thread = argument;

    while (ck_pr_load_uint(&thread->finish.waiting) == 0 &&
           thread_state(thread) != THREAD_FINISHED)
        usleep(20);
    child_may_go_on = true;
    return NULL;
}

/* A missed end makes this hang. */
static void a_parent_can_wait_while_its_child_ends(void)
{
    struct step_tour tour;
    struct thread *thread;
    pthread_t helper;

    for (tour = step_tour("sleep"); step_on_tour(&tour);) {
        thread = start_to_stop(tour.n, false);
        helper = check_start(let_child_go_on, thread);
        wait_for_child(thread);
        CHECK(result == WAIT_READY, "the end of a child wakes its parent");
        check_join(helper);
        scene_end(thread);
    }
    scene_check_all_gone();
}

/* ---- each interrupt reaches code that runs ---- */

static atomic_uint expected;
static volatile sig_atomic_t looks_up;

static void look_up(void *context)
{
    (void)context;
    looks_up = 1;
}

/* Runs code that makes no call, and looks for interrupts only when nudged, as
 * an interpreter does. */
static void body_works(struct thread *thread)
{
    check_expect_signals();
    message_release(mailbox_pop_owner(&thread->inbox));
    (void)thread_settle(thread);
    looks_up = 0;
    thread_accept_interrupts(thread, look_up, NULL);
    body_begins(thread);
    while (scene.taken < expected) {
        /* ThreadSanitizer handles signals in system calls only. */
        check_expect_signals();
        if (!looks_up)
            continue;
        looks_up = 0;
        if (waiter_take_interrupt())
            atomic_fetch_add(&scene.taken, 1);
    }
    thread_refuse_interrupts();
}

static void interrupt_one_by_one(struct random *random)
{
    struct thread *thread = scene_new();
    unsigned i;

    expected = STRESS_SCALED(50);
    (void)thread_start(thread, false, true, body_works);
    for (i = 0; i < expected; i++) {
        thread_interrupt(thread, INTERRUPT_ONCE);
        CHECK_EVENTUALLY(scene.taken == i + 1,
                         "each interrupt is noticed once");
        random_pause(random);
    }
    scene_end(thread);
}

static void each_interrupt_reaches_running_code(void)
{
    stress_rounds("one by one", 80, interrupt_one_by_one);
    scene_check_all_gone();
}

/* ---- storms ---- */

#define CHILDREN 6

static _Atomic(uint64_t) body_seed;

static void be_nudged(void *context)
{
    (void)context;
    (void)waiter_take_interrupt();
}

/* Works, or waits a little, with or without a message from its parent. */
static void body_lives(struct thread *thread)
{
    struct random random = {atomic_fetch_add(&body_seed, 1)};
    struct deadline soon = deadline_after(random_below(&random, 200) / 1000.0);
    unsigned i, works = random_below(&random, 30);

    (void)thread_settle(thread);
    if (random_one_in(&random, 8))
        return;
    thread_accept_interrupts(thread, be_nudged, NULL);
    for (i = 0; i < works; i++)
        random_pause(&random);
    message_release(mailbox_pop_owner(&thread->inbox));
    (void)wait_at_mailbox(&thread->inbox, &soon);
    thread_refuse_interrupts();
    (void)mailbox_push(&thread->outbox, message_new());
}

static void disturb(struct thread *thread, struct random *random)
{
    struct deadline soon;

    if (thread->released)
        return;
    switch (random_below(random, 6)) {
    case 0:
        thread_interrupt(thread, INTERRUPT_NONE);
        break;
    case 1:
        thread_interrupt(thread, INTERRUPT_ALWAYS);
        break;
    case 2:
        soon = deadline_after(random_below(random, 30) / 1000.0);
        (void)thread_wait(thread, &soon);
        break;
    default:
        thread_interrupt(thread, INTERRUPT_ONCE);
    }
}

static void part_from(struct thread *thread, struct random *random)
{
    if (!thread->released && random_one_in(random, 2))
        CHECK(thread_wait(thread, &never) == WAIT_READY, "each child finishes");
    if (!thread->detached)
        thread_reap(thread);
    thread_release(thread);
}

static void weather(struct random *random)
{
    struct thread *children[CHILDREN];
    unsigned i, disturbances = random_below(random, 60);

    body_seed = random_next(random);
    for (i = 0; i < CHILDREN; i++) {
        children[i] = thread_new(message_new());
        if (random_one_in(random, 4))
            thread_interrupt(children[i], INTERRUPT_ONCE);
        (void)thread_start(children[i], random_one_in(random, 2),
                           random_one_in(random, 2), body_lives);
    }
    for (i = 0; i < disturbances; i++)
        disturb(children[random_below(random, CHILDREN)], random);
    for (i = 0; i < CHILDREN; i++)
        part_from(children[i], random);
}

static void children_live_in_storms(void)
{
    stress_rounds("storms", 300, weather);
    scene_check_all_gone();
}

static void all(void)
{
    (void)waiter_setup();
    if (step_works()) {
        check_part("a child can be interrupted at any time",
                   a_child_can_be_interrupted_at_any_time);
        check_part("a child can get ready while it is interrupted",
                   a_child_can_get_ready_while_it_is_interrupted);
        check_part("a child can end while it is interrupted",
                   a_child_can_end_while_it_is_interrupted);
        check_part("a child can end while it is waited for",
                   a_child_can_end_while_it_is_waited_for);
        check_part("a parent can let go while its child ends",
                   a_parent_can_let_go_while_its_child_ends);
        check_part("a parent can do anything while its child ends",
                   a_parent_can_do_anything_while_its_child_ends);
        check_part("a parent can wait while its child ends",
                   a_parent_can_wait_while_its_child_ends);
    }
    check_part("each interrupt reaches running code",
               each_interrupt_reaches_running_code);
    check_part("children live in storms", children_live_in_storms);
}

int main(void)
{
    return check_program("thread_races", all);
}
