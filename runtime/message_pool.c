/* SPDX-License-Identifier: MIT */
#include "message_pool.h"

#include <ck_pr.h>
#include <pthread.h>
#include <stdlib.h>

#include "block.h"
#include "handover.h"
#include "message.h"
#include "threadlocal.h"

#define LIMIT 512
#define COMPANY 32

struct chain {
    struct message *first, *last;
    unsigned count;
};

struct message_pool {
    /* The owner's. */
    struct chain free;
    struct chain outgoing;
    struct message_pool *destination;
    struct message_pool *next_idle;
    /* Everybody's, in a cache line of its own. */
    char apart[64];
    struct message *returned;
    unsigned returned_count;
};

static THREAD_LOCAL struct message_pool *own;

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
        ck_pr_fence_store_atomic();
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

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct message_pool *idle;
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
    pthread_mutex_lock(&mutex);
    pool->next_idle = idle;
    idle = pool;
    pthread_mutex_unlock(&mutex);
}

static void create_key(void)
{
    setup_error = pthread_key_create(&at_thread_end, retire);
}

static struct message_pool *find_idle(void)
{
    struct message_pool *pool;

    pthread_mutex_lock(&mutex);
    pool = idle;
    if (pool != NULL)
        idle = pool->next_idle;
    pthread_mutex_unlock(&mutex);
    return pool != NULL ? pool : calloc(1, sizeof *pool);
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
struct message *message_pool_take(void)
{
    return allocate(NULL);
}
#else
struct message *message_pool_take(void)
{
    struct message_pool *pool = own_pool();
    struct message *message;

    if (pool == NULL)
        return allocate(NULL);
    if (pool->free.first == NULL)
        collect_returned(pool);
    message = pool->free.first;
    if (message == NULL)
        return allocate(pool);
    HANDOVER_ACQUIRE(message);
    pool->free.first = message->next;
    __builtin_prefetch(message->next, 1);
    if (pool->free.count > 0)
        pool->free.count--;
    return message;
}
#endif

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
    struct message_pool *pool;
    struct chain alone = {message, message, 1};

    if (message->home == NULL) {
        destroy(message);
        return;
    }
    pool = own_pool();
    if (pool == NULL)
        send_home(message->home, &alone);
    else if (pool == message->home)
        keep(pool, message);
    else
        send_with_company(pool, message);
}
