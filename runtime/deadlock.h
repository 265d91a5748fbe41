/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more.
 *
 * Overview
 * --------
 * The object of an attached thread, when it is collected, waits for the thread:
 * the *last wait*, which the end of a program is full of. Neither a deadline
 * nor an interrupt ends it. If the thread in turn waits, for ever, for a
 * message that only those could send who are waiting for it, nothing would
 * happen any more. While somebody is in a last wait we look for such waits, and
 * end them: the channel is closed.
 *
 * Outside of last waits nothing is looked for, and nothing paid but a load
 * before a sleep and after giving back a handle. In a last wait it is the
 * waiting thread that looks: when something has happened, and for at most a
 * small part of the time. The others only tell it.
 *
 * When a wait cannot be ended
 * ---------------------------
 * Threads that wait without a deadline are *blocked*, if they act for a party:
 * children, and whoever is in a last wait. A blocked thread is *stuck* if none
 * of what it waits for can come any more:
 *
 *   - a change of a channel, of which every reference is held by a party
 *     (runtime/party.h) that is inert, and which nobody else can find by its
 *     name, as all parties there are are inert;
 *   - the end of a thread that is stuck;
 *   - and nothing it waits for has happened yet, nor has it been interrupted.
 *
 * A party is *inert* if the thread that acts for it is stuck, or if it rests
 * and its parent is inert. The definitions go round in a circle; what is meant
 * is the largest set of threads for which they hold. It is found by taking all
 * blocked threads for stuck and crossing out those that are not, until none is
 * left to cross out. Whatever is not known to us (a thread that waits with a
 * deadline, a message in flight, a state of a C program that is not in a last
 * wait) may still act. So a wait is ended only if it is certain that nobody
 * can; and the set, once found, cannot become smaller, for only a member could
 * do something about it.
 *
 * What is done
 * ------------
 * Of the stuck threads only those count that somebody in a last wait waits for,
 * directly or by what they could do for each other. One channel that they wait
 * for is closed: the first that is waited for by all its holders, save those
 * that are closing their states; it could never get another message even if
 * all other waits were ended. If they wait in a circle there is none, and it is
 * the one that the last wait waits for. Then we look again, and whenever a
 * thread has been blocked or a reference been given back.
 *
 * So of a chain of workers, each fed by the one before, the first ends first,
 * and what it still has to say on its way out reaches the next.
 *
 * Why none is overlooked
 * ----------------------
 * Blocked threads register, under the lock of all parties, and give notice; so
 * does whoever gives back a reference, and whoever takes a party out of the
 * list, for it could have found a name. A notice sets a mark; who finds it
 * unset wakes the watcher on duty, the one of them who came last. The watcher
 * clears the mark before each look. So the last event that completes a stuck
 * set is followed by a look that sees all of it. When a watcher leaves, the
 * mark is set for the next. But all that only while somebody watches:
 *
 *      a thread in its last wait           a thread that is going to sleep
 *   1  watchers is incremented          a  snapshot of its event count
 *      -- full fence --                    -- full fence --
 *   2  wakes all who sleep and have     b  watchers? then registers, and gives
 *      not registered                      notice
 *   3  looks                            c  sleeps unless the event count has
 *                                          moved since a
 *
 * If b misses 1, then 2 comes after a, and the thread comes round again. With
 * giving back a reference it is the same: the count is decremented, then, after
 * a full fence, `watchers` is read; if it misses 1, then 3 sees the count. And
 * with the end of the thread that is waited for: it is FINISHED, then, after a
 * full fence, reads `watchers`, and wakes who waits for it; if it misses 1,
 * then the watcher, who asks after 1 before it sleeps, sees it FINISHED.
 *
 * Why what is read does not move
 * ------------------------------
 * A registered thread that wakes must take the lock before it does anything
 * else; so while we have it, it is as if it slept, and what it holds is at
 * rest. References are counted first from what inert parties hold; then each
 * count is read once. If they are equal, there was a moment without any other
 * reference; and after it nobody but the stuck could make another. What its
 * last outside holder has sent before giving his reference back is seen by the
 * look at the channel that follows.
 */
#ifndef RUNTIME_DEADLOCK_H
#define RUNTIME_DEADLOCK_H

#include <ck_pr.h>
#include <ck_queue.h>
#include <stdbool.h>

#include "waitpoint.h"

struct acting;

/* A thread that waits for ever, in its own memory. */
struct blocked {
    CK_LIST_ENTRY(blocked) entry;
    /* The same among those in a last wait. */
    CK_LIST_ENTRY(blocked) last_entry;
    struct acting *acting;
    struct waiter *waiter;
    bool interruptible;
    const struct wait_for *things;
    unsigned count;
    /* A last wait, and whether of a state that is being closed. */
    bool last, closing;
    /* Results of a look: it is not stuck; somebody in a last wait needs it. */
    bool free, needed;
};

extern unsigned deadlock_watchers;

/* Whether somebody is in a last wait. */
static inline bool deadlock_is_watched(void)
{
    return ck_pr_load_uint(&deadlock_watchers) != 0;
}

/* The calling thread is going to sleep for ever unless one of the things is or
 * becomes ready. With the snapshot of its event count taken before; if
 * deadlock_is_watched(), and only then. True: has registered. */
bool deadlock_enter(struct blocked *blocked, struct waiter *waiter,
                    const struct wait_for *things, unsigned count);
void deadlock_leave(struct blocked *blocked);

/* A last wait, of a state that is perhaps `closing`, until the end of a party,
 * which is ready then. Not without a waiter, which has to be there already;
 * interrupts have no effect on it. */
void deadlock_last_wait(const struct wait_for *end, bool closing);

/* A reference has been given back, or a party is gone. Any thread, without
 * locks. */
void deadlock_notice(void);

/* The thread that acts for the party is ready for those who wait for its end,
 * and the party rests. That thread. */
void deadlock_notice_end(const struct party *party);

#endif
