/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "live.h"

/* Small objects have one of these sizes: multiples of 16 up to 512 bytes, of
 * 128 up to 2 KB, of 1024 up to 16 KB. */
#define FINE 16
#define FINE_UP_TO 512
#define MIDDLE 128
#define MIDDLE_UP_TO 2048
#define COARSE 1024
#define SMALL 16384
#define FINE_SIZES (FINE_UP_TO / FINE)
#define MIDDLE_SIZES ((MIDDLE_UP_TO - FINE_UP_TO) / MIDDLE)
#define COARSE_SIZES ((SMALL - MIDDLE_UP_TO) / COARSE)
#define SIZES (FINE_SIZES + MIDDLE_SIZES + COARSE_SIZES)

/* A state with its libraries fits into the first chunk. */
#define FIRST_CHUNK ((size_t)32 << 10)
#define LARGEST_CHUNK ((size_t)1 << 20)

/* Objects of any type may follow. */
struct chunk {
    _Alignas(FINE) struct chunk *next;
    size_t size;
};

struct free_object {
    struct free_object *next;
};

struct heap {
    /* The newest first. */
    struct chunk *chunks;
    /* What is left of it. */
    unsigned char *next, *end;
    struct free_object *free[SIZES];
};

/* ---- sizes ---- */

static unsigned size_number(size_t size)
{
    if (size <= FINE_UP_TO)
        return (unsigned)((size - 1) / FINE);
    if (size <= MIDDLE_UP_TO)
        return FINE_SIZES + (unsigned)((size - FINE_UP_TO - 1) / MIDDLE);
    return FINE_SIZES + MIDDLE_SIZES +
           (unsigned)((size - MIDDLE_UP_TO - 1) / COARSE);
}

static size_t size_of_number(unsigned number)
{
    if (number < FINE_SIZES)
        return (number + 1) * (size_t)FINE;
    number -= FINE_SIZES;
    if (number < MIDDLE_SIZES)
        return FINE_UP_TO + (number + 1) * (size_t)MIDDLE;
    number -= MIDDLE_SIZES;
    return MIDDLE_UP_TO + (number + 1) * (size_t)COARSE;
}

/* ---- chunks ---- */

static bool add_chunk(struct heap *heap, size_t size)
{
    struct chunk *chunk;

    size = block_room(size);
    chunk = block_resize(NULL, 0, size);
    if (chunk == NULL)
        return false;
    chunk->next = heap->chunks;
    chunk->size = size;
    heap->chunks = chunk;
    heap->next = (unsigned char *)(chunk + 1);
    heap->end = (unsigned char *)chunk + size;
    return true;
}

static size_t next_chunk_size(const struct heap *heap)
{
    size_t size = heap->chunks->size;

    return size < LARGEST_CHUNK ? size * 2 : size;
}

static void *cut_off(struct heap *heap, size_t size)
{
    unsigned char *object;

    if ((size_t)(heap->end - heap->next) < size &&
        !add_chunk(heap, next_chunk_size(heap)))
        return NULL;
    object = heap->next;
    heap->next += size;
    return object;
}

/* The heap itself is the first thing in its first chunk. */
struct heap *heap_new(void)
{
    struct heap first = {.chunks = NULL}, *heap;

    if (!add_chunk(&first, FIRST_CHUNK))
        return NULL;
    heap = cut_off(&first, size_of_number(size_number(sizeof first)));
    *heap = first;
    live_born(LIVE_HEAPS);
    return heap;
}

void heap_destroy(struct heap *heap)
{
    struct chunk *chunk, *next;

    for (chunk = heap->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        (void)block_resize(chunk, chunk->size, 0);
    }
    live_gone(LIVE_HEAPS);
}

/* ---- objects ---- */

/* AddressSanitizer should see the bounds and the end of each object. */
#ifdef __SANITIZE_ADDRESS__
void *heap_resize(void *context, void *object, size_t old, size_t size)
{
    void *resized;

    (void)context;
    if (size == 0) {
        free(object);
        return NULL;
    }
    resized = realloc(object, size);
    return resized == NULL && object != NULL && size < old ? object : resized;
}
#else
static bool is_small(size_t size)
{
    return size <= SMALL;
}

/* The size of the block of a large object: with room for a chunk of the largest
 * small one. */
static size_t block_size(size_t size)
{
    return size < sizeof(struct chunk) + SMALL ? sizeof(struct chunk) + SMALL
                                               : size;
}

static void *make(struct heap *heap, size_t size)
{
    struct free_object *object;
    unsigned number;

    if (!is_small(size))
        return block_resize(NULL, 0, block_size(size));
    number = size_number(size);
    object = heap->free[number];
    if (object == NULL)
        return cut_off(heap, size_of_number(number));
    heap->free[number] = object->next;
    return object;
}

static void give_back(struct heap *heap, void *object, size_t size)
{
    struct free_object *freed = object;
    unsigned number;

    if (!is_small(size)) {
        (void)block_resize(object, block_size(size), 0);
        return;
    }
    number = size_number(size);
    freed->next = heap->free[number];
    heap->free[number] = freed;
}

/* Makes a large object a small one without any memory: its block becomes a
 * chunk of the heap, with the object in it. */
static void *adopt(struct heap *heap, void *object, size_t old, size_t size)
{
    struct chunk *chunk = object;

    memmove(chunk + 1, object, size);
    chunk->size = block_size(old);
    chunk->next = heap->chunks->next;
    heap->chunks->next = chunk;
    return chunk + 1;
}

/* Where there is no memory an object that is to be smaller stays where it is:
 * it may be larger than its size says. */
static void *move(struct heap *heap, void *object, size_t old, size_t size)
{
    void *moved = make(heap, size);

    if (moved == NULL && size < old)
        return is_small(old) ? object : adopt(heap, object, old, size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, object, old < size ? old : size);
    give_back(heap, object, old);
    return moved;
}

void *heap_resize(void *context, void *object, size_t old, size_t size)
{
    struct heap *heap = context;

    if (object == NULL)
        return size == 0 ? NULL : make(heap, size);
    if (size == 0) {
        give_back(heap, object, old);
        return NULL;
    }
    if (!is_small(old) && !is_small(size))
        return block_resize(object, block_size(old), block_size(size));
    if (is_small(old) && is_small(size) &&
        size_number(old) == size_number(size))
        return object;
    return move(heap, object, old, size);
}
#endif
