/* SPDX-License-Identifier: MIT
 *
 * Operating system threads: POSIX threads, and the signal that makes one of
 * them look up from its work.
 *
 * A process that was forked has none of the threads of its parent but the one
 * that called fork(). The others are *gone* there: nothing can be done with
 * them any more, and their numbers may be those of other threads.
 */
#ifndef RUNTIME_OSTHREAD_H
#define RUNTIME_OSTHREAD_H

#include <pthread.h>
#include <stdbool.h>

struct osthread {
    pthread_t id;
    /* In how many forks the process that has started it was the child. */
    unsigned forks;
};

/* Starts a thread that runs main(argument). 0, or the error number of the
 * operating system; then there is no thread. The thread is joined or detached
 * exactly once. */
int osthread_start(struct osthread *thread, void *(*main)(void *),
                   void *argument);

/* Whether the thread was left behind by a fork. Joining, detaching and nudging
 * it then does nothing. Any thread. */
bool osthread_is_gone(const struct osthread *thread);

/* Waits for the end of the thread. The thread that has started it. */
void osthread_join(struct osthread *thread);

/* Lets the thread clean up after itself. The thread that has started it. */
void osthread_detach(struct osthread *thread);

/* Names the calling thread for `top`, debuggers and core files; 15 characters
 * at most. */
void osthread_name_self(const char *name);

/* Prepares osthread_nudge: `nudged` will be called in the nudged thread, in the
 * middle of whatever it does, as a signal handler is. It returns whether the
 * nudge was meant for it. Once for the process, before the first nudge. */
void osthread_nudge_setup(bool (*nudged)(void));

/* Lets nudges reach the calling thread, even if the thread it was started by
 * had all signals blocked. */
void osthread_nudge_allow(void);

/* Nudges a thread that has been started and not yet joined or detached. */
void osthread_nudge(struct osthread *thread);

#endif
