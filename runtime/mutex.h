/* SPDX-License-Identifier: MIT
 *
 * The mutexes of the process: for registers that threads come to when they
 * begin, end or look for each other, never while messages pass.
 *
 * A fork comes when nobody has one of them: in the new process nobody would
 * ever give it back.
 */
#ifndef RUNTIME_MUTEX_H
#define RUNTIME_MUTEX_H

/* A thread has one of them at a time. */
enum mutex {
    MUTEX_NAMES,
    MUTEX_PARTIES,
    MUTEX_POOLS,
    MUTEX_WAITERS,
    MUTEXES
};

/* Any thread, for a few instructions. */
void mutex_lock(enum mutex mutex);
void mutex_unlock(enum mutex mutex);

#endif
