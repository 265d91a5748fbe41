/* SPDX-License-Identifier: MIT
 *
 * What the engine asks of the operating system: threads and what is specific
 * to them, mutexes, and sleeping. In the place of runtime/osthread.c and
 * runtime/waiter_ops.c.
 */
#include <ck_ec.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "inside.h"
#include "osthread.h"
#include "waiter.h"

#define KEYS 4

static unsigned key_count;
static void (*key_ends[KEYS])(void *);
static const void *values[EXPLORE_THREADS][KEYS];

/* What has become of an operating system thread. */
static enum fate {
    NO_THREAD,
    ATTACHED,
    JOINED,
    DETACHED
} fates[EXPLORE_THREADS];

bool (*explore_nudged)(void);

void explore_threads_reset(void)
{
    key_count = 0;
    memset(values, 0, sizeof values);
    memset(fates, 0, sizeof fates);
    explore_nudged = NULL;
}

/* ---- what is specific to a thread ---- */

int explore_key_create(pthread_key_t *key, void (*end)(void *));
int explore_key_create(pthread_key_t *key, void (*end)(void *))
{
    if (key_count == KEYS)
        return EAGAIN;
    key_ends[key_count] = end;
    *key = key_count++;
    return 0;
}

void *explore_getspecific(pthread_key_t key);
void *explore_getspecific(pthread_key_t key)
{
    return (void *)(uintptr_t)values[explore_thread()][key];
}

int explore_setspecific(pthread_key_t key, const void *value);
int explore_setspecific(pthread_key_t key, const void *value)
{
    values[explore_thread()][key] = value;
    return 0;
}

static bool end_one(const void **value, void (*end)(void *))
{
    void *last = (void *)(uintptr_t)*value;

    *value = NULL;
    if (last == NULL || end == NULL)
        return false;
    end(last);
    return true;
}

void explore_end_thread(void)
{
    const void **mine = values[explore_thread()];
    unsigned round, key;
    bool again = true;

    for (round = 0; round < 4 && again; round++)
        for (again = false, key = 0; key < key_count; key++)
            again |= end_one(&mine[key], key_ends[key]);
}

/* Far enough apart for runtime/live.c. */
pthread_t explore_self(void);
pthread_t explore_self(void)
{
    return (pthread_t)(explore_thread() + 1) << 12;
}

/* ---- once, and mutexes: a word that says whose it is ---- */

enum {
    NOT_YET,
    BUSY,
    DONE
};

int explore_once(pthread_once_t *once, void (*function)(void));
int explore_once(pthread_once_t *once, void (*function)(void))
{
    int *word = (int *)once;

    explore_step(word);
    while (*word == BUSY)
        explore_sleep(word, NULL);
    if (*word == DONE)
        return 0;
    *word = BUSY;
    function();
    explore_step(word);
    *word = DONE;
    explore_wake(word);
    return 0;
}

int explore_mutex_lock(pthread_mutex_t *mutex);
int explore_mutex_lock(pthread_mutex_t *mutex)
{
    int *word = (int *)mutex;

    explore_step(word);
    while (*word != 0)
        explore_sleep(word, NULL);
    *word = (int)explore_thread() + 1;
    return 0;
}

int explore_mutex_unlock(pthread_mutex_t *mutex);
int explore_mutex_unlock(pthread_mutex_t *mutex)
{
    int *word = (int *)mutex;

    explore_step(word);
    if (*word != (int)explore_thread() + 1)
        explore_fail("a mutex is unlocked by who has not locked it");
    *word = 0;
    explore_wake(word);
    return 0;
}

int explore_affinity(cpu_set_t *processors);
int explore_affinity(cpu_set_t *processors)
{
    CPU_ZERO(processors);
    CPU_SET(0, processors);
    if (explore_looks())
        CPU_SET(1, processors);
    return 0;
}

/* ---- sleeping ---- */

static int now(const struct ck_ec_ops *ops, struct timespec *out)
{
    (void)ops;
    *out = explore_clock;
    return 0;
}

static const struct explore_site sleep_site = {__FILE__, "waiter_sleep",
                                               __LINE__, "futex wait", 4};
static const struct explore_site wake_site = {__FILE__, "waiter_wake", __LINE__,
                                              "futex wake", 4};

/* Comparing and going to sleep is one step. */
static void sleep_on(const struct ck_ec_wait_state *state,
                     const uint32_t *address, uint32_t expected,
                     const struct timespec *deadline)
{
    (void)state;
    explore_now.site = &sleep_site;
    explore_step(address);
    if (*address == expected)
        (void)explore_sleep(address, deadline);
}

static void wake(const struct ck_ec_ops *ops, const uint32_t *address)
{
    (void)ops;
    explore_now.site = &wake_site;
    explore_step(address);
    explore_wake(address);
}

const struct ck_ec_ops waiter_ops = {
    .busy_loop_iter = 1,
    .gettime = now,
    .wait32 = sleep_on,
    .wake32 = wake,
};

/* ---- operating system threads ---- */

static struct start {
    void *(*main)(void *);
    void *argument;
} starts[EXPLORE_THREADS];

static const struct explore_site thread_site = {__FILE__, "osthread", __LINE__,
                                                "thread", 0};

static void begin(void *unused)
{
    struct start *start = &starts[explore_thread()];

    (void)unused;
    (void)start->main(start->argument);
}

static unsigned number_of(const struct osthread *thread)
{
    return (unsigned)thread->id - 1;
}

/* Until the creator has it, nobody else uses the number. */
int osthread_start(struct osthread *thread, void *(*main)(void *),
                   void *argument)
{
    struct start start = {main, argument};
    unsigned number;

    explore_now.site = &thread_site;
    explore_step(NULL);
    if (explore_current()->may_not_start && explore_choose(2) == 1)
        return EAGAIN;
    number = explore_start("child", begin, NULL);
    starts[number] = start;
    thread->id = number + 1;
    fates[number] = ATTACHED;
    return 0;
}

/* Nobody forks in a scenario. */
bool osthread_is_gone(const struct osthread *thread)
{
    (void)thread;
    return false;
}

static void settle(const struct osthread *thread, const char *what,
                   enum fate fate)
{
    unsigned number = number_of(thread);

    if (number >= EXPLORE_THREADS || fates[number] != ATTACHED)
        explore_fail("a thread is %s that is not there, or not any more", what);
    fates[number] = fate;
}

void osthread_join(struct osthread *thread)
{
    explore_now.site = &thread_site;
    explore_step(NULL);
    settle(thread, "joined", JOINED);
    explore_join(number_of(thread));
}

void osthread_detach(struct osthread *thread)
{
    explore_now.site = &thread_site;
    explore_step(NULL);
    settle(thread, "detached", DETACHED);
}

void osthread_name_self(const char *name)
{
    (void)name;
}

void osthread_nudge_setup(bool (*nudged)(void))
{
    explore_nudged = nudged;
}

void osthread_nudge_allow(void)
{
}

void osthread_nudge(struct osthread *thread)
{
    explore_now.site = &thread_site;
    explore_step(NULL);
    settle(thread, "nudged", ATTACHED);
    if (explore_nudged == NULL)
        explore_fail("a nudge that nobody has prepared for");
    explore_nudge(number_of(thread));
}

void explore_threads_check(void)
{
    unsigned i;

    for (i = 0; i < EXPLORE_THREADS; i++)
        if (fates[i] == ATTACHED)
            explore_fail("a thread was neither joined nor detached");
}
