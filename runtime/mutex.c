/* SPDX-License-Identifier: MIT */
#include "mutex.h"

#include <pthread.h>

static pthread_mutex_t mutexes[MUTEXES] = {
    [MUTEX_NAMES] = PTHREAD_MUTEX_INITIALIZER,
    [MUTEX_PARTIES] = PTHREAD_MUTEX_INITIALIZER,
    [MUTEX_POOLS] = PTHREAD_MUTEX_INITIALIZER,
    [MUTEX_WAITERS] = PTHREAD_MUTEX_INITIALIZER,
};

static void lock_all(void)
{
    unsigned i;

    for (i = 0; i < MUTEXES; i++)
        pthread_mutex_lock(&mutexes[i]);
}

static void unlock_all(void)
{
    unsigned i;

    for (i = 0; i < MUTEXES; i++)
        pthread_mutex_unlock(&mutexes[i]);
}

static void watch_forks(void)
{
    (void)pthread_atfork(lock_all, unlock_all, unlock_all);
}

void mutex_lock(enum mutex mutex)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&mutexes[mutex]);
}

void mutex_unlock(enum mutex mutex)
{
    pthread_mutex_unlock(&mutexes[mutex]);
}
