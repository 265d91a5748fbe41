/* SPDX-License-Identifier: MIT
 *
 * The one place where a thread sleeps.
 *
 * Overview
 * --------
 * A `waiter` belongs to one operating system thread: an event count it sleeps
 * on, and the interrupt that may have been sent to it. A `waitpoint` belongs
 * to a thing that can be waited for (a mailbox, the end of a thread) and holds
 * the waiter that sleeps there, if any. A timeout is a deadline on the
 * monotonic clock.
 *
 * Because each thread sleeps on an event count of its own, whoever makes a
 * thing ready wakes just the thread that waits for it, and an interrupt can
 * reach a thread without knowing what it waits for.
 *
 * Use
 * ---
 * Waiting: waitpoint_wait() with a function that tells whether the thing is
 * ready. Waking: make it ready with an atomic read-modify-write, then call
 * waitpoint_wake(). Interrupting: waiter_interrupt().
 *
 * Why no wake-up is lost
 * ----------------------
 *      waiting thread                        waking thread
 *   1  snapshot = event count             a  makes the thing ready
 *   2  waitpoint holds me                    (atomic RMW)
 *      -- full fence --                      -- fence, RMW before load --
 *   3  ready, or interrupted?             b  does the waitpoint hold anybody?
 *   4  sleep while event == snapshot      c  takes the waiter out, increments
 *                                            its event count
 *
 * The two fences forbid that 3 misses a and b misses 2, both. So either the
 * waiting thread sees the thing ready and does not sleep, or the waking thread
 * sees the waiter. In the second case c comes after 2, hence after 1: the
 * event count differs from the snapshot, and the kernel, which compares once
 * more under its own lock, does not let the thread sleep, or wakes it.
 *
 * An interrupt is the same dance with the interrupt word in the place of the
 * thing, and without b: its sender holds the waiter and always increments.
 *
 * Why a waiter is still there when it is woken
 * --------------------------------------------
 * A waitpoint holds a reference to its waiter. It is taken out with an atomic
 * swap, either by the waking thread (c) or by the waiting thread when it
 * leaves. Whoever gets the pointer owns the reference; the other gets NULL.
 * So a waker that is stopped between the swap and the increment keeps the
 * waiter alive even if its thread times out and ends meanwhile; that thread,
 * if it waits again, just wakes once for nothing.
 *
 * What would break it: a snapshot taken after 3; readiness that is published
 * by a plain store; event counts in single-producer mode (an increment without
 * a lock can overwrite the flag of a thread that is about to sleep).
 *
 * Concurrency Kit's event count sleeps for growing periods of up to a second
 * before it sleeps for good, which it needs for that single-producer mode. We
 * always sleep until the real deadline: a waiting thread costs nothing, and a
 * lost wake-up would show as a hang in the tests, not as a stall in the field.
 */
#ifndef RUNTIME_WAITER_H
#define RUNTIME_WAITER_H

#include <stdbool.h>
#include <time.h>

struct ck_ec_ops;
struct waiter;

enum wait_result {
    WAIT_READY,
    WAIT_TIMEOUT,
    WAIT_INTERRUPTED,
    WAIT_NO_MEMORY
};

enum interrupt_mode {
    INTERRUPT_NONE,
    INTERRUPT_ONCE,
    INTERRUPT_ALWAYS
};

/* How the process sleeps, wakes and reads its clock. Defined alone in a file
 * of its own, so that a test can put another one in its place. */
extern const struct ck_ec_ops waiter_ops;

/* ---- deadlines ---- */

/* A moment on the monotonic clock. */
struct deadline {
    enum { DEADLINE_AT_ONCE, DEADLINE_AT, DEADLINE_NEVER } kind;
    struct timespec at;
};

/* `milliseconds` from now: fractions count, 0 is at once, negative or beyond
 * all reckoning is never. Not NaN. */
struct deadline deadline_after(double milliseconds);

struct deadline deadline_never(void);

/* ---- waiters ---- */

/* Prepares the process for waiters. 0 or an error number. Idempotent, any
 * thread; every other function here may be called only after a success. */
int waiter_setup(void);

/* A waiter for a thread that does not run yet; NULL: out of memory. The caller
 * holds the first reference. */
struct waiter *waiter_new(void);
void waiter_retain(struct waiter *waiter);
void waiter_release(struct waiter *waiter);

/* Makes `waiter` the calling thread's own. The thread has none so far and
 * holds a reference from now on, until it ends. False: out of memory. */
bool waiter_adopt(struct waiter *waiter);

/* Sends an interrupt, or takes one back (INTERRUPT_NONE). Any thread that
 * holds a reference. */
void waiter_interrupt(struct waiter *waiter, enum interrupt_mode mode);

/* Whether an interrupt has been sent and not been used up or taken back. Any
 * thread that holds a reference. */
bool waiter_is_interrupted(const struct waiter *waiter);

/* ---- the calling thread's own waiter ---- */

/* From now on interrupts reach the calling thread, in its waits and through
 * waiter_take_interrupt(); `nudged(context)` is what waiter_nudged() calls. */
void waiter_accept_interrupts(void (*nudged)(void *), void *context);

/* Whether they do. */
bool waiter_accepts_interrupts(void);

/* No longer. Interrupts that are pending, or come later, have no effect. */
void waiter_refuse_interrupts(void);

/* Whether an interrupt is to be raised now. INTERRUPT_ONCE is thereby used
 * up. False in a thread that does not accept interrupts. */
bool waiter_take_interrupt(void);

/* Whether waiter_take_interrupt() would say yes. Uses nothing up. */
bool waiter_has_interrupt(void);

/* In a signal handler: passes a nudge on to what the interrupted thread has
 * registered. False if it has not. */
bool waiter_nudged(void);

/* ---- waitpoints ---- */

/* At most one thread waits at a waitpoint at any time. All zero is a new one,
 * and it needs no destruction. */
struct waitpoint {
    struct waiter *registered;
};

/* Sleeps until ready(thing), the deadline, or an interrupt, if the calling
 * thread accepts them; looks for them in this order. Never sleeps, and makes
 * no system call, if the thing is ready or the deadline is at once. */
enum wait_result waitpoint_wait(struct waitpoint *point,
                                bool (*ready)(const void *), const void *thing,
                                const struct deadline *deadline);

/* Wakes the thread that waits, if one does. Any thread, after it has made the
 * thing ready with an atomic read-modify-write. The waitpoint must stay alive
 * during the call. */
void waitpoint_wake(struct waitpoint *point);

#endif
