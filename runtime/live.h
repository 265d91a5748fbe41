/* SPDX-License-Identifier: MIT
 *
 * How many objects of each kind exist in the process: an aid for tests, which
 * ask that all of them are gone in the end.
 */
#ifndef RUNTIME_LIVE_H
#define RUNTIME_LIVE_H

enum live_kind {
    LIVE_THREADS,
    LIVE_MESSAGES,
    LIVE_MAILBOXES,
    LIVE_HANDLES,
    LIVE_WAITERS,
    LIVE_HEAPS,
    LIVE_KINDS
};

/* All of these: any thread, never fail. */
void live_born(enum live_kind kind);
void live_gone(enum live_kind kind);
unsigned live_count(enum live_kind kind);
const char *live_name(enum live_kind kind);

#endif
