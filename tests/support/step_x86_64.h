/* SPDX-License-Identifier: MIT
 *
 * How support/step.h stops a thread, on an x86-64 processor under Linux.
 *
 * The trap flag of the processor raises SIGTRAP after each instruction; the
 * handler counts the instructions of this program. Shared libraries are not
 * stepped: they may block the signal, and hold locks that stop() would wait
 * for. When one is called, its return address is replaced by that of a
 * breakpoint, and there stepping goes on.
 *
 * The runtime sleeps with the function syscall(), which this file defines in
 * the place of the C library's: so it knows when a thread falls asleep.
 */
#ifndef TESTS_SUPPORT_STEP_X86_64_H
#define TESTS_SUPPORT_STEP_X86_64_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define STEP_TRAP_FLAG 0x100

/* Of the one thread that is stepped at a time. */
static struct step {
    volatile bool active;
    volatile enum step_end end;
    bool through_sleep;
    pthread_t owner;
    unsigned long n, counted, system_calls;
    void (*stop)(void *);
    void *context;
    /* The stack pointer at the last trap; where a library comes back to. */
    greg_t stack, back;
} step_own;

static inline void step_stop(struct step *step, enum step_end end)
{
    step->active = false;
    step->end = end;
    step->stop(step->context);
}

/* ---- traps ---- */

/* The linker's names for where this program's code begins and ends. */
extern const char __executable_start[], etext[];

/* The breakpoint. */
extern const char step_back[] __attribute__((visibility("hidden")));
__asm__(".text\nstep_back: int3\n");

static inline bool step_is_ours(greg_t at)
{
    return at >= (greg_t)__executable_start && at < (greg_t)etext;
}

/* A library has been called. While its address is not known yet, the linker
 * has two more words on the stack. If our code has returned to a library, or
 * jumped there for good, stepping is over. */
static inline void step_out(struct step *step, const greg_t *registers)
{
    greg_t *stack = (greg_t *)registers[REG_RSP];
    unsigned at = step_is_ours(stack[0]) ? 0 : 2;

    if (registers[REG_RSP] > step->stack || !step_is_ours(stack[at])) {
        step->active = false;
        return;
    }
    step->back = stack[at];
    stack[at] = (greg_t)step_back;
}

static inline void step_trapped(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct step *step = &step_own;

    (void)number;
    (void)info;
    registers[REG_EFL] &= ~(greg_t)STEP_TRAP_FLAG;
    if (registers[REG_RIP] == (greg_t)step_back + 1)
        registers[REG_RIP] = step->back;
    if (!step->active)
        return;
    if (!step_is_ours(registers[REG_RIP])) {
        step_out(step, registers);
    } else if (step->counted++ == step->n) {
        step_stop(step, STEP_STOPPED);
    } else {
        step->stack = registers[REG_RSP];
        registers[REG_EFL] |= STEP_TRAP_FLAG;
    }
}

/* Below the part of the stack that a function may use without saying so. */
static inline void step_set_trap_flag(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp\n"
                     "pushfq\n"
                     "orl %0, (%%rsp)\n"
                     "popfq\n"
                     "lea 128(%%rsp), %%rsp\n"
                     :
                     : "i"(STEP_TRAP_FLAG)
                     : "cc", "memory");
}

static inline void step_begin(unsigned long n, bool through_sleep,
                              void (*stop)(void *), void *context)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};

    action.sa_sigaction = step_trapped;
    sigfillset(&action.sa_mask);
    sigaction(SIGTRAP, &action, NULL);
    step_own = (struct step){
        .active = true,
        .end = STEP_NOT_STOPPED,
        .owner = pthread_self(),
        .through_sleep = through_sleep,
        .n = n,
        .stop = stop,
        .context = context,
        .stack = LLONG_MAX,
    };
    step_set_trap_flag();
}

/* The stop may come here, too, until it is told not to. */
static inline enum step_end step_finish(void)
{
    step_own.active = false;
    atomic_signal_fence(memory_order_seq_cst);
    return step_own.end;
}

static inline unsigned long step_counted(void)
{
    return step_own.counted;
}

static inline unsigned long step_system_calls(void)
{
    return step_own.system_calls;
}

/* ---- system calls ---- */

static inline void step_calls_system(long number, long operation)
{
    struct step *step = &step_own;

    if (!step->active || !pthread_equal(step->owner, pthread_self()))
        return;
    step->system_calls++;
    operation &= FUTEX_CMD_MASK;
    if (number == SYS_futex && !step->through_sleep &&
        (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET))
        step_stop(step, STEP_STOPPED_ASLEEP);
}

static inline long step_call_system(long number, const long *a)
{
    register long fourth __asm__("r10") = a[3];
    register long fifth __asm__("r8") = a[4];
    register long sixth __asm__("r9") = a[5];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]),
                       "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
}

long syscall(long number, ...)
{
    long arguments[6], result;
    va_list list;
    int i;

    va_start(list, number);
    for (i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    step_calls_system(number, arguments[1]);
    result = step_call_system(number, arguments);
    if (result >= 0 || result < -4095)
        return result;
    errno = (int)-result;
    return -1;
}

#endif
