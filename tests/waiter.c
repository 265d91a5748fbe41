/* SPDX-License-Identifier: MIT
 *
 * How a thread sleeps: deadlines, interrupts, wake-ups.
 *
 * tests/waiter_races.c has what happens when sleeper and waker meet.
 */
#include "waiter.h"

#include <math.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/check.h"
#include "support/clock.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/no_memory.h"
#include "support/stress.h"

/* ---- deadlines ---- */

#define SECOND 1000000000LL
#define NOW_SECONDS 5000
#define NOW_NANOSECONDS 999999000

/* How many nanoseconds from now, on a clock that stands still. */
static long long distance_of(double milliseconds)
{
    struct deadline deadline;

    clock_freeze(NOW_SECONDS, NOW_NANOSECONDS);
    deadline = deadline_after(milliseconds);
    clock_thaw();
    CHECK(deadline.kind == DEADLINE_AT, "a time from now is a moment");
    CHECK(deadline.at.tv_nsec >= 0 && deadline.at.tv_nsec < SECOND,
          "a moment is normalised");
    CHECK_NUMBER(clock_others, 0, "deadlines lie on the monotonic clock");
    return (deadline.at.tv_sec - NOW_SECONDS) * SECOND +
           (deadline.at.tv_nsec - NOW_NANOSECONDS);
}

static void deadlines_are_as_far_as_they_should_be(void)
{
    CHECK_NUMBER(distance_of(1), 1000000, "a millisecond is one");
    CHECK_NUMBER(distance_of(0.5), 500000, "half a millisecond is half of one");
    CHECK_NUMBER(distance_of(1000), SECOND, "1000 are a second");
    CHECK_NUMBER(distance_of(1500.25), 1500250000, "fractions count");
    CHECK_NUMBER(distance_of(86400000.5), 86400 * SECOND + 500000,
                 "a day is long, and its fractions count, too");
    CHECK_NUMBER(distance_of(1e12), 1000000000 * SECOND,
                 "30 years are not too far");
}

static void deadlines_are_rounded_up(void)
{
    CHECK_NUMBER(distance_of(1e-6), 1, "a nanosecond is one");
    CHECK_NUMBER(distance_of(1e-7), 1, "less is a nanosecond, too");
    CHECK_NUMBER(distance_of(1e-300), 1, "much less as well");
    CHECK_NUMBER(distance_of(1.0 / 1024), 977, "976.56 nanoseconds are 977");
    CHECK_NUMBER(distance_of(999.99999999), SECOND,
                 "a second less a hundredth of a nanosecond is a second");
}

static void random_deadlines_are_rounded_up(void)
{
    struct stress s = stress_begin("deadlines", 2000);
    unsigned parts;

    for (; stress_goes_on(&s); s.round++) {
        parts = 1 + random_below(&s.random, 1u << 30);
        CHECK_NUMBER(distance_of(parts / 1024.0), ceil(parts * 976.5625),
                     "any number of 1024ths of a millisecond is rounded up");
    }
}

static void at_once_and_never_are_known_as_such(void)
{
    CHECK(deadline_after(0).kind == DEADLINE_AT_ONCE, "0 is at once");
    CHECK(deadline_after(-0.0).kind == DEADLINE_AT_ONCE, "-0 is at once");
    CHECK(deadline_after(-1).kind == DEADLINE_NEVER, "negative is never");
    CHECK(deadline_after(-1e-9).kind == DEADLINE_NEVER,
          "hardly negative is never");
    CHECK(deadline_after(INFINITY).kind == DEADLINE_NEVER, "infinity is never");
    CHECK(deadline_after(-INFINITY).kind == DEADLINE_NEVER,
          "negative infinity is never");
    CHECK(deadline_after(1e300).kind == DEADLINE_NEVER,
          "what nobody can reckon with is never");
    CHECK(deadline_never().kind == DEADLINE_NEVER, "never is never");
    CHECK(deadline_after(9e14).kind == DEADLINE_AT,
          "what can be reckoned with is a moment");
}

/* ---- the life of waiters ---- */

static unsigned waiters(void)
{
    return live_count(LIVE_WAITERS);
}

static void waiters_are_counted(void)
{
    unsigned before = waiters();
    struct waiter *waiter = waiter_new();

    CHECK_NUMBER(waiters(), before + 1, "a new waiter is counted");
    waiter_retain(waiter);
    waiter_release(waiter);
    CHECK_NUMBER(waiters(), before + 1, "it lives while somebody holds it");
    waiter_release(waiter);
    CHECK_NUMBER(waiters(), before, "and goes with the last holder");
}

static void *ask_for_own(void *before)
{
    struct waiter *waiter = waiter_current();

    CHECK(waiter != NULL && waiters() == *(unsigned *)before + 1,
          "a thread's waiter is made when it is asked for");
    CHECK(waiter_current() == waiter && waiters() == *(unsigned *)before + 1,
          "and only once");
    return waiter;
}

static void each_thread_gets_its_own(void)
{
    unsigned before = waiters();

    check_join(check_start(ask_for_own, &before));
    CHECK_NUMBER(waiters(), before, "a waiter goes with its thread");
}

static void *adopt(void *waiter)
{
    CHECK(waiter_adopt(waiter), "a thread can adopt a waiter");
    CHECK(waiter_current() == waiter, "and has it as its own");
    waiter_release(waiter);
    CHECK(waiter_current() == waiter, "also when who gave it lets go");
    return NULL;
}

static void a_waiter_can_be_given_to_a_thread(void)
{
    unsigned before = waiters();
    struct waiter *waiter = waiter_new();

    waiter_retain(waiter);
    check_join(check_start(adopt, waiter));
    CHECK_NUMBER(waiters(), before + 1,
                 "an adopted waiter outlives its thread if others hold it");
    waiter_release(waiter);
    CHECK_NUMBER(waiters(), before, "and goes when they let go");
}

static void *ask_without_memory(void *argument)
{
    (void)argument;
    no_memory_from(1);
    if (waiter_current() != NULL || waiter_new() != NULL)
        CHECK(false, "without memory there is no waiter");
    (void)no_memory_end();
    CHECK(waiter_current() != NULL, "with memory again there is one");
    return NULL;
}

static void memory_may_run_out(void)
{
    unsigned before = waiters();

    if (no_memory_works())
        check_join(check_start(ask_without_memory, NULL));
    CHECK_NUMBER(waiters(), before,
                 "a waiter that was not made is not counted");
}

/* ---- interrupts ---- */

static unsigned nudges;
static void *nudged_with;

static void note_nudge(void *context)
{
    nudges++;
    nudged_with = context;
}

static void an_interrupt_that_is_sent_once_is_taken_once(void)
{
    waiter_accept_interrupts(note_nudge, NULL);
    CHECK(!waiter_take_interrupt() && !waiter_has_interrupt() &&
              !waiter_is_interrupted(own),
          "nobody is interrupted to begin with");
    waiter_interrupt(own, INTERRUPT_ONCE);
    CHECK(waiter_is_interrupted(own), "everybody sees an interrupt");
    CHECK(waiter_has_interrupt() && waiter_has_interrupt(),
          "looking for an interrupt does not use it up");
    CHECK(waiter_take_interrupt(), "it is there to be taken");
    CHECK(!waiter_take_interrupt() && !waiter_has_interrupt() &&
              !waiter_is_interrupted(own),
          "taking it uses it up");
    waiter_interrupt(own, INTERRUPT_ONCE);
    waiter_interrupt(own, INTERRUPT_ONCE);
    CHECK(waiter_take_interrupt() && !waiter_take_interrupt(),
          "two that nobody has taken are one");
}

static void a_permanent_interrupt_stays_until_taken_back(void)
{
    int i;

    waiter_accept_interrupts(note_nudge, NULL);
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    for (i = 0; i < 10; i++)
        CHECK(waiter_has_interrupt() && waiter_take_interrupt(),
              "a permanent interrupt is taken again and again");
    waiter_interrupt(own, INTERRUPT_NONE);
    CHECK(!waiter_take_interrupt() && !waiter_is_interrupted(own),
          "until it is taken back");
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    waiter_interrupt(own, INTERRUPT_ONCE);
    CHECK(waiter_take_interrupt() && !waiter_take_interrupt(),
          "or replaced by one that is not permanent");
    waiter_interrupt(own, INTERRUPT_ONCE);
    waiter_interrupt(own, INTERRUPT_NONE);
    CHECK(!waiter_take_interrupt(), "that one can be taken back, too");
}

static void interrupts_are_for_threads_that_accept_them(void)
{
    int context;

    nudges = 0;
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    CHECK(!waiter_accepts_interrupts(), "a thread does not accept interrupts");
    CHECK(!waiter_take_interrupt() && !waiter_has_interrupt(),
          "and then has none, whatever was sent");
    CHECK(waiter_is_interrupted(own), "though it is still there");
    CHECK(!waiter_nudged() && nudges == 0, "and no nudge has an effect");

    waiter_accept_interrupts(note_nudge, &context);
    CHECK(waiter_accepts_interrupts() && waiter_take_interrupt() &&
              waiter_has_interrupt(),
          "a thread that accepts them finds what was sent before");
    CHECK(waiter_nudged() && nudges == 1 && nudged_with == &context,
          "and a nudge is passed on, with what was registered");

    waiter_refuse_interrupts();
    CHECK(!waiter_accepts_interrupts() && !waiter_take_interrupt() &&
              !waiter_has_interrupt(),
          "a thread that refuses them has none any more");
    CHECK(!waiter_nudged() && nudges == 1, "and cannot be nudged");
}

static void *have_no_waiter(void *before)
{
    CHECK(!waiter_accepts_interrupts() && !waiter_take_interrupt() &&
              !waiter_has_interrupt() && !waiter_nudged(),
          "a thread without a waiter has no interrupts");
    CHECK_NUMBER(waiters(), *(unsigned *)before,
                 "and gets no waiter by being asked");
    return NULL;
}

static void interrupts(void)
{
    unsigned before = waiters();

    with_own_waiter(an_interrupt_that_is_sent_once_is_taken_once);
    with_own_waiter(a_permanent_interrupt_stays_until_taken_back);
    with_own_waiter(interrupts_are_for_threads_that_accept_them);
    check_join(check_start(have_no_waiter, &before));
}

/* ---- sleeping ---- */

static double thread_time(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Sleeps, which nobody will end; whether the deadline did. */
static bool sleep_alone(double milliseconds)
{
    struct deadline deadline = deadline_after(milliseconds);
    uint32_t snapshot = waiter_snapshot(own);

    return !waiter_sleep(own, snapshot, &deadline);
}

static void sleep_ends_at_the_deadline(void)
{
    static const double times[] = {0.001, 0.1, 1, 3.5, 40};
    double start, slept, all = 0, used = thread_time();
    size_t i;

    for (i = 0; i < sizeof times / sizeof *times; i++) {
        start = check_seconds();
        CHECK(sleep_alone(times[i]), "a deadline ends the sleep");
        slept = check_seconds() - start;
        all += slept;
        CHECK(slept * 1000 >= times[i], "and never too early");
    }
    CHECK(thread_time() - used < all / 2,
          "who sleeps does not use the processor");
}

static void a_wake_up_since_the_snapshot_prevents_sleep(void)
{
    uint32_t snapshot = waiter_snapshot(own);

    waiter_wake(own);
    CHECK(waiter_sleep(own, snapshot, &never),
          "who was woken since the snapshot does not sleep");
    CHECK(sleep_alone(1), "a wake-up before the snapshot does not count");
}

static void interrupts_prevent_sleep(void)
{
    waiter_interrupt(own, INTERRUPT_ALWAYS);
    CHECK(sleep_alone(1), "who accepts no interrupts sleeps through them");
    waiter_accept_interrupts(note_nudge, NULL);
    CHECK(waiter_sleep(own, waiter_snapshot(own), &never),
          "who is interrupted does not sleep");
    CHECK(waiter_has_interrupt(), "which does not use up the interrupt");
    waiter_interrupt(own, INTERRUPT_NONE);
    CHECK(sleep_alone(1), "who is not interrupted any more sleeps");
    waiter_interrupt(own, INTERRUPT_ONCE);
    waiter_refuse_interrupts();
    CHECK(sleep_alone(1), "who accepts none any more sleeps, too");
}

static void sleeping(void)
{
    with_own_waiter(sleep_ends_at_the_deadline);
    with_own_waiter(a_wake_up_since_the_snapshot_prevents_sleep);
    with_own_waiter(interrupts_prevent_sleep);
}

/* ---- one processor ---- */

static bool looks_again_on_one_processor(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0 || waiter_setup() != 0)
        abort();
    return waiter_look_again(waiter_current(), 0);
}

/* In a process of its own: how many there are is asked for once. */
static void on_one_processor_nobody_spins(void)
{
    pid_t child;
    int status = -1;

    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(looks_again_on_one_processor() ? 1 : 0);
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "who is waited for needs the processor");
}

static void all(void)
{
    check_part("on one processor nobody spins", on_one_processor_nobody_spins);
    CHECK_NUMBER(waiter_setup(), 0, "waiters can be set up");
    CHECK_NUMBER(waiter_setup(), 0, "and again");
    check_part("deadlines are as far as they should be",
               deadlines_are_as_far_as_they_should_be);
    check_part("deadlines are rounded up", deadlines_are_rounded_up);
    check_part("random deadlines are rounded up",
               random_deadlines_are_rounded_up);
    check_part("at once and never are known as such",
               at_once_and_never_are_known_as_such);
    check_part("waiters are counted", waiters_are_counted);
    check_part("each thread gets its own", each_thread_gets_its_own);
    check_part("a waiter can be given to a thread",
               a_waiter_can_be_given_to_a_thread);
    check_part("memory may run out", memory_may_run_out);
    check_part("interrupts", interrupts);
    check_part("sleeping", sleeping);
}

int main(void)
{
    return check_program("waiter", all);
}
