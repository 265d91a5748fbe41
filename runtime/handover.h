/* SPDX-License-Identifier: MIT
 *
 * Marks the two ends of every hand-over of memory from one thread to another.
 *
 * The atomics of Concurrency Kit order the hand-over; they are inline assembly,
 * which race detectors cannot see into. The marks tell a detector what the
 * atomics guarantee. In a normal build they are nothing.
 */
#ifndef RUNTIME_HANDOVER_H
#define RUNTIME_HANDOVER_H

#if defined(HANDOVER_TSAN)
#include <sanitizer/tsan_interface.h>
#include <stdint.h>
#define HANDOVER_RELEASE(thing) __tsan_release((void *)(uintptr_t)(thing))
#define HANDOVER_ACQUIRE(thing) __tsan_acquire((void *)(uintptr_t)(thing))
#else
#define HANDOVER_RELEASE(thing) ((void)(thing))
#define HANDOVER_ACQUIRE(thing) ((void)(thing))
#endif

#endif
