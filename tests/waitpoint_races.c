/* SPDX-License-Identifier: MIT
 *
 * What happens at a waitpoint when threads meet there: between any two of
 * their instructions, and in crowds.
 */
#include "support/check.h"
#include "support/step.h"
#include "support/stress.h"
#include "support/things.h"

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
    struct deadline never = deadline_never();

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

static struct waiter *own;

static void interrupt_own(void *argument)
{
    (void)argument;
    waiter_interrupt(own, INTERRUPT_ONCE);
}

static void *interrupt_at_any_time(void *argument)
{
    struct step_tour tour;
    enum step_end end;

    (void)waiter_adopt(own);
    waiter_accept_interrupts(sleeper_nudged, NULL);
    for (tour = step_tour("interrupt"); step_on_tour(&tour);) {
        end = step_run(tour.n, wait_for_a, interrupt_own, NULL);
        CHECK(end != STEP_NOT_STOPPED && result == WAIT_INTERRUPTED,
              "a wait ends when an interrupt comes");
        CHECK(!waiter_has_interrupt(), "and uses it up");
        renew();
    }
    return argument;
}

static void an_interrupt_can_come_at_any_time(void)
{
    own = waiter_new();
    check_join(check_start(interrupt_at_any_time, NULL));
    waiter_release(own);
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
                CHECK_EVENTUALLY(behind.ended,
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

    waiter_interrupt(sleeper->waiter, INTERRUPT_ALWAYS);
    if (ck_pr_load_uint(&a.point.word) & LOCKED)
        return;
    (void)sleeper_end(sleeper);
    sleeper->waiter = NULL;
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
        if (sleeper.waiter != NULL)
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
    enum step_end end;

    for (tour = step_tour("wakers"); step_on_tour(&tour);) {
        one = sleeper_at(&a);
        other = sleeper_at(&a);
        sleeper_start(&one);
        sleeper_start(&other);
        end = step_run(tour.n, wake_a, add_to_a, NULL);
        if (end == STEP_NOT_STOPPED)
            thing_add(&a);
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

struct guest {
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
    struct guest *guest = argument;
    struct deadline deadline =
        guest->patient ? deadline_never()
                       : deadline_after(random_below(&guest->random, 60) / 1e3);
    enum wait_result how;

    (void)waiter_adopt(guest->waiter);
    waiter_accept_interrupts(sleeper_nudged, NULL);
    do {
        random_pause(&guest->random);
        how = waitpoint_wait(&a.point, a_is_ready_or_all_is_over, &over,
                             &deadline);
        if (how == WAIT_READY && thing_take(&a))
            atomic_fetch_add(&taken, 1);
    } while (guest->patient && !atomic_load(&over));
    return NULL;
}

static void invite(struct guest *guests, struct random *random)
{
    unsigned i;

    for (i = 0; i < PATIENT + HASTY; i++) {
        guests[i].random = random_split(random);
        guests[i].patient = i % 2 == 0;
        guests[i].waiter = waiter_new();
        guests[i].thread = check_start(visit, &guests[i]);
    }
}

static void part(struct guest *guests)
{
    unsigned i;

    atomic_store(&over, true);
    waitpoint_wake_all(&a.point);
    for (i = 0; i < PATIENT + HASTY; i++) {
        check_join(guests[i].thread);
        waiter_release(guests[i].waiter);
    }
}

static void serve(struct random *random)
{
    struct guest guests[PATIENT + HASTY];
    unsigned i;

    taken = 0;
    over = false;
    invite(guests, random);
    for (i = 0; i < PATIENT; i++) {
        random_pause(random);
        thing_add(&a);
        if (random_one_in(random, 3))
            waiter_interrupt(guests[1].waiter, INTERRUPT_ONCE);
    }
    CHECK_EVENTUALLY(taken == PATIENT, "no wake-up is lost on who gives up");
    part(guests);
    renew();
}

static void hasty_threads_do_not_take_wake_ups_along(void)
{
    struct stress s = stress_begin("hasty", 1000);

    for (; stress_goes_on(&s); s.round++)
        serve(&s.random);
}

/* Several threads wait at several things; each token is taken once, none is
 * forgotten. Thread i always waits for thing i, so that nothing is left to
 * nobody. */
#define CROWD 4

static struct thing crowd_things[THINGS];
static unsigned total;

struct consumer {
    struct random random;
    unsigned number;
    pthread_t thread;
};

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

static unsigned choose(struct consumer *consumer, struct wait_for *waits)
{
    unsigned i, count = 0;

    for (i = 0; i < THINGS; i++)
        if (i == consumer->number || random_one_in(&consumer->random, 2))
            waits[count++] = (struct wait_for){.point = &crowd_things[i].point,
                                               .ready = crowd_ready,
                                               .thing = &crowd_things[i]};
    return count;
}

static struct deadline any_deadline(struct random *random)
{
    if (random_one_in(random, 2))
        return deadline_never();
    return deadline_after(random_below(random, 100) / 1e3);
}

static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    struct wait_for waits[THINGS];
    struct deadline deadline;
    unsigned count, which;

    while (atomic_load(&taken) < total) {
        count = choose(consumer, waits);
        deadline = any_deadline(&consumer->random);
        if (waitpoint_wait_any(waits, count,
                               random_below(&consumer->random, count),
                               &deadline, &which) == WAIT_READY &&
            thing_take((struct thing *)(uintptr_t)waits[which].thing) &&
            atomic_fetch_add(&taken, 1) + 1 == total)
            wake_everybody();
    }
    return NULL;
}

static void *produce(void *argument)
{
    struct consumer *producer = argument;
    unsigned i;

    for (i = 0; i < total / 2; i++) {
        thing_add(&crowd_things[random_below(&producer->random, THINGS)]);
        if (random_one_in(&producer->random, 4))
            random_pause(&producer->random);
    }
    return NULL;
}

static void crowd(struct random *random)
{
    struct consumer members[CROWD + 2];
    unsigned i;

    taken = 0;
    for (i = 0; i < CROWD + 2; i++) {
        members[i].random = random_split(random);
        members[i].number = i;
        members[i].thread =
            check_start(i < CROWD ? consume : produce, &members[i]);
    }
    for (i = 0; i < CROWD + 2; i++)
        check_join(members[i].thread);
    CHECK_NUMBER(taken, total, "each token is taken once");
    for (i = 0; i < THINGS; i++)
        CHECK(thing_is_as_new(&crowd_things[i]) && crowd_things[i].tokens == 0,
              "and nothing is left of a crowd");
}

static void crowds_share_things(void)
{
    struct stress s = stress_begin("crowd", 50);

    total = STRESS_SCALED(1000) * 2;
    for (; stress_goes_on(&s); s.round++)
        crowd(&s.random);
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
    struct deadline never = deadline_never();
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
