/* SPDX-License-Identifier: MIT
 *
 * The nudge is SIGURG: nobody but the rare user of out-of-band socket data
 * has a handler for it, debuggers pass it on without stopping, and its default
 * action is to be ignored, so that a stray one harms nobody. A handler that
 * was there before ours still gets every signal that is not a nudge.
 */
#include "osthread.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

#define NUDGE SIGURG
#define STACK_SIZE ((size_t)8 << 20)

/* The stack a program of its own would get: `ulimit -s`, or 8 MB where that
 * is unlimited. The C library's own default differs between systems. */
static size_t stack_size(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return STACK_SIZE;
    if (limit.rlim_cur < (rlim_t)PTHREAD_STACK_MIN)
        return (size_t)PTHREAD_STACK_MIN;
    return (size_t)limit.rlim_cur;
}

/* ---- forks ---- */

static unsigned forks;

static void count_fork(void)
{
    forks++;
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, count_fork);
}

bool osthread_is_gone(const struct osthread *thread)
{
    return thread->forks != forks;
}

/* ---- threads ---- */

int osthread_start(struct osthread *thread, void *(*main)(void *),
                   void *argument)
{
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
    thread->forks = forks;
    if (error != 0)
        return error;
    /* A limit that is no multiple of the page size is refused here; the C
     * library's default has to do then. */
    (void)pthread_attr_setstacksize(&attributes, stack_size());
    error = pthread_create(&thread->id, &attributes, main, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

void osthread_join(struct osthread *thread)
{
    if (!osthread_is_gone(thread))
        pthread_join(thread->id, NULL);
}

void osthread_detach(struct osthread *thread)
{
    if (!osthread_is_gone(thread))
        pthread_detach(thread->id);
}

void osthread_name_self(const char *name)
{
    (void)pthread_setname_np(pthread_self(), name);
}

static bool (*on_nudge)(void);
static struct sigaction previous;

/* The flag may be set where there is no handler to call. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN)
        return;
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(number, info, context);
    else
        previous.sa_handler(number);
}

static void handle_signal(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    bool from_us = info->si_code == SI_TKILL && info->si_pid == getpid();

    if (!from_us || !on_nudge())
        pass_on(number, info, context);
    errno = saved;
}

void osthread_nudge_setup(bool (*nudged)(void))
{
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_RESTART};

    on_nudge = nudged;
    ours.sa_sigaction = handle_signal;
    sigfillset(&ours.sa_mask);
    /* Neither call can fail: the number is valid and may be caught. */
    (void)sigaction(NUDGE, NULL, &previous);
    (void)sigaction(NUDGE, &ours, NULL);
}

void osthread_nudge_allow(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, NUDGE);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

void osthread_nudge(struct osthread *thread)
{
    if (!osthread_is_gone(thread))
        (void)pthread_kill(thread->id, NUDGE);
}
