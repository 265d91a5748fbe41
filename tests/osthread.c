/* SPDX-License-Identifier: MIT
 *
 * Operating system threads, and the nudge that makes one look up.
 */
#include <errno.h>
#include <limits.h>
#include <sys/wait.h>

#include "osthread.h"
#include "support/check.h"
#include "support/limits.h"
#include "support/stress.h"
#include "support/task.h"

#define NUDGE SIGURG

/* ---- start, join, detach ---- */

static void *return_argument(void *argument)
{
    *(int *)argument = 42;
    return NULL;
}

static void a_thread_runs_its_function(void)
{
    struct osthread thread;
    int value = 0;

    CHECK_NUMBER(osthread_start(&thread, return_argument, &value), 0,
                 "a thread starts");
    osthread_join(&thread);
    CHECK_NUMBER(value, 42, "join comes after everything the thread has done");
}

static atomic_int detached_may_end, detached_has_ended;

static void *end_when_allowed(void *argument)
{
    (void)argument;
    while (!atomic_load(&detached_may_end))
        sched_yield();
    atomic_store(&detached_has_ended, 1);
    return NULL;
}

static void a_detached_thread_ends_by_itself(void)
{
    struct osthread thread;

    CHECK_NUMBER(osthread_start(&thread, end_when_allowed, NULL), 0,
                 "a thread starts that will be detached");
    osthread_detach(&thread);
    CHECK(!detached_has_ended, "detaching does not wait for the end");
    detached_may_end = 1;
    CHECK_EVENTUALLY(detached_has_ended, "a detached thread runs to its end");
}

static void *take_name(void *argument)
{
    osthread_name_self("a name of 15 ch");
    pthread_getname_np(pthread_self(), argument, 16);
    return NULL;
}

static void a_thread_can_be_named(void)
{
    struct osthread thread;
    char name[16] = "";

    osthread_start(&thread, take_name, name);
    osthread_join(&thread);
    CHECK_TEXT(name, "a name of 15 ch", "a thread names itself");
}

/* ---- stacks ---- */

static void *measure_stack(void *size)
{
    pthread_attr_t attributes;

    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, size);
    pthread_attr_destroy(&attributes);
    return NULL;
}

/* Under a limit: what starting a thread returns, and the stack it got. */
static int start_under_limit(rlim_t stack_limit, size_t *size)
{
    struct osthread thread;
    struct rlimit before;
    int error;

    if (!limit_stacks(stack_limit, &before))
        return -1;
    error = osthread_start(&thread, measure_stack, size);
    if (error == 0)
        osthread_join(&thread);
    limit_stacks_end(&before);
    return error;
}

static void check_stack(rlim_t limit, size_t at_least, size_t at_most,
                        const char *sentence)
{
    size_t size = 0;

    if (start_under_limit(limit, &size) == -1)
        check_skip("this limit of the stack cannot be set");
    else
        CHECK(size >= at_least && size <= at_most, sentence);
}

/* From small to large and before all other threads, for the C library gives
 * new threads the stacks of old ones if these are large enough. */
static void the_stack_is_that_of_a_program(void)
{
    const size_t megabyte = (size_t)1 << 20, page = 65536;

    check_stack(1, (size_t)PTHREAD_STACK_MIN, megabyte,
                "a limit too low for any thread counts as the lowest");
    check_stack(3 * megabyte, 3 * megabyte, 3 * megabyte + page,
                "a thread gets the stack that is the limit");
    check_stack(RLIM_INFINITY, 8 * megabyte, 8 * megabyte + page,
                "without a limit a thread gets 8 MB");
    check_stack(20 * megabyte, 20 * megabyte, 20 * megabyte + page,
                "a larger stack than usual can be the limit");
    check_stack(30 * megabyte + 1000, 30 * megabyte, 30 * megabyte + page,
                "also if it is no multiple of a page");
}

static void a_refused_thread_is_an_error_number(void)
{
    size_t size;
    int error = start_under_limit((rlim_t)1 << 56, &size);

    if (error == -1)
        check_skip("an enormous limit of the stack cannot be set");
    else
        CHECK(error > 0, "a thread the system has no room for is refused");
}

/* ---- nudges ---- */

static atomic_uint nudges, passed_on;
static atomic_bool nudge_is_ours;
static _Atomic(pthread_t) nudged_thread;

static bool nudged(void)
{
    nudged_thread = pthread_self();
    errno = ERANGE;
    atomic_fetch_add(&nudges, 1);
    return nudge_is_ours;
}

static void old_handler(int number)
{
    (void)number;
    atomic_fetch_add(&passed_on, 1);
}

static void old_action(int number, siginfo_t *info, void *context)
{
    if (number == NUDGE && info != NULL && context != NULL)
        atomic_fetch_add(&passed_on, 1);
}

/* What was there before us: each case in a process of its own, for nudges are
 * prepared only once. */
static void *nudge_beside(void *old)
{
    nudge_is_ours = true;
    nudges = passed_on = 0;
    sigaction(NUDGE, old, NULL);
    osthread_nudge_setup(nudged);
    return NULL;
}

static bool expect(unsigned nudges_expected, unsigned passed_on_expected)
{
    return nudges == nudges_expected && passed_on == passed_on_expected;
}

/* In a process that was forked, too. */
static struct osthread this_thread(void)
{
    struct osthread self = {.id = pthread_self()};

    while (osthread_is_gone(&self))
        self.forks++;
    return self;
}

static bool behaves_beside(const struct sigaction *old, unsigned handled)
{
    struct osthread self = this_thread();
    bool right = true;

    nudge_beside((void *)(uintptr_t)old);
    osthread_nudge(&self);
    right = right && expect(1, 0);
    kill(getpid(), NUDGE);
    right = right && expect(1, handled);
    nudge_is_ours = false;
    osthread_nudge(&self);
    return right && expect(2, 2 * handled);
}

/* Such a process has one thread, which therefore handles every signal before
 * kill() returns. */
static void check_beside(const struct sigaction *old, unsigned handled,
                         const char *sentence)
{
    pid_t child;
    int status = -1;

    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(behaves_beside(old, handled) ? 0 : 1);
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, sentence);
}

static void other_signals_reach_the_old_handler(void)
{
    struct sigaction old = {.sa_flags = 0};

    old.sa_handler = SIG_DFL;
    check_beside(&old, 0, "nudges work where there was no handler");
    old.sa_handler = SIG_IGN;
    check_beside(&old, 0, "nudges work where the signal was ignored");
    old.sa_handler = old_handler;
    check_beside(&old, 1, "what is no nudge reaches a handler of before");
    old.sa_flags = SA_SIGINFO;
    old.sa_sigaction = old_action;
    check_beside(&old, 1, "also one that wants to know more");
}

static void prepare_nudges(void)
{
    struct sigaction old = {.sa_flags = 0};

    old.sa_handler = old_handler;
    nudge_beside(&old);
}

static atomic_bool ready, may_end;

static void *wait_for_nudge(void *argument)
{
    (void)argument;
    check_expect_signals();
    atomic_store(&ready, true);
    while (!atomic_load(&may_end))
        usleep(100);
    return NULL;
}

static void start_ready(struct osthread *thread, void *(*function)(void *))
{
    ready = may_end = false;
    nudges = passed_on = 0;
    osthread_start(thread, function, NULL);
    CHECK_EVENTUALLY(ready, "a thread gets ready to be nudged");
}

static void a_nudge_is_handled_by_its_thread(void)
{
    struct osthread thread;
    pthread_t id;

    start_ready(&thread, wait_for_nudge);
    id = thread.id;
    osthread_nudge(&thread);
    CHECK_EVENTUALLY(nudges == 1, "a nudge arrives");
    may_end = true;
    osthread_join(&thread);
    CHECK(pthread_equal(nudged_thread, id), "in the thread that is nudged");
    CHECK_NUMBER(passed_on, 0, "a nudge is nobody else's");
}

/* errno must outlive the handler, which changes it. */
static void *keep_errno(void *kept)
{
    check_expect_signals();
    errno = EXDEV;
    atomic_store(&ready, true);
    while (atomic_load(&nudges) == 0)
        check_expect_signals();
    atomic_store((atomic_bool *)kept, errno == EXDEV);
    return NULL;
}

static void a_nudge_leaves_errno_alone(void)
{
    struct osthread thread;
    atomic_bool kept = false;

    nudges = 0;
    ready = false;
    osthread_start(&thread, keep_errno, &kept);
    CHECK_EVENTUALLY(ready, "a thread has set errno");
    osthread_nudge(&thread);
    osthread_join(&thread);
    CHECK(kept, "errno is what it was before the nudge");
}

static int reading_end;

static void *read_one_byte(void *argument)
{
    char byte = 0;

    (void)argument;
    atomic_store(&ready, true);
    if (read(reading_end, &byte, 1) != 1 || byte != 'x')
        CHECK(false, "a system call goes on after a nudge");
    return NULL;
}

static void a_nudge_does_not_interrupt_system_calls(void)
{
    struct osthread thread;
    int ends[2];

#ifdef __SANITIZE_THREAD__
    check_skip("signals wait for the end of a system call");
    return;
#endif
    if (pipe(ends) != 0)
        return;
    reading_end = ends[0];
    start_ready(&thread, read_one_byte);
    osthread_nudge(&thread);
    CHECK_EVENTUALLY(nudges == 1, "a thread in a system call can be nudged");
    CHECK(write(ends[1], "x", 1) == 1, "the system call can be completed");
    osthread_join(&thread);
    close(ends[0]);
    close(ends[1]);
}

static void *allow_late(void *argument)
{
    (void)argument;
    atomic_store(&ready, true);
    while (!atomic_load(&may_end))
        sched_yield();
    if (atomic_load(&nudges) != 0)
        CHECK(false, "no nudge reaches a thread that has signals blocked");
    osthread_nudge_allow();
    if (atomic_load(&nudges) != 1)
        CHECK(false, "it is there as soon as nudges are allowed");
    return NULL;
}

static void nudges_are_allowed_where_signals_are_blocked(void)
{
    struct osthread thread;
    sigset_t everything, before;

    sigfillset(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &before);
    start_ready(&thread, allow_late);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    osthread_nudge(&thread);
    may_end = true;
    osthread_join(&thread);
    CHECK_NUMBER(nudges, 1, "a nudge waits until it is allowed");
}

static void *tell_id(void *id)
{
    atomic_store((atomic_int *)id, task_self());
    return NULL;
}

static void a_nudge_comes_too_late(void)
{
    struct osthread thread;
    atomic_int id = 0;

    nudges = passed_on = 0;
    osthread_start(&thread, tell_id, &id);
    CHECK_EVENTUALLY(id != 0 && task_is_gone(id), "a thread ends");
    osthread_nudge(&thread);
    osthread_join(&thread);
    CHECK(nudges == 0 && passed_on == 0,
          "a nudge for a thread that has ended reaches nobody");
}

/* ---- stress ---- */

#define THREADS 3

static void *work(void *argument)
{
    volatile unsigned left = *(unsigned *)argument;

    while (left > 0)
        left = left - 1;
    check_expect_signals();
    return NULL;
}

static void nudge_in_a_storm(struct random *random)
{
    struct osthread threads[THREADS];
    unsigned amounts[THREADS], i, storm = random_below(random, 300);

    for (i = 0; i < THREADS; i++) {
        amounts[i] = random_below(random, 100000);
        osthread_start(&threads[i], work, &amounts[i]);
    }
    for (i = 0; i < storm; i++)
        osthread_nudge(&threads[random_below(random, THREADS)]);
    for (i = 0; i < THREADS; i++)
        osthread_join(&threads[i]);
}

static void threads_end_in_a_storm_of_nudges(void)
{
    struct stress s = stress_begin("osthread", 300);

    nudges = passed_on = 0;
    /* One arrives, sooner or later, or the test hangs. */
    for (; stress_goes_on(&s) || nudges == 0; s.round++)
        nudge_in_a_storm(&s.random);
    CHECK_NUMBER(passed_on, 0, "no nudge is taken for anything else");
}

static void all(void)
{
    check_part("the stack is that of a program",
               the_stack_is_that_of_a_program);
    check_part("a thread runs its function", a_thread_runs_its_function);
    check_part("a detached thread ends by itself",
               a_detached_thread_ends_by_itself);
    check_part("a thread can be named", a_thread_can_be_named);
    check_part("a refused thread is an error number",
               a_refused_thread_is_an_error_number);
    check_part("other signals reach the old handler",
               other_signals_reach_the_old_handler);
    prepare_nudges();
    check_part("a nudge is handled by its thread",
               a_nudge_is_handled_by_its_thread);
    check_part("a nudge leaves errno alone", a_nudge_leaves_errno_alone);
    check_part("a nudge does not interrupt system calls",
               a_nudge_does_not_interrupt_system_calls);
    check_part("nudges are allowed where signals are blocked",
               nudges_are_allowed_where_signals_are_blocked);
    check_part("a nudge comes too late", a_nudge_comes_too_late);
    check_part("threads end in a storm of nudges",
               threads_end_in_a_storm_of_nudges);
}

int main(void)
{
    return check_program("osthread", all);
}
