/* SPDX-License-Identifier: MIT */
#include "message_pool.h"

#include <ck_pr.h>
#include <pthread.h>
#include <stdlib.h>

#include "block.h"
#include "handover.h"
#include "live.h"
#include "message.h"
#include "mutex.h"
#include "threadlocal.h"

#define LIMIT 16384
#define COMPANY 32

/* How many messages ahead a queue fetches those that one thread has made. */
#define AHEAD 8

struct chain {
    struct message *first, *last;
    unsigned count;
};

struct message_pool {
    /* The owner's. */
    struct chain free;
    struct chain outgoing;
    struct message_pool *destination;
    /* The last messages that were taken, in turn. */
    const struct message *taken[AHEAD];
    unsigned turn;
    struct message_pool *next_idle;
    /* How many messages its threads have taken, and not given back: below zero
     * where they come from elsewhere. Others read it. */
    unsigned live;
    /* Fixed. */
    struct message_pool *next;
    /* Everybody's, in a cache line of its own. */
    char apart[64];
    struct message *returned;
    unsigned returned_count;
};

static THREAD_LOCAL struct message_pool *own;

/* Only the owner writes its count: a plain store is enough, where a count that
 * threads share would cost each message an atomic operation at either end. */
static void count_born(struct message_pool *pool)
{
    if (pool == NULL)
        live_born(LIVE_MESSAGES);
    else
        ck_pr_store_uint(&pool->live, pool->live + 1);
}

static void count_gone(struct message_pool *pool)
{
    if (pool == NULL)
        live_gone(LIVE_MESSAGES);
    else
        ck_pr_store_uint(&pool->live, pool->live - 1);
}

static void add(struct chain *chain, struct message *message)
{
    message->next = chain->first;
    if (chain->first == NULL)
        chain->last = message;
    chain->first = message;
    chain->count++;
    HANDOVER_RELEASE(message);
}

static void destroy(struct message *message)
{
    if (message->bytes != message->small)
        (void)block_resize(message->bytes, message->capacity, 0);
    free(message->handles);
    free(message);
}

static void free_chain(struct chain *chain)
{
    struct message *message;

    while ((message = chain->first) != NULL) {
        HANDOVER_ACQUIRE(message);
        chain->first = message->next;
        destroy(message);
    }
    chain->count = 0;
}

/* ---- going home ---- */

static void push_returned(struct message_pool *home, struct chain *chain)
{
    struct message *head = ck_pr_load_ptr(&home->returned);

    do {
        chain->last->next = head;
        HANDOVER_RELEASE(chain->last);
        ck_pr_fence_release();
    } while (!ck_pr_cas_ptr_value(&home->returned, head, chain->first, &head));
}

/* The chain is empty afterwards. */
static void send_home(struct message_pool *home, struct chain *chain)
{
    if (ck_pr_load_uint(&home->returned_count) >= LIMIT) {
        free_chain(chain);
        return;
    }
    ck_pr_add_uint(&home->returned_count, chain->count);
    push_returned(home, chain);
    *chain = (struct chain){NULL, NULL, 0};
}

/* The number is only about right: what is being pushed may be counted too. */
static void collect_returned(struct message_pool *pool)
{
    pool->free.count = ck_pr_load_uint(&pool->returned_count);
    ck_pr_store_uint(&pool->returned_count, 0);
    pool->free.first = ck_pr_fas_ptr(&pool->returned, NULL);
    ck_pr_fence_acquire();
}

static void flush(struct message_pool *pool)
{
    if (pool->outgoing.count > 0)
        send_home(pool->destination, &pool->outgoing);
}

/* ---- pools and threads ---- */

static struct message_pool *idle, *all;
static pthread_key_t at_thread_end;
static int setup_error;

static void retire(void *context)
{
    struct message_pool *pool = context;

    flush(pool);
    free_chain(&pool->free);
    collect_returned(pool);
    free_chain(&pool->free);
    own = NULL;
    mutex_lock(MUTEX_POOLS);
    pool->next_idle = idle;
    idle = pool;
    mutex_unlock(MUTEX_POOLS);
}

static void create_key(void)
{
    setup_error = pthread_key_create(&at_thread_end, retire);
}

static struct message_pool *new_pool(void)
{
    struct message_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    mutex_lock(MUTEX_POOLS);
    pool->next = all;
    all = pool;
    mutex_unlock(MUTEX_POOLS);
    return pool;
}

static struct message_pool *find_idle(void)
{
    struct message_pool *pool;

    mutex_lock(MUTEX_POOLS);
    pool = idle;
    if (pool != NULL)
        idle = pool->next_idle;
    mutex_unlock(MUTEX_POOLS);
    return pool != NULL ? pool : new_pool();
}

unsigned message_pool_live(void)
{
    const struct message_pool *pool;
    unsigned live = 0;

    mutex_lock(MUTEX_POOLS);
    for (pool = all; pool != NULL; pool = pool->next)
        live += ck_pr_load_uint(&pool->live);
    mutex_unlock(MUTEX_POOLS);
    return live;
}

/* NULL: no memory for one, or for knowing when the thread ends. */
static struct message_pool *own_pool(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct message_pool *pool;

    if (own != NULL)
        return own;
    if (pthread_once(&once, create_key) != 0 || setup_error != 0)
        return NULL;
    pool = find_idle();
    if (pool == NULL)
        return NULL;
    own = pool;
    if (pthread_setspecific(at_thread_end, pool) != 0)
        retire(pool);
    return own;
}

/* ---- taking and giving ---- */

static struct message *allocate(struct message_pool *home)
{
    struct message *message =
        aligned_alloc(_Alignof(struct message), sizeof *message);

    if (message != NULL)
        *message = (struct message){.home = home};
    return message;
}

/* A pool would hide from AddressSanitizer that a message is used after it was
 * let go. */
#ifdef __SANITIZE_ADDRESS__
static struct message *take_from(struct message_pool *pool)
{
    (void)pool;
    return allocate(NULL);
}
#else
/* Free messages come from another processor's cache, each with the address of
 * the next. The next one is on its way since the last time; to ask for the one
 * after it now leaves it twice the time. */
static void fetch_next_but_one(const struct message *message)
{
    const struct message *next = message->next;

    if (next == NULL)
        return;
    HANDOVER_ACQUIRE(next);
    if (next->next == NULL)
        return;
    __builtin_prefetch(next->next, 1);
    __builtin_prefetch(next->next->small, 1);
}

static struct message *take_from(struct message_pool *pool)
{
    struct message *message;

    if (pool->free.first == NULL)
        collect_returned(pool);
    message = pool->free.first;
    if (message == NULL)
        return allocate(pool);
    HANDOVER_ACQUIRE(message);
    pool->free.first = message->next;
    fetch_next_but_one(message);
    if (pool->free.count > 0)
        pool->free.count--;
    return message;
}
#endif

static void remember(struct message_pool *pool, struct message *message)
{
    unsigned turn = pool->turn++ % AHEAD;

    message->earlier = pool->taken[turn];
    pool->taken[turn] = message;
}

struct message *message_pool_take(void)
{
    struct message_pool *pool = own_pool();
    struct message *message = pool == NULL ? allocate(NULL) : take_from(pool);

    if (message == NULL)
        return NULL;
    count_born(pool);
    if (pool != NULL)
        remember(pool, message);
    return message;
}

static void keep(struct message_pool *pool, struct message *message)
{
    if (pool->free.count < LIMIT)
        add(&pool->free, message);
    else
        destroy(message);
}

static void send_with_company(struct message_pool *pool,
                              struct message *message)
{
    if (pool->destination != message->home)
        flush(pool);
    pool->destination = message->home;
    add(&pool->outgoing, message);
    if (pool->outgoing.count == COMPANY)
        flush(pool);
}

void message_pool_give(struct message *message)
{
    struct message_pool *pool = own_pool();
    struct chain alone = {message, message, 1};

    count_gone(pool);
    if (message->home == NULL)
        destroy(message);
    else if (pool == NULL)
        send_home(message->home, &alone);
    else if (pool == message->home)
        keep(pool, message);
    else
        send_with_company(pool, message);
}
