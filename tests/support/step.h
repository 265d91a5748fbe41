/* SPDX-License-Identifier: MIT
 *
 * Stops a thread between two machine instructions.
 *
 * Overview
 * --------
 * Random pauses hit a window of two instructions once in a million rounds.
 * Here a function is run again and again, and each time it is stopped before
 * the next of its instructions, while something else happens: what another
 * thread could do if this one lost its processor right there. So each place
 * where the function can be interrupted is tried, once, for certain.
 *
 *     for (tour = step_tour("name"); step_on_tour(&tour); )
 *         end = step_run(tour.n, run, stop, context);
 *
 * The first run of a tour goes to the end, to count the instructions.
 *
 * step_run() stops a function that falls asleep at the latest just before the
 * system call: nothing that comes later would happen without another thread.
 * step_run_through() lets it sleep, which it must not do for good.
 *
 * How
 * ---
 * The trap flag of the processor raises SIGTRAP after each instruction. The
 * handler counts the instructions of this program. Calls of shared libraries
 * are passed over: they may hold a lock that stop() would wait for.
 *
 * stop() is called in the signal handler, with all signals blocked. It may call
 * whatever does not need what the stopped function holds, thus anything here.
 *
 * It needs an x86-64 processor, and a machine that passes the flag on; under
 * valgrind there is none. ThreadSanitizer has locks of its own everywhere.
 */
#ifndef TESTS_SUPPORT_STEP_H
#define TESTS_SUPPORT_STEP_H

#include <stdint.h>

#include "check.h"
#include "stress.h"

enum step_end {
    /* stop() was called between two instructions. */
    STEP_STOPPED,
    /* It was called before the function fell asleep. */
    STEP_STOPPED_ASLEEP,
    /* The function had ended before. */
    STEP_NOT_STOPPED
};

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_THREAD__)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define STEP_TRAP_FLAG 0x100

struct step {
    bool active, through_sleep;
    unsigned long n, counted, system_calls;
    /* All traps, and those up to the last instruction that counted. */
    unsigned long traps, traps_counted;
    /* The stack pointer when a library was called, or 0. What a library calls
     * lies below it. */
    greg_t outside;
    enum step_end end;
    void (*stop)(void *);
    void *context;
};

static __thread struct step step_own;

/* The linker's names for where this program's code begins and ends. */
extern const char __executable_start[], etext[];

static inline bool step_is_ours(uintptr_t at)
{
    return at >= (uintptr_t)__executable_start && at < (uintptr_t)etext;
}

static inline bool step_is_system_call(uintptr_t at)
{
    const unsigned char *code = (const unsigned char *)at;

    return code[0] == 0x0f && code[1] == 0x05;
}

static inline bool step_falls_asleep(const greg_t *registers)
{
    long operation = (long)registers[REG_RSI] & FUTEX_CMD_MASK;

    return registers[REG_RAX] == SYS_futex &&
           (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET);
}

/* Whether the next instruction is one that counts. */
static inline bool step_counts(struct step *step, const greg_t *registers)
{
    greg_t stack = registers[REG_RSP];

    if (!step_is_ours((uintptr_t)registers[REG_RIP])) {
        if (step->outside == 0)
            step->outside = stack;
        return false;
    }
    if (stack <= step->outside)
        return false;
    step->outside = 0;
    step->traps_counted = step->traps;
    return true;
}

/* Whether this is the place; end says which kind. */
static inline bool step_is_due(struct step *step, const greg_t *registers)
{
    uintptr_t at = (uintptr_t)registers[REG_RIP];

    if (step_is_system_call(at)) {
        step->system_calls++;
        step->end = STEP_STOPPED_ASLEEP;
        return !step->through_sleep && step_falls_asleep(registers);
    }
    step->end = STEP_STOPPED;
    step->traps++;
    return step_counts(step, registers) && step->counted++ == step->n;
}

static inline void step_trapped(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct step *step = &step_own;

    (void)number;
    (void)info;
    registers[REG_EFL] &= ~(greg_t)STEP_TRAP_FLAG;
    if (!step->active)
        return;
    if (!step_is_due(step, registers)) {
        registers[REG_EFL] |= STEP_TRAP_FLAG;
        return;
    }
    step->active = false;
    step->stop(step->context);
}

/* From the next instruction on: calls stop(context) before the n-th. */
static inline void step_begin(unsigned long n, void (*stop)(void *),
                              void *context)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = step_trapped;
    sigfillset(&action.sa_mask);
    sigaction(SIGTRAP, &action, NULL);
    step_own = (struct step){
        .active = true, .n = n, .stop = stop, .context = context};
    raise(SIGTRAP);
}

static inline void step_through_sleep(void)
{
    step_own.through_sleep = true;
}

static inline enum step_end step_finish(void)
{
    if (!step_own.active)
        return step_own.end;
    step_own.active = false;
    return STEP_NOT_STOPPED;
}

static inline unsigned long step_system_calls(void)
{
    return step_own.system_calls;
}

static inline unsigned long step_counted(void)
{
    return step_own.counted;
}

/* The part of a complete run that it takes to get to the last stop. */
static inline double step_part(void)
{
    return (double)step_own.traps_counted / (double)(step_own.traps + 1);
}

#else

static inline void step_begin(unsigned long n, void (*stop)(void *),
                              void *context)
{
    (void)n;
    (void)stop;
    (void)context;
}

static inline void step_through_sleep(void)
{
}

static inline enum step_end step_finish(void)
{
    return STEP_NOT_STOPPED;
}

static inline unsigned long step_system_calls(void)
{
    return 0;
}

static inline unsigned long step_counted(void)
{
    return 0;
}

static inline double step_part(void)
{
    return 1;
}

#endif

static inline void step_nothing(void *context)
{
    (void)context;
}

/* Runs run(context), stopped before its n-th instruction. */
static inline enum step_end step_run(unsigned long n, void (*run)(void *),
                                     void (*stop)(void *), void *context)
{
    step_begin(n, stop, context);
    run(context);
    return step_finish();
}

static inline enum step_end step_run_through(unsigned long n,
                                             void (*run)(void *),
                                             void (*stop)(void *),
                                             void *context)
{
    step_begin(n, stop, context);
    step_through_sleep();
    run(context);
    return step_finish();
}

/* The system calls that run(context) makes. */
static inline unsigned long step_count_system_calls(void (*run)(void *),
                                                    void *context)
{
    (void)step_run_through(-1ul, run, step_nothing, context);
    return step_system_calls();
}

/* Whether functions can be stopped here at all. */
static inline bool step_works(void)
{
    if (step_run(0, step_nothing, step_nothing, NULL) == STEP_STOPPED)
        return true;
    check_skip("stopping between instructions");
    return false;
}

/* ---- tours ---- */

/* Seconds that a tour may take by itself. */
#define STEP_LIMIT 0.2

/* All instructions of a function; or if that takes too long, as it does where
 * a trap is expensive, one of every few. Which ones is in the seed. With
 * STRESS_SECONDS in the environment a tour is complete. */
struct step_tour {
    unsigned long n, end, stride;
    double start;
    struct random random;
};

static inline struct step_tour step_tour(const char *name)
{
    struct step_tour tour = {.random = random_begin(name)};

    return tour;
}

/* After the first run: on average it takes half the way to the last stop. */
static inline void step_plan(struct step_tour *tour)
{
    double way = (check_seconds() - tour->start) * step_part(), all;

    tour->end = step_counted();
    all = way / 2 * (double)tour->end;
    tour->stride = 1;
    if (check_setting("STRESS_SECONDS", 0) <= 0)
        tour->stride += (unsigned long)(all / STEP_LIMIT);
    tour->n = random_below(&tour->random, (unsigned)tour->stride);
}

/* Where to stop next; false: it has been everywhere. */
static inline bool step_on_tour(struct step_tour *tour)
{
    if (tour->start == 0) {
        tour->start = check_seconds();
        tour->n = -1ul;
        return true;
    }
    if (tour->stride == 0)
        step_plan(tour);
    else
        tour->n += tour->stride;
    return tour->n < tour->end;
}

#endif
