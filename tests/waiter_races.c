/* SPDX-License-Identifier: MIT
 *
 * What happens when a sleeper and its waker meet: between any two of their
 * instructions, and very often.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/step.h"
#include "support/stress.h"
#include "waiter.h"

/* ---- sleeper and waker, in any order of their instructions ---- */

static atomic_bool thing;
static bool interrupting;

static void sleep_until_thing(void *argument)
{
    uint32_t snapshot;

    (void)argument;
    do {
        snapshot = waiter_snapshot(own);
        if (atomic_load(&thing) || waiter_has_interrupt())
            return;
    } while (waiter_sleep(own, snapshot, &never));
}

static void end_sleep(void *argument)
{
    (void)argument;
    if (interrupting) {
        waiter_interrupt(own, INTERRUPT_ONCE);
        return;
    }
    atomic_store(&thing, true);
    waiter_wake(own);
}

/* A lost wake-up makes this hang. */
static void wake_at_each_instruction(void)
{
    struct step_tour tour;

    waiter_accept_interrupts(ignore_nudge, NULL);
    for (tour = step_tour("sleep"); step_on_tour(&tour);) {
        thing = false;
        waiter_interrupt(own, INTERRUPT_NONE);
        CHECK(step_run(tour.n, sleep_until_thing, end_sleep, NULL) !=
                  STEP_NOT_STOPPED,
              "the end of a sleep has a cause");
    }
}

static void wake_or_interrupt(bool interrupt)
{
    interrupting = interrupt;
    with_own_waiter(wake_at_each_instruction);
}

static void no_wake_up_is_lost_between_instructions(void)
{
    if (!step_works())
        return;
    wake_or_interrupt(false);
    wake_or_interrupt(true);
}

/* ---- stress ---- */

/* Two threads that take turns; each sleeps until it is its turn, with or
 * without a deadline. */
struct player {
    struct waiter *waiter, *other;
    struct random random;
    unsigned parity, turns;
};

static atomic_uint turn;
static atomic_uint early;

static bool has_passed(const struct deadline *deadline)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline->at.tv_sec ||
           (now.tv_sec == deadline->at.tv_sec &&
            now.tv_nsec >= deadline->at.tv_nsec);
}

static void await_turn(struct player *player)
{
    struct deadline deadline;
    uint32_t snapshot;

    for (;;) {
        snapshot = waiter_snapshot(player->waiter);
        if (atomic_load(&turn) % 2 == player->parity)
            return;
        random_pause(&player->random);
        deadline = never_or_soon(&player->random);
        if (!waiter_sleep(player->waiter, snapshot, &deadline) &&
            !has_passed(&deadline))
            atomic_fetch_add(&early, 1);
    }
}

static void *play(void *argument)
{
    struct player *player = argument;
    unsigned i;

    (void)waiter_adopt(player->waiter);
    for (i = 0; i < player->turns; i++) {
        await_turn(player);
        atomic_fetch_add(&turn, 1);
        random_pause(&player->random);
        waiter_wake(player->other);
    }
    return NULL;
}

static void take_turns(struct random *random)
{
    unsigned turns = STRESS_SCALED(500);
    struct waiter *one = waiter_new(), *other = waiter_new();
    struct player players[2] = {
        {one, other, random_split(random), 0, turns},
        {other, one, random_split(random), 1, turns},
    };
    pthread_t first, second;

    turn = early = 0;
    first = check_start(play, &players[0]);
    second = check_start(play, &players[1]);
    check_join(first);
    check_join(second);
    CHECK_NUMBER(turn, 2 * turns, "each has had all of its turns");
    CHECK_NUMBER(early, 0, "no deadline was early");
    waiter_release(one);
    waiter_release(other);
}

static void two_threads_take_turns(void)
{
    stress_rounds("turns", 20, take_turns);
}

/* One interrupt after the other, each sent when the one before was taken. */
static atomic_uint taken;

static void *take_interrupts(void *count)
{
    (void)waiter_adopt(own);
    waiter_accept_interrupts(ignore_nudge, NULL);
    while (atomic_load(&taken) < *(unsigned *)count) {
        (void)waiter_sleep(own, waiter_snapshot(own), &never);
        if (waiter_take_interrupt())
            atomic_fetch_add(&taken, 1);
    }
    return NULL;
}

static void send_interrupts(struct random *random)
{
    unsigned count = STRESS_SCALED(300), i;
    pthread_t thread;

    own = waiter_new();
    taken = 0;
    thread = check_start(take_interrupts, &count);
    for (i = 0; i < count; i++) {
        waiter_interrupt(own, INTERRUPT_ONCE);
        while (atomic_load(&taken) != i + 1)
            random_pause(random);
    }
    check_join(thread);
    CHECK_NUMBER(taken, count, "each interrupt is taken once");
    waiter_release(own);
}

static void interrupts_reach_sleepers(void)
{
    stress_rounds("interrupts", 20, send_interrupts);
}

/* Threads come and end while somebody wakes and interrupts them. */
static void *sleep_a_little(void *random)
{
    struct deadline deadline =
        deadline_after(random_below(random, 50) / 1000.0 + 1e-6);

    (void)waiter_adopt(own);
    (void)waiter_sleep(own, waiter_snapshot(own), &deadline);
    return NULL;
}

static void wake_to_the_end(struct random *random)
{
    struct random others = random_split(random);
    unsigned before = live_count(LIVE_WAITERS), i,
             wakes = random_below(random, 40);
    pthread_t thread;

    own = waiter_new();
    thread = check_start(sleep_a_little, &others);
    for (i = 0; i < wakes; i++) {
        random_pause(random);
        if (random_one_in(random, 2))
            waiter_wake(own);
        else
            waiter_interrupt(own, INTERRUPT_ONCE);
    }
    check_join(thread);
    waiter_wake(own);
    waiter_release(own);
    CHECK_NUMBER(live_count(LIVE_WAITERS), before,
                 "who wakes keeps the waiter alive");
}

static void threads_end_while_they_are_woken(void)
{
    stress_rounds("ends", 1000, wake_to_the_end);
}

static void all(void)
{
    (void)waiter_setup();
    check_part("no wake-up is lost between instructions",
               no_wake_up_is_lost_between_instructions);
    check_part("two threads take turns", two_threads_take_turns);
    check_part("interrupts reach sleepers", interrupts_reach_sleepers);
    check_part("threads end while they are woken",
               threads_end_while_they_are_woken);
}

int main(void)
{
    return check_program("waiter_races", all);
}
