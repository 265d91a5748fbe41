/* SPDX-License-Identifier: MIT
 *
 * The scheduler: see the essay in explore.h.
 */
#include "explore.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "inside.h"
#include "live.h"
#include "switch.h"

#define STACK ((size_t)256 << 10)
#define GUARD ((size_t)4096)
#define LOCALS 256
#define FAR ((uint64_t)1 << 60)
#define NOBODY EXPLORE_THREADS
#define BIT(thread) (1u << (thread))

struct explore_now explore_now = {.left = FAR};
char explore_reason[512];
struct timespec explore_clock;

/* ---- threads ---- */

static struct fiber {
    struct fiber_context context;
    char *stack;
    const char *name;
    void (*body)(void *);
    void *argument;
    const void *sleeps_on;
    struct timespec deadline;
    const struct explore_site *site;
    unsigned priority;
    bool expired;
    struct explore_stores stores;
    char locals[LOCALS];
} fibers[EXPLORE_THREADS];

static struct fiber_context driver;
static jmp_buf after_checks;
static unsigned fiber_count, current = NOBODY;

/* Sets of threads. */
static unsigned ended, asleep, timed, nudged, stalled;

/* ---- the schedule ---- */

static const struct explore_plan *plan;
static bool looks;
static uint64_t steps, planned;

/* Of a random one. */
static bool by_priority;
static unsigned period, lowest;

static uint64_t pending;

/* The scheduler is asked at the n-th point from now. */
static void ask_after(uint64_t n)
{
    uint64_t most = steps <= EXPLORE_STEPS ? EXPLORE_STEPS + 1 - steps : 1;

    if (n > most)
        n = most;
    if (explore_tracing) {
        pending = n;
        explore_now.left = 1;
        return;
    }
    steps += planned - explore_now.left;
    planned = explore_now.left = n;
}

static void plan_ahead(unsigned others)
{
    if (plan->random)
        ask_after(1 + explore_random_below(period));
    else
        ask_after(others != 0 && explore_may_preempt() ? 1 : FAR);
}

/* ---- store buffers ---- */

/* Memory that is freed is handed on with whatever the thread has stored. */
void explore_let_through(const void *block, size_t size)
{
    explore_stores_let_through(&fibers[current].stores, block, size);
}

/* Of threads that do not run. */
static void let_stores_through(void)
{
    unsigned i;

    for (i = 0; i < fiber_count; i++) {
        if (i == current || fibers[i].stores.count == 0 ||
            explore_random_below(4) != 0)
            continue;
        explore_stores_let_one_through(&fibers[i].stores);
        explore_note("        the oldest store of %u is seen", i);
    }
}

static bool stays_in_buffer(void)
{
    if (explore_now.buffered > 0)
        return true;
    if (plan->random)
        return explore_random_below(2) == 0;
    if (!explore_may_preempt() || explore_choose(2) == 0)
        return false;
    explore_note_preemption();
    return true;
}

/* A thread's own stack is nobody else's business, and soon something else. */
void explore_buffer(void *word, unsigned size)
{
    struct fiber *fiber = &fibers[current];

    if ((uintptr_t)word - (uintptr_t)fiber->stack < STACK ||
        fiber_count - (unsigned)__builtin_popcount(ended) < 2) {
        explore_fence();
        return;
    }
    if (!stays_in_buffer())
        return;
    explore_stores_add(&fiber->stores, word, size);
    explore_note("        ... stays in the store buffer");
}

/* ---- from one to the next ---- */

extern char __start_explore_locals[] __attribute__((visibility("hidden")));
extern char __stop_explore_locals[] __attribute__((visibility("hidden")));
static size_t locals_size;

static void handle_nudge(void)
{
    nudged &= ~BIT(current);
    explore_note("        the nudge arrives");
    if (ended & BIT(current))
        return;
    (void)explore_nudged();
}

static void go_to(unsigned next)
{
    struct fiber *me = &fibers[current], *other = &fibers[next];

    me->site = explore_now.site;
    memcpy(me->locals, __start_explore_locals, locals_size);
    explore_stores_undo(&me->stores);
    current = next;
    memcpy(__start_explore_locals, other->locals, locals_size);
    explore_stores_redo(&other->stores);
    fiber_switch(&me->context, &other->context);
}

static unsigned lowest_bit(unsigned set)
{
    return (unsigned)__builtin_ctz(set);
}

static unsigned bit_number(unsigned set, unsigned n)
{
    for (; n > 0; n--)
        set &= set - 1;
    return lowest_bit(set);
}

static unsigned highest_priority(unsigned set)
{
    unsigned best = lowest_bit(set);

    for (; set != 0; set &= set - 1)
        if (fibers[lowest_bit(set)].priority > fibers[best].priority)
            best = lowest_bit(set);
    return best;
}

static unsigned choose_among(unsigned set)
{
    if (plan->random && by_priority)
        return highest_priority(set);
    return bit_number(set, explore_choose((unsigned)__builtin_popcount(set)));
}

/* Whether time passes is a choice, too. */
static void expire(unsigned thread)
{
    struct fiber *fiber = &fibers[thread];

    asleep &= ~BIT(thread);
    timed &= ~BIT(thread);
    fiber->expired = true;
    if (fiber->deadline.tv_sec > explore_clock.tv_sec ||
        (fiber->deadline.tv_sec == explore_clock.tv_sec &&
         fiber->deadline.tv_nsec > explore_clock.tv_nsec))
        explore_clock = fiber->deadline;
    explore_note("        the deadline of %u expires", thread);
}

static unsigned made(void)
{
    return BIT(fiber_count) - 1;
}

/* Those that can go on, except the running one. */
static unsigned find_awake(void)
{
    return ((made() & ~ended & ~asleep) | (asleep & nudged)) & ~BIT(current);
}

/* Those that can go on because time passes. */
static unsigned find_expirable(unsigned awake)
{
    unsigned set = plan->scenario->expires ? asleep & timed : 0;

    if (set != 0 && plan->random && awake != 0 && explore_random_below(8) != 0)
        return 0;
    return set & ~BIT(current) & ~awake;
}

static void print_deadlock(void)
{
    char text[400];
    size_t used = 0;
    unsigned i;

    fibers[current].site = explore_now.site;
    for (i = 0; i < fiber_count && used < sizeof text; i++)
        if (!(ended & BIT(i)) && fibers[i].site != NULL)
            used += (size_t)snprintf(
                text + used, sizeof text - used, "; %s waits at %s:%d %s",
                fibers[i].name, explore_short_name(fibers[i].site->file),
                fibers[i].site->line, fibers[i].site->function);
    explore_fail("deadlock%s", text);
}

static void switch_to(unsigned next)
{
    if ((asleep & BIT(next)) && !(nudged & BIT(next)))
        expire(next);
    if (next != current) {
        if (plan->random && plan->scenario != NULL)
            let_stores_through();
        explore_note("    --> %u %s", next, fibers[next].name);
        go_to(next);
    }
}

/* The running thread could go on. */
static void perhaps_preempt(void)
{
    unsigned awake = find_awake(), others = awake | find_expirable(awake);
    unsigned next = current, pick;

    stalled = 0;
    if (others != 0 && plan->random) {
        if (by_priority)
            fibers[current].priority = lowest--;
        next = choose_among(by_priority ? others | BIT(current) : others);
    } else if (others != 0 && explore_may_preempt()) {
        pick = explore_choose((unsigned)__builtin_popcount(others) + 1);
        if (pick > 0) {
            explore_note_preemption();
            next = bit_number(others, pick - 1);
        }
    }
    plan_ahead(others);
    switch_to(next);
}

/* The running thread cannot go on, or it does not help. */
static void leave(bool must)
{
    unsigned awake = find_awake(), others, next = current;

    if (awake & ~stalled)
        awake &= ~stalled;
    others = awake | find_expirable(awake);
    if (!must && awake == 0)
        others |= others == 0 ? 0 : BIT(current);
    if (others != 0) {
        next = choose_among(others);
    } else if (must) {
        if (ended != made())
            print_deadlock();
        fiber_switch(&fibers[current].context, &driver);
    }
    if (next != current)
        stalled &= ~BIT(next);
    plan_ahead(others | BIT(current));
    switch_to(next);
}

static void check_steps(void)
{
    if (explore_tracing)
        return;
    steps += planned;
    planned = 0;
}

void explore_ask(void)
{
    const struct explore_site *site = explore_now.site;
    const void *address = explore_now.address;

    if (current == NOBODY) {
        explore_now.left = FAR;
        return;
    }
    check_steps();
    if (explore_tracing) {
        steps++;
        explore_now.left = 1;
    }
    if (steps > EXPLORE_STEPS)
        explore_fail("no end after %d steps", EXPLORE_STEPS);
    if (!explore_tracing || --pending == 0)
        perhaps_preempt();
    while (nudged & BIT(current))
        handle_nudge();
    explore_now.site = site;
    explore_now.address = address;
    if (explore_tracing)
        explore_note_step(current, fibers[current].name, site, address);
}

void explore_stall(void)
{
    if (current == NOBODY)
        return;
    explore_fence();
    if (explore_tracing)
        explore_note_step(current, fibers[current].name, explore_now.site,
                          NULL);
    ask_after(FAR);
    if (steps > EXPLORE_STEPS)
        explore_fail("no end after %d steps", EXPLORE_STEPS);
    steps++;
    stalled |= BIT(current);
    leave(false);
    while (nudged & BIT(current))
        handle_nudge();
}

void explore_step(const void *address)
{
    explore_point(address);
    explore_fence();
}

/* Somebody can go on who could not. */
static void more_are_awake(void)
{
    if (!plan->random && explore_may_preempt())
        ask_after(1);
}

static bool is_never(const struct timespec *deadline)
{
    return deadline == NULL ||
           deadline->tv_sec - explore_clock.tv_sec > 1000000000;
}

/* False: the deadline has expired. */
bool explore_sleep(const void *address, const struct timespec *deadline)
{
    struct fiber *me = &fibers[current];
    const struct explore_site *site = explore_now.site;

    if (current == NOBODY)
        explore_fail("sleeps outside of a schedule");
    explore_fence();
    me->sleeps_on = address;
    me->expired = false;
    asleep |= BIT(current);
    if (!is_never(deadline)) {
        me->deadline = *deadline;
        timed |= BIT(current);
    }
    explore_note("        sleeps");
    while (asleep & BIT(current)) {
        explore_now.site = site;
        leave(true);
        while (nudged & BIT(current))
            handle_nudge();
    }
    timed &= ~BIT(current);
    return !me->expired;
}

void explore_wake(const void *address)
{
    unsigned i;

    for (i = 0; i < fiber_count; i++)
        if ((asleep & BIT(i)) && fibers[i].sleeps_on == address) {
            asleep &= ~BIT(i);
            timed &= ~BIT(i);
            explore_note("        wakes %u %s", i, fibers[i].name);
            more_are_awake();
        }
}

void explore_nudge(unsigned thread)
{
    nudged |= BIT(thread) & ~ended;
    more_are_awake();
}

/* ---- the life of a fiber ---- */

static void fiber_main(void)
{
    struct fiber *me = &fibers[current];

    while (nudged & BIT(current))
        handle_nudge();
    me->body(me->argument);
    explore_end_thread();
    explore_fence();
    ended |= BIT(current);
    nudged &= ~BIT(current);
    explore_note("        ends");
    explore_wake(me);
    explore_wake(&ended);
    leave(true);
}

unsigned explore_start(const char *name, void (*body)(void *), void *argument)
{
    unsigned number = fiber_count;
    struct fiber *fiber = &fibers[number];

    if (fiber_count == EXPLORE_THREADS)
        explore_fail("too many threads");
    fiber->name = name;
    fiber->body = body;
    fiber->argument = argument;
    fiber->sleeps_on = NULL;
    fiber->site = NULL;
    fiber->stores.count = 0;
    fiber->priority = plan->random ? 1000 + explore_random_below(1000) : 0;
    memset(fiber->locals, 0, locals_size);
    fiber_make(&fiber->context, fiber->stack, STACK, fiber_main);
    fiber_count++;
    explore_note("        starts %u %s", number, name);
    more_are_awake();
    return number;
}

unsigned explore_thread(void)
{
    return current == NOBODY ? 0 : current;
}

static const struct explore_site join_site = {__FILE__, "join", __LINE__,
                                              "join", 0};

void explore_join(unsigned thread)
{
    while (!(ended & BIT(thread))) {
        explore_now.site = &join_site;
        (void)explore_sleep(&fibers[thread], NULL);
    }
}

void explore_join_all(void)
{
    while ((ended | BIT(current)) != made()) {
        explore_now.site = &join_site;
        (void)explore_sleep(&ended, NULL);
    }
}

bool explore_looks(void)
{
    return looks;
}

const struct explore_scenario *explore_current(void)
{
    return plan->scenario;
}

/* ---- one schedule ---- */

/* In a fiber, or in the checks at the end. */
void explore_fail(const char *format, ...)
{
    static struct fiber_context nowhere;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(explore_reason, sizeof explore_reason, format, arguments);
    va_end(arguments);
    if (current == NOBODY)
        longjmp(after_checks, 1);
    fiber_switch(&nowhere, &driver);
    abort();
}

static void crashed(int number)
{
    if (current == NOBODY) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    explore_fail("signal %d, after %s:%d %s", number,
                 explore_now.site == NULL ? "" : explore_now.site->file,
                 explore_now.site == NULL ? 0 : explore_now.site->line,
                 explore_now.site == NULL ? "" : explore_now.site->function);
}

static void main_thread(void *argument)
{
    (void)argument;
    plan->scenario->body();
}

static void begin_random(void)
{
    by_priority = explore_random_below(2) == 0;
    period = 2u << explore_random_below(by_priority ? 10 : 7);
    lowest = 999;
    explore_now.buffering = explore_random_below(2) == 0;
    looks = explore_random_below(4) == 0;
}

static void begin(void)
{
    explore_choices_reset(plan);
    explore_memory_reset();
    explore_threads_reset();
    explore_descriptors_reset();
    explore_clock = (struct timespec){1000, 0};
    fiber_count = ended = asleep = timed = nudged = stalled = 0;
    steps = planned = 0;
    explore_trace_reset();
    explore_now.buffered = 0;
    explore_now.left = 0;
    explore_reason[0] = '\0';
    if (plan->random) {
        begin_random();
    } else {
        explore_now.buffering = plan->buffers;
        looks = plan->looks;
    }
    (void)explore_start("main", main_thread, NULL);
    plan_ahead(0);
}

static void check_end(void)
{
    int kind;

    explore_threads_check();
    explore_descriptors_check();
    for (kind = 0; kind < LIVE_KINDS; kind++)
        if (live_count((enum live_kind)kind) != 0)
            explore_fail("%s are left: %d", live_name((enum live_kind)kind),
                         (int)live_count((enum live_kind)kind));
    explore_memory_check();
}

bool explore_run(const struct explore_plan *the_plan)
{
    plan = the_plan;
    begin();
    current = 0;
    memcpy(__start_explore_locals, fibers[0].locals, locals_size);
    fiber_switch(&driver, &fibers[0].context);
    current = NOBODY;
    if (!explore_tracing)
        steps += planned - explore_now.left;
    explore_now = (struct explore_now){.left = FAR};
    if (explore_reason[0] == '\0' && setjmp(after_checks) == 0)
        check_end();
    return explore_reason[0] == '\0';
}

uint64_t explore_steps(void)
{
    return steps;
}

void explore_trace(const struct explore_plan *the_plan)
{
    explore_choices_keep();
    explore_tracing = true;
    (void)explore_run(the_plan);
    explore_tracing = false;
    explore_trace_print();
}

/* ---- the program ---- */

static void prepare_stacks(void)
{
    unsigned i;

    for (i = 0; i < EXPLORE_THREADS; i++) {
        char *stack = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (stack == MAP_FAILED)
            exit(2);
        (void)mprotect(stack, GUARD, PROT_NONE);
        fibers[i].stack = stack + GUARD;
    }
}

static void prepare_signals(void)
{
    static char stack[64 << 10];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_ONSTACK | SA_NODEFER};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    unsigned i;

    action.sa_handler = crashed;
    sigaltstack(&alternative, NULL);
    for (i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        sigaction(crashes[i], &action, NULL);
}

void explore_prepare(void)
{
    locals_size = (size_t)(__stop_explore_locals - __start_explore_locals);
    if (locals_size > LOCALS) {
        fprintf(stderr, "Too many variables belong to a thread.\n");
        exit(2);
    }
    explore_memory_prepare();
    prepare_stacks();
    prepare_signals();
}
