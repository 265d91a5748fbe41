/* SPDX-License-Identifier: MIT
 *
 * The search of runtime/deadlock.h, where all of it is explained: which of the
 * threads that have registered are stuck, and what is to be given up.
 */
#ifndef RUNTIME_DEADLOCK_SEARCH_H
#define RUNTIME_DEADLOCK_SEARCH_H

#include "deadlock.h"

CK_LIST_HEAD(blocked_list, blocked);

/* All that are blocked and have registered, and those of them that are in a
 * last wait, who came last first. Under the lock of all parties. */
extern struct blocked_list deadlock_blocked, deadlock_last_waits;

/* The handle that is to be given up; NULL: none. Whoever has the lock of all
 * parties. */
struct handle *deadlock_search(void);

#endif
