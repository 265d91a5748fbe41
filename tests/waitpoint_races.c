/* SPDX-License-Identifier: MIT
 *
 * What happens at a waitpoint when threads meet there: between any two of
 * their instructions, and in crowds.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/step.h"
#include "support/stress.h"
#include "support/things.h"

/* One at least for each thing, and two that make some. */
#define CROWD (THINGS + 2)
#include "support/crowd.h"

static struct thing a, b;

static void renew(void)
{
    CHECK(thing_is_as_new(&a) && thing_is_as_new(&b),
          "a waitpoint at which nobody waits is as a new one");
    a.tokens = b.tokens = 0;
}

/* ---- a wake-up between two instructions of who waits ---- */

static enum wait_result result;

static void wait_for_a(void *argument)
{
    (void)argument;
    result = thing_wait(&a, &never);
}

static void add_to_a(void *argument)
{
    (void)argument;
    thing_add(&a);
}

/* A lost wake-up makes this hang. */
static void a_wake_up_can_come_at_any_time(void)
{
    struct step_tour tour;
    enum step_end end;

    for (tour = step_tour("wake"); step_on_tour(&tour);) {
        end = step_run(tour.n, wait_for_a, add_to_a, NULL);
        CHECK(end != STEP_NOT_STOPPED && result == WAIT_READY,
              "a wait ends when its thing gets ready");
        renew();
    }
}

static void interrupt_own(void *argument)
{
    (void)argument;
    waiter_interrupt(own, INTERRUPT_ONCE);
}

static void interrupt_at_any_time(void)
{
    struct step_tour tour;
    enum step_end end;

    waiter_accept_interrupts(ignore_nudge, NULL);
    for (tour = step_tour("interrupt"); step_on_tour(&tour);) {
        end = step_run(tour.n, wait_for_a, interrupt_own, NULL);
        CHECK(end != STEP_NOT_STOPPED && result == WAIT_INTERRUPTED,
              "a wait ends when an interrupt comes");
        CHECK(!waiter_has_interrupt(), "and uses it up");
        renew();
    }
}

static void an_interrupt_can_come_at_any_time(void)
{
    with_own_waiter(interrupt_at_any_time);
}

#define LOCKED 1u

/* The wait ends by its deadline unless the wake-up comes in time. Another
 * thread comes later and waits for good. Whatever becomes of the first one, the
 * wake-up must not die with it. (While the lock is held, nobody can come.) */
static struct sleeper behind;
static bool is_behind;

static void come_behind_and_add(void *argument)
{
    (void)argument;
    is_behind = (ck_pr_load_uint(&a.point.word) & LOCKED) == 0;
    if (is_behind) {
        behind = sleeper_at(&a);
        sleeper_start(&behind);
    }
    thing_add(&a);
}

static void wait_for_a_shortly(void *argument)
{
    struct deadline soon = deadline_after(0.05);

    (void)argument;
    result = thing_wait(&a, &soon);
}

static void a_wake_up_is_never_wasted(void)
{
    struct step_tour tour;

    for (tour = step_tour("waste"); step_on_tour(&tour);) {
        is_behind = false;
        (void)step_run_through(tour.n, wait_for_a_shortly, come_behind_and_add,
                               NULL);
        if (is_behind) {
            if (result == WAIT_TIMEOUT)
                CHECK_EVENTUALLY(behind.thread.ended,
                                 "a wake-up is not lost on who gives up");
            thing_add(&a);
            CHECK(sleeper_end(&behind) == WAIT_READY,
                  "who waits for good is woken in the end");
        }
        renew();
    }
}

/* ---- somebody else between two instructions of who wakes ---- */

/* Without the lock the other one can leave, and end; its waiter then belongs
 * to who is about to wake it, alone. */
static void end_the_sleeper(void *argument)
{
    struct sleeper *sleeper = argument;

    waiter_interrupt(sleeper->thread.waiter, INTERRUPT_ALWAYS);
    if (ck_pr_load_uint(&a.point.word) & LOCKED)
        return;
    (void)sleeper_end(sleeper);
    sleeper->thread.waiter = NULL;
}

static void wake_a(void *argument)
{
    (void)argument;
    atomic_fetch_add(&a.tokens, 1);
    waitpoint_wake(&a.point);
}

static void a_thread_can_end_while_it_is_woken(void)
{
    struct step_tour tour;
    struct sleeper sleeper;

    for (tour = step_tour("end"); step_on_tour(&tour);) {
        unsigned before = live_count(LIVE_WAITERS);

        sleeper = sleeper_at(&a);
        sleeper.accepts = true;
        sleeper_start(&sleeper);
        (void)step_run(tour.n, wake_a, end_the_sleeper, &sleeper);
        if (sleeper.thread.waiter != NULL)
            CHECK(sleeper_end(&sleeper) != WAIT_TIMEOUT,
                  "who is woken and interrupted ends its wait");
        CHECK_NUMBER(live_count(LIVE_WAITERS), before,
                     "its waiter is gone when nobody needs it any more");
        renew();
    }
}

/* Who holds the lock is stopped, and another waker comes. It must not wait: it
 * runs on the same thread, so that it would wait for ever. */
static void wakers_do_not_wait_for_each_other(void)
{
    struct step_tour tour;
    struct sleeper one, other;

    for (tour = step_tour("wakers"); step_on_tour(&tour);) {
        one = sleeper_at(&a);
        other = sleeper_at(&a);
        sleeper_start(&one);
        sleeper_start(&other);
        step_meet(tour.n, wake_a, add_to_a, NULL);
        CHECK(sleeper_end(&one) == WAIT_READY &&
                  sleeper_end(&other) == WAIT_READY,
              "two wake-ups wake two threads, however they overlap");
        renew();
    }
}

/* As before, and the one who is stopped is about to sleep. */
static void add_twice_to_a(void *argument)
{
    (void)argument;
    thing_add(&a);
    thing_add(&a);
}

static void wakers_do_not_wait_for_sleepers(void)
{
    struct step_tour tour;
    struct sleeper other;

    for (tour = step_tour("sleepers"); step_on_tour(&tour);) {
        other = sleeper_at(&a);
        sleeper_start(&other);
        (void)step_run(tour.n, wait_for_a, add_twice_to_a, NULL);
        CHECK(result == WAIT_READY && sleeper_end(&other) == WAIT_READY,
              "who holds the lock delivers what comes meanwhile");
        renew();
    }
}

/* ---- crowds ---- */

/* Some wait for good, some a moment only; there are as many tokens as threads
 * that wait for good. If one of the hasty ones took a wake-up along, one that
 * is patient would sleep on. */
#define PATIENT 3
#define HASTY 2

struct customer {
    struct random random;
    bool patient;
    pthread_t thread;
    struct waiter *waiter;
};

static atomic_uint taken;

static bool a_is_ready_or_all_is_over(const void *over)
{
    return thing_is_ready(&a) || atomic_load((const atomic_bool *)over);
}

static atomic_bool over;

static void *visit(void *argument)
{
    struct customer *customer = argument;
    struct deadline deadline =
        customer->patient
            ? never
            : deadline_after(random_below(&customer->random, 60) / 1e3);
    enum wait_result how;

    (void)waiter_adopt(customer->waiter);
    waiter_accept_interrupts(ignore_nudge, NULL);
    do {
        random_pause(&customer->random);
        how = wait_at(&a.point, a_is_ready_or_all_is_over, &over, &deadline);
        if (how == WAIT_READY && thing_take(&a))
            atomic_fetch_add(&taken, 1);
    } while (customer->patient && !atomic_load(&over));
    return NULL;
}

static void invite(struct customer *customers, struct random *random)
{
    unsigned i;

    for (i = 0; i < PATIENT + HASTY; i++) {
        customers[i].random = random_split(random);
        customers[i].patient = i % 2 == 0;
        customers[i].waiter = waiter_new();
        customers[i].thread = check_start(visit, &customers[i]);
    }
}

static void part(struct customer *customers)
{
    unsigned i;

    atomic_store(&over, true);
    waitpoint_wake_all(&a.point);
    for (i = 0; i < PATIENT + HASTY; i++) {
        check_join(customers[i].thread);
        waiter_release(customers[i].waiter);
    }
}

static void serve(struct random *random)
{
    struct customer customers[PATIENT + HASTY];
    unsigned i;

    taken = 0;
    over = false;
    invite(customers, random);
    for (i = 0; i < PATIENT; i++) {
        random_pause(random);
        thing_add(&a);
        if (random_one_in(random, 3))
            waiter_interrupt(customers[1].waiter, INTERRUPT_ONCE);
    }
    CHECK_EVENTUALLY(taken == PATIENT, "no wake-up is lost on who gives up");
    part(customers);
    renew();
}

static void hasty_threads_do_not_take_wake_ups_along(void)
{
    stress_rounds("hasty", 1000, serve);
}

/* Several threads wait at several things; each token is taken once, none is
 * forgotten. Thread i always waits for thing i, so that nothing is left to
 * nobody. */
static struct thing crowd_things[THINGS];
static unsigned total;

static bool crowd_ready(const void *thing)
{
    return thing_is_ready(thing) || atomic_load(&taken) >= total;
}

static void wake_everybody(void)
{
    unsigned i;

    for (i = 0; i < THINGS; i++)
        waitpoint_wake_all(&crowd_things[i].point);
}

static unsigned choose(struct guest *guest, struct wait_for *waits)
{
    unsigned i, count = 0;

    for (i = 0; i < THINGS; i++)
        if (i == guest->number || random_one_in(&guest->random, 2))
            waits[count++] = (struct wait_for){.point = &crowd_things[i].point,
                                               .ready = crowd_ready,
                                               .thing = &crowd_things[i]};
    return count;
}

static void consume(struct guest *guest)
{
    struct wait_for waits[THINGS];
    struct deadline deadline;
    unsigned count, which;

    while (atomic_load(&taken) < total) {
        count = choose(guest, waits);
        deadline = never_or_soon(&guest->random);
        if (waitpoint_wait_any(waits, count,
                               random_below(&guest->random, count), &deadline,
                               &which) == WAIT_READY &&
            thing_take((struct thing *)(uintptr_t)waits[which].thing) &&
            atomic_fetch_add(&taken, 1) + 1 == total)
            wake_everybody();
    }
}

static void produce(struct guest *guest)
{
    unsigned i;

    for (i = 0; i < total / 2; i++) {
        thing_add(&crowd_things[random_below(&guest->random, THINGS)]);
        if (random_one_in(&guest->random, 4))
            random_pause(&guest->random);
    }
}

static void consume_or_produce(struct guest *guest)
{
    if (guest->number < THINGS)
        consume(guest);
    else
        produce(guest);
}

static void crowd(struct random *random)
{
    unsigned i;

    taken = 0;
    crowd_play(consume_or_produce, random);
    CHECK_NUMBER(taken, total, "each token is taken once");
    for (i = 0; i < THINGS; i++)
        CHECK(thing_is_as_new(&crowd_things[i]) && crowd_things[i].tokens == 0,
              "and nothing is left of a crowd");
}

static void crowds_share_things(void)
{
    total = STRESS_SCALED(1000) * 2;
    stress_rounds("crowd", 50, crowd);
}

/* Two threads take turns, one wake-up for each: the barest case, and the
 * quickest to hang. */
static struct thing courts[2];
static unsigned balls;
/* Not atomic: the wake-up hands it over. */
static unsigned long hits;

static void *play(void *argument)
{
    unsigned side = (unsigned)(uintptr_t)argument, i;
    struct random random = random_begin("play");

    for (i = 0; i < balls; i++) {
        if (thing_wait(&courts[side], &never) != WAIT_READY ||
            !thing_take(&courts[side]))
            CHECK(false, "one who waits alone finds what it waited for");
        hits++;
        random_pause(&random);
        thing_add(&courts[1 - side]);
    }
    return NULL;
}

static void two_threads_take_turns(void)
{
    struct stress s = stress_begin("turns", 30);
    pthread_t one, other;

    balls = STRESS_SCALED(1000);
    (void)stress_seed();
    for (; stress_goes_on(&s); s.round++) {
        hits = 0;
        atomic_store(&courts[0].tokens, 1);
        atomic_store(&courts[1].tokens, 0);
        one = check_start(play, (void *)0);
        other = check_start(play, (void *)1);
        check_join(one);
        check_join(other);
        CHECK_NUMBER(hits, 2 * balls, "each has had its turns");
    }
}

static void all(void)
{
    (void)waiter_setup();
    if (step_works()) {
        check_part("a wake-up can come at any time",
                   a_wake_up_can_come_at_any_time);
        check_part("an interrupt can come at any time",
                   an_interrupt_can_come_at_any_time);
        check_part("a wake-up is never wasted", a_wake_up_is_never_wasted);
        check_part("a thread can end while it is woken",
                   a_thread_can_end_while_it_is_woken);
        check_part("wakers do not wait for each other",
                   wakers_do_not_wait_for_each_other);
        check_part("wakers do not wait for sleepers",
                   wakers_do_not_wait_for_sleepers);
    }
    check_part("hasty threads do not take wake-ups along",
               hasty_threads_do_not_take_wake_ups_along);
    check_part("crowds share things", crowds_share_things);
    check_part("two threads take turns", two_threads_take_turns);
}

int main(void)
{
    return check_program("waitpoint_races", all);
}
