/* SPDX-License-Identifier: MIT
 *
 * A file descriptor that shows a condition: readable exactly while it is true.
 *
 * Overview
 * --------
 * Whoever has changed the condition calls pollable_update(). It looks at the
 * condition and makes the descriptor agree. Nothing happens, and nothing is
 * paid, before a descriptor has been asked for.
 *
 * Why it agrees after any interleaving
 * ------------------------------------
 * `shown` is what the descriptor is to show. Whoever changes it, by a
 * compare-and-swap, then writes or reads, and looks at it again: if it has
 * been changed meanwhile he does the same for the new value. So the last write
 * or read of all was for the last value.
 *
 *      changer                               another thread
 *   1  changes the condition (atomic RMW) a  changes `shown`, or publishes the
 *                                            descriptor
 *   2  looks at the descriptor, and       b  looks at the condition, and
 *      at `shown`                            begins again if they disagree
 *
 * With a full fence between both steps on either side, 2 sees what a has done,
 * or b sees the change. Whoever sees it makes `shown` agree.
 *
 * A thread stopped at the worst instruction
 * -----------------------------------------
 * Nobody waits, and nobody leaves his work with somebody else. Who is stopped
 * between the change of `shown` and the write, or read, may show the condition
 * late. But while one thread is stopped, whoever changes the condition to the
 * contrary has made the descriptor agree when he returns. That is what a
 * receiver needs: a sender is often stopped right behind its write, because the
 * write wakes the receiver and the kernel lets that run instead. If the
 * receiver could not take back what is shown, it would find the descriptor
 * readable, and the channel empty, again and again until the sender runs. (With
 * two stopped at once this can happen, until one of them runs.)
 */
#ifndef CHANNELS_POLLABLE_H
#define CHANNELS_POLLABLE_H

#include <stdbool.h>

struct pollable {
    /* 1 + the descriptor; 0: none. */
    int descriptor;
    /* A lock for those who open it. */
    unsigned word;
    /* Whether it is to be readable: 0 or 1. */
    unsigned shown;
    /* Where to write, which is the same for an eventfd. Fixed when the
     * descriptor is published. */
    int write_end;
};

/* Before it is shared, and after it no longer is. */
void pollable_init(struct pollable *pollable);
void pollable_destroy(struct pollable *pollable);

/* The descriptor, made by the first call; negative: -errno. Any thread. */
int pollable_open(struct pollable *pollable, bool (*condition)(const void *),
                  const void *thing);

/* After a change of the condition by an atomic read-modify-write. Any thread;
 * never waits. */
void pollable_update(struct pollable *pollable, bool (*condition)(const void *),
                     const void *thing);

#endif
