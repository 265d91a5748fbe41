/* SPDX-License-Identifier: MIT
 *
 * Waiting at things: who is woken, when, and for what.
 *
 * tests/waitpoint_races.c has what happens when threads meet.
 */
#include "waitpoint.h"

#include <sys/mman.h>

#include "support/check.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/no_memory.h"
#include "support/step.h"
#include "support/things.h"

static struct thing a, b;

static void renew(void)
{
    CHECK(thing_is_as_new(&a) && thing_is_as_new(&b),
          "a waitpoint at which nobody waits is as a new one");
    a.tokens = b.tokens = 0;
}

/* ---- without sleeping ---- */

static void a_ready_thing_is_found_at_once(void)
{
    a.tokens = 1;
    CHECK(thing_wait(&a, &never) == WAIT_READY, "who need not wait does not");
    CHECK(thing_wait(&a, &at_once) == WAIT_READY,
          "what is ready is ready at once");
    a.tokens = 0;
    CHECK(thing_wait(&a, &at_once) == WAIT_TIMEOUT,
          "what is not ready at once is too late");
    renew();
}

/* Every choice of ready things, looked at from each place. */
static void the_first_ready_thing_is_reported(void)
{
    static struct thing four[THINGS];
    struct thing *const things[THINGS] = {&four[0], &four[1], &four[2],
                                          &four[3]};
    unsigned ready, start, which, expected, i;

    for (ready = 1; ready < 16; ready++) {
        for (i = 0; i < THINGS; i++)
            four[i].tokens = ready >> i & 1;
        for (start = 0; start < THINGS; start++) {
            for (expected = start; !(ready >> expected & 1);)
                expected = (expected + 1) % THINGS;
            CHECK(things_wait(things, THINGS, start, &at_once, &which) ==
                      WAIT_READY,
                  "one ready thing is enough");
            CHECK_NUMBER(which, expected,
                         "the first one from the start is reported");
        }
    }
}

static void *wait_without_memory(void *argument)
{
    (void)argument;
    no_memory_from(1);
    a.tokens = 1;
    if (thing_wait(&a, &never) != WAIT_READY)
        CHECK(false, "what is ready is found without memory");
    a.tokens = 0;
    if (thing_wait(&a, &never) != WAIT_NO_MEMORY)
        CHECK(false, "who cannot wait for want of memory is told so");
    (void)no_memory_end();
    a.tokens = 1;
    CHECK(thing_wait(&a, &never) == WAIT_READY, "with memory, waits work");
    return NULL;
}

static void memory_may_run_out(void)
{
    if (no_memory_works())
        check_join(check_start(wait_without_memory, NULL));
    renew();
}

/* ---- what costs nothing ---- */

static void wake_nobody(void *thing)
{
    waitpoint_wake(&((struct thing *)thing)->point);
    waitpoint_wake_all(&((struct thing *)thing)->point);
}

static void find_it_ready(void *thing)
{
    (void)thing_wait(thing, &never);
}

static void look_at_once(void *thing)
{
    (void)thing_wait(thing, &at_once);
}

static void no_system_calls_without_need(void)
{
    unsigned long none;

    if (!step_works())
        return;
    look_at_once(&a);
    none = step_count_system_calls(step_nothing, NULL);
    CHECK_NUMBER(step_count_system_calls(wake_nobody, &a), none,
                 "waking nobody makes no system call");
    CHECK_NUMBER(step_count_system_calls(look_at_once, &a), none,
                 "looking at once makes no system call");
    a.tokens = 1;
    CHECK_NUMBER(step_count_system_calls(find_it_ready, &a), none,
                 "finding a thing ready makes no system call");
    renew();
}

static void no_write_without_need(void)
{
    void *page =
        mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return;
    wake_nobody(page);
    CHECK(true, "waking nobody writes nothing");
    munmap(page, 65536);
}

/* ---- deadlines ---- */

static void a_wait_ends_at_its_deadline(void)
{
    static const double times[] = {0.001, 0.5, 2, 20};
    double start;
    size_t i;

    for (i = 0; i < sizeof times / sizeof *times; i++) {
        struct deadline deadline;

        start = check_seconds();
        deadline = deadline_after(times[i]);
        CHECK(thing_wait(&a, &deadline) == WAIT_TIMEOUT,
              "a wait ends at its deadline");
        CHECK((check_seconds() - start) * 1000 >= times[i],
              "and never earlier");
    }
    renew();
}

/* ---- who is woken ---- */

/* More than are woken in one go. */
#define MANY 20

static void one_wake_up_wakes_the_oldest(void)
{
    struct sleeper sleepers[5];
    unsigned i;

    sleepers_ended = 0;
    for (i = 0; i < 5; i++) {
        sleepers[i] = sleeper_at(&a);
        sleeper_start(&sleepers[i]);
    }
    for (i = 0; i < 5; i++) {
        thing_add(&a);
        CHECK_EVENTUALLY(thing_waiting(&a) == 4 - i,
                         "one wake-up is for one thread");
        CHECK(sleeper_end(&sleepers[i]) == WAIT_READY,
              "it is for the one that has waited longest");
        CHECK_NUMBER(sleepers[i].order, i, "and nobody else is woken");
    }
    renew();
}

/* Wakes `count` of MANY threads; how many are left. */
static void wake_some(unsigned count, unsigned left)
{
    struct sleeper sleepers[MANY];
    unsigned i;

    for (i = 0; i < MANY; i++) {
        sleepers[i] = sleeper_at(&a);
        sleeper_start(&sleepers[i]);
    }
    atomic_store(&a.tokens, 1);
    waitpoint_wake_some(&a.point, count);
    CHECK_EVENTUALLY(thing_waiting(&a) == left,
                     "as many threads are woken as should be");
    for (i = 0; i < MANY - left; i++)
        CHECK(sleeper_end(&sleepers[i]) == WAIT_READY, "the oldest of them");
    CHECK_NUMBER(thing_waiting(&a), left, "and no more");
    waitpoint_wake_all(&a.point);
    for (; i < MANY; i++)
        CHECK(sleeper_end(&sleepers[i]) == WAIT_READY,
              "the others when their time comes");
    renew();
}

static void a_wake_up_for_some_wakes_as_many(void)
{
    static const unsigned counts[] = {0, 1, 15, 16, 17, MANY};
    size_t i;

    for (i = 0; i < sizeof counts / sizeof *counts; i++)
        wake_some(counts[i], MANY - counts[i]);
    wake_some(MANY + 1, 0);
    wake_some(-1u, 0);
}

static void a_wake_up_for_all_wakes_all(void)
{
    struct sleeper sleepers[2 * MANY];
    unsigned i;

    for (i = 0; i < 2 * MANY; i++) {
        sleepers[i] = sleeper_at(&a);
        sleeper_start(&sleepers[i]);
    }
    atomic_store(&a.tokens, 1);
    waitpoint_wake_all(&a.point);
    CHECK_EVENTUALLY(thing_waiting(&a) == 0, "a wake-up for all leaves nobody");
    for (i = 0; i < 2 * MANY; i++)
        CHECK(sleeper_end(&sleepers[i]) == WAIT_READY,
              "a wake-up for all wakes each");
    renew();
}

/* One is in the middle of the list, one at each end. */
static void who_leaves_is_not_missed(void)
{
    struct sleeper sleepers[3];
    unsigned leaver, i;

    for (leaver = 0; leaver < 3; leaver++) {
        for (i = 0; i < 3; i++) {
            sleepers[i] = sleeper_at(&a);
            sleepers[i].accepts = true;
            sleeper_start(&sleepers[i]);
        }
        waiter_interrupt(sleepers[leaver].thread.waiter, INTERRUPT_ONCE);
        CHECK(sleeper_end(&sleepers[leaver]) == WAIT_INTERRUPTED,
              "a thread can leave from any place");
        CHECK_NUMBER(thing_waiting(&a), 2, "and is waited with no more");
        thing_add(&a);
        thing_add(&a);
        for (i = 0; i < 3; i++)
            if (i != leaver)
                CHECK(sleeper_end(&sleepers[i]) == WAIT_READY,
                      "those who stay are woken");
        renew();
    }
}

/* ---- waiting for several things ---- */

static void any_of_several_things_wakes(void)
{
    static struct thing four[THINGS];
    struct sleeper sleeper;
    unsigned i, j;

    for (i = 0; i < THINGS; i++) {
        sleeper =
            (struct sleeper){.things = {&four[0], &four[1], &four[2], &four[3]},
                             .count = THINGS,
                             .deadline = never};
        sleeper_start(&sleeper);
        for (j = 0; j < THINGS; j++)
            CHECK_NUMBER(thing_waiting(&four[j]), 1,
                         "who waits for several is in the list of each");
        thing_add(&four[i]);
        CHECK(sleeper_end(&sleeper) == WAIT_READY && sleeper.which == i,
              "the thing that has woken is reported");
        for (j = 0; j < THINGS; j++)
            CHECK(thing_is_as_new(&four[j]),
                  "who was woken for one thing has left all");
        four[i].tokens = 0;
    }
}

/* A thread that waits for both things, and finds neither ready. When it has
 * entered the lists, but does not sleep yet, this is done, on its own thread:
 * what others could do to it then. */
static void (*meanwhile)(void);
static unsigned looks;

static bool look_meanwhile(const void *thing)
{
    bool ready = thing_is_ready(thing);

    /* The looks that count are those after it has entered the lists. */
    if (thing_waiting(&b) > 0 && ++looks == 2)
        meanwhile();
    return ready;
}

static enum wait_result wait_for_both(void (*what)(void), unsigned *which)
{
    struct wait_for waits[] = {
        {.point = &a.point, .ready = look_meanwhile, .thing = &a},
        {.point = &b.point, .ready = look_meanwhile, .thing = &b},
    };

    looks = 0;
    meanwhile = what;
    return waitpoint_wait_any(waits, 2, 0, &never, which);
}

/* Another thread, which waits for b only, and longer. */
static struct sleeper behind;

static void enter_behind_and_make_both_ready(void)
{
    behind = sleeper_at(&b);
    sleeper_start(&behind);
    CHECK_NUMBER(thing_waiting(&b), 2, "another thread waits for one of them");
    thing_add(&a);
    CHECK(thing_waiting(&a) == 0 && thing_waiting(&b) == 2,
          "the first wake-up is for the one who waits for both");
    thing_add(&b);
    CHECK(sleeper_end(&behind) == WAIT_READY,
          "the second one is for who has not been woken");
}

static void two_wake_ups_wake_two_threads(void)
{
    unsigned which;

    CHECK(wait_for_both(enter_behind_and_make_both_ready, &which) ==
                  WAIT_READY &&
              which == 0,
          "the first one is what it was for");
    renew();
}

/* It is woken for b, but will report a, which comes first. */
static void enter_behind_and_make_b_ready(void)
{
    behind = sleeper_at(&b);
    sleeper_start(&behind);
    thing_add(&b);
    CHECK_EVENTUALLY(thing_waiting(&b) == 1, "one wake-up is for one of two");
    atomic_fetch_add(&a.tokens, 1);
}

static void an_unused_wake_up_is_passed_on(void)
{
    unsigned which;

    CHECK(wait_for_both(enter_behind_and_make_b_ready, &which) == WAIT_READY &&
              which == 0,
          "who was woken for one thing may report another");
    CHECK(sleeper_end(&behind) == WAIT_READY,
          "and then the next one is woken for the first");
    renew();
}

/* ---- interrupts ---- */

static void be_interrupted(void)
{
    struct deadline soon;

    waiter_interrupt(own, INTERRUPT_ONCE);
    soon = deadline_after(1);
    CHECK(thing_wait(&a, &soon) == WAIT_TIMEOUT,
          "who does not accept interrupts is not interrupted");
    waiter_accept_interrupts(ignore_nudge, NULL);
    a.tokens = 1;
    CHECK(thing_wait(&a, &never) == WAIT_READY,
          "what is ready comes before an interrupt");
    a.tokens = 0;
    CHECK(thing_wait(&a, &never) == WAIT_INTERRUPTED,
          "an interrupt ends a wait that has not begun");
    soon = deadline_after(1);
    CHECK(thing_wait(&a, &soon) == WAIT_TIMEOUT, "but only one");
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    CHECK(thing_wait(&a, &never) == WAIT_INTERRUPTED &&
              thing_wait(&a, &never) == WAIT_INTERRUPTED,
          "a permanent interrupt ends each");
    waiter_interrupt(own, INTERRUPT_NONE);
    soon = deadline_after(1);
    CHECK(thing_wait(&a, &soon) == WAIT_TIMEOUT,
          "one that was taken back ends none");
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    waiter_refuse_interrupts();
    soon = deadline_after(1);
    CHECK(thing_wait(&a, &soon) == WAIT_TIMEOUT,
          "nor does one that comes when none are accepted");
}

static void interrupts_end_waits(void)
{
    struct sleeper sleeper = sleeper_at_two(&a, &b);

    with_own_waiter(be_interrupted);
    sleeper.accepts = true;
    sleeper_start(&sleeper);
    waiter_interrupt(sleeper.thread.waiter, INTERRUPT_ONCE);
    CHECK(sleeper_end(&sleeper) == WAIT_INTERRUPTED,
          "an interrupt ends a wait that has begun");
    renew();
}

static void others_are_woken_in_spite_of_interrupts(void)
{
    struct sleeper sleeper = sleeper_at(&a);

    sleeper_start(&sleeper);
    waiter_interrupt(sleeper.thread.waiter, INTERRUPT_ALWAYS);
    thing_add(&a);
    CHECK(sleeper_end(&sleeper) == WAIT_READY,
          "who accepts no interrupts waits through them until it is woken");
    renew();
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a ready thing is found at once",
               a_ready_thing_is_found_at_once);
    check_part("the first ready thing is reported",
               the_first_ready_thing_is_reported);
    check_part("memory may run out", memory_may_run_out);
    check_part("no system calls without need", no_system_calls_without_need);
    check_part("no write without need", no_write_without_need);
    check_part("a wait ends at its deadline", a_wait_ends_at_its_deadline);
    check_part("one wake-up wakes the oldest", one_wake_up_wakes_the_oldest);
    check_part("a wake-up for some wakes as many",
               a_wake_up_for_some_wakes_as_many);
    check_part("a wake-up for all wakes all", a_wake_up_for_all_wakes_all);
    check_part("who leaves is not missed", who_leaves_is_not_missed);
    check_part("any of several things wakes", any_of_several_things_wakes);
    check_part("two wake-ups wake two threads", two_wake_ups_wake_two_threads);
    check_part("an unused wake-up is passed on",
               an_unused_wake_up_is_passed_on);
    check_part("interrupts end waits", interrupts_end_waits);
    check_part("others are woken in spite of interrupts",
               others_are_woken_in_spite_of_interrupts);
}

int main(void)
{
    return check_program("waitpoint", all);
}
