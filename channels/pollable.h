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
 * There is a lock whose word also holds a mark "look again"
 * (runtime/lockword.h). An update sets the mark and, if the lock is free, takes
 * it, clears the mark, looks, and writes or reads the descriptor if it
 * disagrees; if the lock is held, the holder will look again. So after the last
 * change somebody looks at the condition, and nobody waits for the lock.
 *
 *      changer                               first caller of pollable_open
 *   1  changes the condition (atomic RMW) a  publishes the descriptor
 *   2  is there a descriptor?             b  looks at the condition
 *
 * With a full fence between both steps on either side, 2 sees the descriptor
 * or b sees the change.
 */
#ifndef CHANNELS_POLLABLE_H
#define CHANNELS_POLLABLE_H

#include <stdbool.h>

struct pollable {
    /* 1 + the descriptor; 0: none. */
    int descriptor;
    unsigned word;
    /* What the descriptor shows; under the lock. */
    bool readable;
    /* Where to write, which is the same for an eventfd. */
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
