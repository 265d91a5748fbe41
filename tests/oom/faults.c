/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef FAULTS_PRELOAD
#include <search.h>

#include "heap.h"
#endif

/* ---- what fails ---- */

static __thread enum fault_side my_side;

static struct fault_plan plan;
static atomic_bool armed;
static atomic_ulong count;
static atomic_uint hits;
static atomic_ulong failed[FAULT_KINDS];
static _Atomic(void *) last_caller;

void faults_i_am(enum fault_side side)
{
    my_side = side;
}

void faults_arm(const struct fault_plan *new_plan)
{
    plan = *new_plan;
    atomic_store(&count, 0);
    atomic_store(&hits, 0);
    atomic_store(&armed, !plan.gated);
}

void faults_here(void)
{
    if (plan.gated && my_side == plan.side)
        atomic_store(&armed, true);
}

unsigned faults_disarm(void)
{
    atomic_store(&armed, false);
    plan.gated = false;
    return atomic_load(&hits);
}

unsigned long faults_failed(enum fault_kind kind)
{
    return atomic_load(&failed[kind]);
}

void *faults_last_caller(void)
{
    return atomic_load(&last_caller);
}

bool faults_strike(enum fault_kind kind, void *caller)
{
    unsigned long number;

    if (!atomic_load(&armed) || my_side != plan.side)
        return false;
    number = atomic_fetch_add(&count, 1) + 1;
    if (plan.for_good ? number < plan.n : number != plan.n)
        return false;
    atomic_fetch_add(&hits, 1);
    atomic_fetch_add(&failed[kind], 1);
    if (number == plan.n)
        atomic_store(&last_caller, caller);
    errno = ENOMEM;
    return true;
}

/* ---- blocks ---- */

/* Open addressing, at most half full; a block that is gone takes those behind
 * it along. */
#define PLACES (1u << 15)

static struct fault_block blocks[PLACES];
static unsigned block_count;
static atomic_bool watching;
static atomic_flag blocks_lock = ATOMIC_FLAG_INIT;

static void lock_blocks(void)
{
    while (
        atomic_flag_test_and_set_explicit(&blocks_lock, memory_order_acquire))
        ;
}

static void unlock_blocks(void)
{
    atomic_flag_clear_explicit(&blocks_lock, memory_order_release);
}

static unsigned home_of(const void *address)
{
    uint64_t bits = (uint64_t)(uintptr_t)address >> 4;

    return (unsigned)(bits * UINT64_C(0x9E3779B97F4A7C15) >> 40) % PLACES;
}

static unsigned find_block(const void *address)
{
    unsigned place = home_of(address);

    while (blocks[place].address != NULL && blocks[place].address != address)
        place = (place + 1) % PLACES;
    return place;
}

static void *born(void *address, size_t size, void *caller)
{
    unsigned place;

    if (address == NULL || !atomic_load(&watching) || my_side == FAULT_NOBODY)
        return address;
    lock_blocks();
    if (block_count < PLACES / 2) {
        place = find_block(address);
        block_count += blocks[place].address == NULL;
        blocks[place] = (struct fault_block){address, size, caller};
    }
    unlock_blocks();
    return address;
}

static void close_gap(unsigned gap)
{
    unsigned place = gap, home;

    for (;;) {
        place = (place + 1) % PLACES;
        if (blocks[place].address == NULL)
            break;
        home = home_of(blocks[place].address);
        if ((place - home) % PLACES < (place - gap) % PLACES)
            continue;
        blocks[gap] = blocks[place];
        gap = place;
    }
    blocks[gap].address = NULL;
}

static struct fault_block gone(void *address)
{
    struct fault_block block = {NULL, 0, NULL};
    unsigned place;

    if (address == NULL || !atomic_load(&watching))
        return block;
    lock_blocks();
    place = find_block(address);
    block = blocks[place];
    if (block.address != NULL) {
        block_count--;
        close_gap(place);
    }
    unlock_blocks();
    return block;
}

void faults_watch(bool afresh)
{
    lock_blocks();
    if (afresh && block_count > 0) {
        memset(blocks, 0, sizeof blocks);
        block_count = 0;
    }
    unlock_blocks();
    atomic_store(&watching, true);
}

unsigned faults_left(struct fault_block *left, unsigned room,
                     bool (*excused)(const struct fault_block *))
{
    unsigned place, found = 0;

    for (place = 0; block_count > 0 && place < PLACES; place++) {
        if (blocks[place].address == NULL || excused(&blocks[place]))
            continue;
        if (found < room)
            left[found] = blocks[place];
        found++;
    }
    return found;
}

/* ---- the functions that are replaced ---- */

#ifdef FAULTS_PRELOAD
#define REPLACED(name) name
#define REAL(name) real_##name
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);
#define real_malloc __libc_malloc
#define real_calloc __libc_calloc
#define real_realloc __libc_realloc
#define real_aligned_alloc __libc_memalign
#define real_free __libc_free

static int (*real_pthread_create)(pthread_t *, const pthread_attr_t *,
                                  void *(*)(void *), void *);
static int (*real_pthread_key_create)(pthread_key_t *, void (*)(void *));
static int (*real_pthread_setspecific)(pthread_key_t, const void *);
static int (*real_eventfd)(unsigned, int);
static void *(*real_dlopen)(const char *, int);
static ssize_t (*real_writev)(int, const struct iovec *, int);

static void find(void *function, const char *name)
{
    void *address = dlsym(RTLD_NEXT, name);

    memcpy(function, &address, sizeof address);
}

/* Other libraries may be initialised earlier, and call these. */
static void find_all(void)
{
    if (real_writev != NULL)
        return;
    find(&real_pthread_create, "pthread_create");
    find(&real_pthread_key_create, "pthread_key_create");
    find(&real_pthread_setspecific, "pthread_setspecific");
    find(&real_eventfd, "eventfd");
    find(&real_dlopen, "dlopen");
    find(&real_writev, "writev");
}
#else
#define REPLACED(name) __wrap_##name
#define REAL(name) __real_##name
#define find_all() ((void)0)
#endif

/* Declares the replacement, and the real one where the linker knows it. */
#ifdef FAULTS_PRELOAD
#define REPLACE(type, name, ...) type name(__VA_ARGS__)
#else
#define REPLACE(type, name, ...)                                               \
    type __real_##name(__VA_ARGS__);                                           \
    type __wrap_##name(__VA_ARGS__);                                           \
    type __wrap_##name(__VA_ARGS__)
#endif

#define CALLER __builtin_return_address(0)

REPLACE(void *, malloc, size_t size)
{
    if (faults_strike(FAULT_MEMORY, CALLER))
        return NULL;
    return born(REAL(malloc)(size), size, CALLER);
}

REPLACE(void *, calloc, size_t number, size_t size)
{
    if (faults_strike(FAULT_MEMORY, CALLER))
        return NULL;
    return born(REAL(calloc)(number, size), number * size, CALLER);
}

REPLACE(void *, aligned_alloc, size_t alignment, size_t size)
{
    if (faults_strike(FAULT_MEMORY, CALLER))
        return NULL;
    return born(REAL(aligned_alloc)(alignment, size), size, CALLER);
}

REPLACE(void, free, void *block)
{
    (void)gone(block);
    REAL(free)(block);
}

REPLACE(void *, realloc, void *block, size_t size)
{
    struct fault_block old;
    void *moved;

    if (size > 0 && faults_strike(FAULT_MEMORY, CALLER))
        return NULL;
    old = gone(block);
    moved = REAL(realloc)(block, size);
    if (moved == NULL && size > 0)
        (void)born(old.address, old.size, old.caller);
    return born(moved, size, CALLER);
}

REPLACE(int, pthread_create, pthread_t *thread,
        const pthread_attr_t *attributes, void *(*function)(void *),
        void *argument)
{
    find_all();
    if (faults_strike(FAULT_SYSTEM, CALLER))
        return EAGAIN;
    return REAL(pthread_create)(thread, attributes, function, argument);
}

REPLACE(int, pthread_key_create, pthread_key_t *key, void (*ended)(void *))
{
    find_all();
    if (faults_strike(FAULT_SYSTEM, CALLER))
        return EAGAIN;
    return REAL(pthread_key_create)(key, ended);
}

REPLACE(int, pthread_setspecific, pthread_key_t key, const void *value)
{
    find_all();
    if (value != NULL && faults_strike(FAULT_SYSTEM, CALLER))
        return ENOMEM;
    return REAL(pthread_setspecific)(key, value);
}

REPLACE(int, eventfd, unsigned first, int flags)
{
    find_all();
    if (faults_strike(FAULT_SYSTEM, CALLER)) {
        errno = EMFILE;
        return -1;
    }
    return REAL(eventfd)(first, flags);
}

/* Whoever asks dlerror() shall hear of something. */
REPLACE(void *, dlopen, const char *name, int flags)
{
    find_all();
    if (faults_strike(FAULT_SYSTEM, CALLER))
        return REAL(dlopen)("/no/memory/for/this", RTLD_LAZY);
    return REAL(dlopen)(name, flags);
}

#ifndef FAULTS_PRELOAD
/* It allocates a node. */
REPLACE(void *, tsearch, const void *key, void **root,
        int (*compare)(const void *, const void *))
{
    if (faults_strike(FAULT_MEMORY, CALLER))
        return NULL;
    return REAL(tsearch)(key, root, compare);
}

/* Making an object smaller never fails, though what it asks for may. */
REPLACE(void *, heap_resize, void *heap, void *object, size_t old, size_t size)
{
    if (size > 0 && (object == NULL || size > old) &&
        faults_strike(FAULT_HEAP, CALLER))
        return NULL;
    return REAL(heap_resize)(heap, object, old, size);
}
#endif

/* ---- what is written ---- */

static char reports[65536], reports_taken[sizeof reports];
static size_t reports_length;
static atomic_flag reports_lock = ATOMIC_FLAG_INIT;

static void lock_reports(void)
{
    while (atomic_flag_test_and_set(&reports_lock))
        ;
}

/* The library alone writes like that, and to stderr. */
REPLACE(ssize_t, writev, int file, const struct iovec *parts, int number)
{
    ssize_t written = 0;
    int i;

    find_all();
    if (file != STDERR_FILENO)
        return REAL(writev)(file, parts, number);
    lock_reports();
    for (i = 0; i < number; i++) {
        written += (ssize_t)parts[i].iov_len;
        if (parts[i].iov_len > sizeof reports - reports_length)
            continue;
        memcpy(reports + reports_length, parts[i].iov_base, parts[i].iov_len);
        reports_length += parts[i].iov_len;
    }
    atomic_flag_clear(&reports_lock);
    return written;
}

const char *faults_reports(size_t *length)
{
    lock_reports();
    *length = reports_length;
    memcpy(reports_taken, reports, reports_length);
    reports_length = 0;
    atomic_flag_clear(&reports_lock);
    return reports_taken;
}
