/* SPDX-License-Identifier: MIT
 *
 * Included before each file of the engine, and of the scenarios: whatever
 * belongs to a thread, or makes one wait, is the explorer's.
 */
#ifndef TESTS_SCHEDULES_ENGINE_H
#define TESTS_SCHEDULES_ENGINE_H

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
/* The engine, which never waits that way, may give its own functions the name.
 */
#define sleep sleep_of_the_library
#include <unistd.h>
#undef sleep

#include "explore_point.h"

/* In the place of runtime/threadlocal.h: the explorer exchanges the variables
 * of this section when it exchanges threads. */
#define RUNTIME_THREADLOCAL_H
#define THREAD_LOCAL __attribute__((section("explore_locals")))

/* ---- threads ---- */

int explore_once(pthread_once_t *once, void (*function)(void));
int explore_key_create(pthread_key_t *key, void (*end)(void *));
void *explore_getspecific(pthread_key_t key);
int explore_setspecific(pthread_key_t key, const void *value);
pthread_t explore_self(void);
int explore_mutex_lock(pthread_mutex_t *mutex);
int explore_mutex_unlock(pthread_mutex_t *mutex);
int explore_affinity(cpu_set_t *processors);

#define pthread_once(once, function)                                           \
    (EXPLORE_AT("once", 4), explore_once(once, function))
/* Nobody forks in a scenario. */
#define pthread_atfork(before, parent, child)                                  \
    ((void)(before), (void)(parent), (void)(child), 0)
#define pthread_key_create explore_key_create
#define pthread_getspecific explore_getspecific
#define pthread_setspecific explore_setspecific
#define pthread_self explore_self
#define pthread_mutex_lock(mutex)                                              \
    (EXPLORE_AT("lock", 4), explore_mutex_lock(mutex))
#define pthread_mutex_unlock(mutex)                                            \
    (EXPLORE_AT("unlock", 4), explore_mutex_unlock(mutex))
#define sched_yield() (EXPLORE_AT("yield", 0), explore_stall())
#define sched_getaffinity(id, size, processors) explore_affinity(processors)

/* Nothing is ever unloaded here. */
#define dladdr1(address, information, more, what) ((void)(information), 0)

/* ---- memory ---- */

void *explore_malloc(size_t size, const char *file, int line);
void *explore_calloc(size_t count, size_t size, const char *file, int line);
void *explore_realloc(void *block, size_t size, const char *file, int line);
void explore_free(void *block, const char *file, int line);

#define malloc(size) explore_malloc(size, __FILE__, __LINE__)
#define calloc(count, size) explore_calloc(count, size, __FILE__, __LINE__)
#define realloc(block, size) explore_realloc(block, size, __FILE__, __LINE__)
/* All blocks are aligned to cache lines. */
#define aligned_alloc(line, size) explore_malloc(size, __FILE__, __LINE__)
#define free(block) explore_free(block, __FILE__, __LINE__)

/* ---- descriptors ---- */

int explore_eventfd(void);
ssize_t explore_write(int descriptor);
ssize_t explore_read(int descriptor);
int explore_close(int descriptor);

#define eventfd(value, flags) (EXPLORE_AT("eventfd", 0), explore_eventfd())
#define write(descriptor, data, size)                                          \
    (EXPLORE_AT("write", 0), (void)(data), explore_write(descriptor))
#define read(descriptor, data, size)                                           \
    (EXPLORE_AT("read", 0), (void)(data), explore_read(descriptor))
#define close(descriptor) (EXPLORE_AT("close", 0), explore_close(descriptor))

#endif
