/* SPDX-License-Identifier: MIT
 *
 * The one place where a thread sleeps.
 *
 * A `waiter` belongs to one operating system thread: an event count it sleeps
 * on, and the interrupt that may have been sent to it. What a thread can wait
 * for, and who wakes it, is runtime/waitpoint.h; this is the bed.
 *
 * Because each thread sleeps on an event count of its own, whoever makes a
 * thing ready wakes just the thread that waits for it, and an interrupt can
 * reach a thread without knowing what it waits for.
 *
 * Why no wake-up is lost
 * ----------------------
 *      sleeping thread                       waking thread
 *   1  snapshot = event count             a  makes something true
 *   2  is it true?                        b  increments the event count, wakes
 *   3  sleep while event == snapshot
 *
 * If 2 misses a, then b comes after 1, the event count differs from the
 * snapshot, and the kernel, which compares once more under its own lock, does
 * not let the thread sleep, or b wakes it. The increment is a full barrier
 * after a, and the snapshot an acquire before 2. An interrupt is such a thing:
 * its word is stored before the increment.
 *
 * What would break it: a snapshot taken after 2; event counts in
 * single-producer mode (an increment without a lock can overwrite the flag of
 * a thread that is about to sleep).
 *
 * Looking again before going to sleep
 * -----------------------------------
 * To wake a thread that sleeps costs both sides tens of microseconds; one that
 * looks again just when the thing gets ready has it in less than one. So a
 * thread that finds nothing looks again for a while: first a hundred times
 * with a stall of the processor in between, then letting others run each time.
 * Where there are more threads than processors, a thread that yields stands in
 * nobody's way: the one it waits for may be the one that runs instead.
 *
 * How often is learned: more often after a sleep that turns out to have been
 * short, up to 64 yields, less often after a long one, and soon not at all. So
 * threads that work hand in hand meet without the kernel, and one that waits
 * for long goes to sleep at once. On a single processor nobody looks again.
 *
 * Concurrency Kit's event count sleeps for growing periods of up to a second
 * before it sleeps for good, which it needs for that single-producer mode. We
 * always sleep until the real deadline: a waiting thread costs nothing, and a
 * lost wake-up would show as a hang in the tests, not as a stall in the field.
 */
#ifndef RUNTIME_WAITER_H
#define RUNTIME_WAITER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct ck_ec_ops;
struct waiter;

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
    enum {
        DEADLINE_AT_ONCE,
        DEADLINE_AT,
        DEADLINE_NEVER
    } kind;
    /* Only of DEADLINE_AT. */
    struct timespec at;
};

/* `milliseconds` from now: fractions count, 0 is at once, negative or beyond
 * all reckoning is never. Not NaN. */
struct deadline deadline_after(double milliseconds);

struct deadline deadline_never(void);

/* The monotonic clock, in ns. */
int64_t waiter_now(void);

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

/* Whether they are to reach it for now; what was so before. Own thread. */
bool waiter_set_accepting(struct waiter *waiter, bool accepts);

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

/* The calling thread's waiter, made when it is first asked for; NULL: out of
 * memory. */
struct waiter *waiter_current(void);

/* The three steps of sleeping: take a snapshot, look whether to sleep at all,
 * sleep. The last returns at once if the thread has been woken since the first,
 * or is interrupted; false: the deadline has passed. Own thread. */
uint32_t waiter_snapshot(const struct waiter *waiter);
bool waiter_sleep(struct waiter *waiter, uint32_t snapshot,
                  const struct deadline *deadline);

/* Before sleeping: whether to look `looks` + 1 times, after a moment that is
 * spent in here. Own thread. */
bool waiter_look_again(const struct waiter *waiter, unsigned looks);

/* For runtime/deadlock.h: notes that it knows what the thread waits for, or no
 * longer does (own thread); and wakes all of whom it does not (any thread). */
void waiter_note(struct waiter *waiter, bool noted);
void waiter_wake_unnoted(void);

/* Ends the sleep, or the attempt to sleep. Any thread that holds a reference,
 * after it has made something true. */
void waiter_wake(struct waiter *waiter);

#endif
