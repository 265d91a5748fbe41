/* SPDX-License-Identifier: MIT
 *
 * Model of runtime/waitpoint.c and of the event count it sleeps on
 * (runtime/waiter.c, ck_ec.h): threads wait at one thing or at both of two,
 * with deadlines and interrupts, and others make the things ready.
 *
 * Property: when nothing moves any more, no thread sleeps that has something
 * to do: a thing it waits for is ready, or it is interrupted. And nobody
 * touches a registration, or a waiter, that is gone.
 *
 * What a thing has ready is a number: a thread that was told "ready" takes one
 * away, or waits again. A thing that is over is ready for ever.
 *
 * Order in memory: `waiting` is the only variable that is written by a plain
 * store and read without the lock. The store is visible before the lock is
 * released, on x86 because the release is a locked instruction, elsewhere
 * because there is a fence in front of it. What remains to be modelled is a
 * load that is carried out early, as aarch64 may do where no fence forbids it:
 * the mistakes NO_FENCE_*.
 *
 * Not modelled: looking again before going to sleep (more looks, nothing else),
 * and numbers of wake-ups that do not fit the word.
 *
 * scenario ONE: one thread takes two, two others make one each ready; two
 *   threads take one each with the large bound
 * scenario SOME: one makes two ready and wakes two, with a batch of one
 * scenario ALL: one ends the thing for two threads that wait; with the large
 *   bound another makes one ready, too
 * scenario DEADLINE: of two threads that wait for one, one has a deadline
 * scenario INTERRUPT: of two threads that wait for one, one is interrupted; it
 *   comes first and the waker last, but with the large bound
 * scenario SELECT: one waits at both things, one at the first; one thread
 *   makes both ready, or with the large bound two
 *
 * mistake NO_RECHECK in ONE: does not look again once it is in the list
 * mistake NO_FENCE_WAITER in ONE: the look is carried out before it enters
 * mistake NO_FENCE_WAKER in ONE: looks for waiting threads, then makes ready
 * mistake WAKE_FIRST in ONE: wakes, then makes ready
 * mistake SNAPSHOT_LATE in ONE: takes the snapshot after the last look
 * mistake NO_COMPARE in ONE: the kernel does not compare the event count
 * mistake FLAG_LATE in ONE: the event count's flag is cleared after the wake-up
 * mistake LOSE_WORK in ONE: releases the lock without regard to work left
 * mistake LEAVE_EARLY in ONE: leaves on `woken`, not on `linked`
 * mistake NO_RETAIN in ONE: takes no reference to the waiter it will wake
 * mistake DROP_LEFT in SOME: forgets what is left over when the batch is full
 * mistake WAKE_JUST_ONE in ALL: the end wakes one
 * mistake NO_LAST_LOOK in DEADLINE: gives up without a last look
 * mistake NO_INTERRUPT_LOOK in INTERRUPT: sleeps without asking for interrupts
 * mistake INTERRUPT_SILENT in INTERRUPT: the interrupt does not wake
 * mistake INTERRUPT_FIRST in INTERRUPT: an interrupt is taken before the look
 * mistake NO_CLAIM in SELECT: a thread is woken for both things
 * mistake NO_PASS_ON in SELECT: the wake-up for the other thing ends here
 */
#include "../tests/models/choice.pml"

#define THREADS 2
#define THINGS 2
#define BATCH (SOME -> 1 : 2)
#define NOTHING 255
#define NODE(thread, thing) ((thread) * THINGS + (thing))

/* The things. */
byte available[THINGS];
bool over[THINGS];

/* struct waitpoint; the word is `held`, `ones` and `everybody`. */
bool held[THINGS];
byte ones[THINGS];
bool everybody[THINGS];
byte waiting[THINGS];
chan list[THINGS] = [THREADS] of { byte };

/* struct waitnode, struct waitset. */
bool linked[THREADS * THINGS];
bool in_use[THREADS * THINGS];
byte woken[THREADS];

/* struct waiter; the word of the event count is `event` and `flag`. */
byte event[THREADS];
bool flag[THREADS];
bool asleep[THREADS];
bool interrupted[THREADS];
byte references[THREADS] = 1;

/* For the property. */
bool wants[THREADS * THINGS];
bool accepts[THREADS];
bool nobody_is_forgotten;

#define IS_READY(thing) (available[thing] > 0 || over[thing])

/* ---- runtime/waiter.c ---- */

inline waiter_wake(thread)
{
    /* waiter.c, waiter_wake: ck_ec_inc(&waiter->event, &mode); */
    atomic {
        assert(references[thread] > 0);
        event[thread]++;
        flagged = flag[thread]
    }
    if
    :: atomic { flagged && !FLAG_LATE -> flagged = false; flag[thread] = false }
       asleep[thread] = false
    :: atomic { flagged && FLAG_LATE -> flagged = false; asleep[thread] = false }
       flag[thread] = false
    :: else
    fi
}

/* ---- under the lock ---- */

/* waitpoint.c, take_oldest: while (waiter == NULL && (node = point->first) != NULL) */
/* waitpoint.c, take_oldest: cut_out(point, node); */
/* waitpoint.c, cut_out: ck_pr_store_uint(&point->waiting, point->waiting - 1); */
/* waitpoint.c, claim: if (ck_pr_cas_uint(&node->set->woken, 0, node->number + 1)) */
/* waitpoint.c, claim: waiter_retain(waiter); */
inline take_oldest(thing)
{
    list[thing] ? node;
    waiting[thing]--;
    assert(in_use[NODE(node, thing)]);
    if
    :: woken[node] == 0 || NO_CLAIM ->
        woken[node] = thing + 1;
        batch[batched] = node;
        batched++;
        left--;
        references[node] = references[node] + (NO_RETAIN -> 0 : 1)
    :: else
    fi
}

/* waitpoint.c, deliver: for (; left > 0 && woken->count < BATCH; left--) */
/* waitpoint.c, deliver: if (waiter == NULL) return 0; */
/* waitpoint.c, claim: ck_pr_store_uint(&node->linked, 0); */
inline deliver(thing)
{
    do
    :: atomic {
           left > 0 && batched < BATCH && len(list[thing]) > 0 ->
           take_oldest(thing)
       }
       atomic {
           assert(in_use[NODE(node, thing)]);
           linked[NODE(node, thing)] = false;
           node = 0
       }
    :: atomic {
           !(left > 0 && batched < BATCH && len(list[thing]) > 0) ->
           left = (len(list[thing]) == 0 || DROP_LEFT -> 0 : left);
           break
       }
    od
}

/* waitpoint.c, release: while (!lockword_try_unlock(&point->word, &word)) */
/* lockword.h, lockword_try_unlock: return ck_pr_cas_uint_value(word, LOCKWORD_HELD, 0, seen); */
/* waitpoint.c, release: if (!ck_pr_cas_uint(&point->word, word, LOCKWORD_HELD)) */
/* waitpoint.c, deliver: unsigned left = word & WAKE_ALL ? point->waiting : word / WAKE_ONE; */
/* waitpoint.c, release: add_wake_ups(point, left); */
/* waitpoint.c, release: lockword_unlock(&point->word); */
inline release(thing)
{
    do
    :: atomic {
           ones[thing] == 0 && !everybody[thing] || LOSE_WORK ->
           ones[thing] = 0;
           everybody[thing] = false;
           held[thing] = false;
           break
       }
    :: atomic {
           !LOSE_WORK && (ones[thing] > 0 || everybody[thing]) ->
           all = everybody[thing];
           left = (all -> waiting[thing] : ones[thing]);
           ones[thing] = 0;
           everybody[thing] = false
       }
       deliver(thing);
       if
       :: atomic {
              left > 0 ->
              if
              :: all -> everybody[thing] = true
              :: else -> ones[thing] = ones[thing] + left
              fi;
              held[thing] = false;
              left = 0;
              more = true;
              break
          }
       :: atomic { left == 0 -> all = false }
       fi
    od
}

/* waitpoint.c, unlock: more = release(point, &woken); */
/* waitpoint.c, unlock: wake_batch(&woken); */
/* waitpoint.c, wake_batch: waiter_wake(woken->waiters[i]); */
/* waitpoint.c, wake_batch: waiter_release(woken->waiters[i]); */
/* waitpoint.c, unlock: while (more && lockword_try_lock(&point->word)); */
inline unlock(thing)
{
    do
    :: release(thing);
       do
       :: batched > 0 ->
           waiter_wake(batch[batched - 1]);
           atomic {
               batched--;
               references[batch[batched]] =
                   references[batch[batched]] - (NO_RETAIN -> 0 : 1);
               batch[batched] = 0
           }
       :: batched == 0 -> break
       od;
       if
       :: atomic {
              more && !held[thing] ->
              held[thing] = true;
              more = false;
              all = false
          }
       :: atomic {
              !more || held[thing] ->
              more = false;
              all = false;
              break
          }
       fi
    od
}

/* ---- waking ---- */

/* waitpoint.c, wake: if (ck_pr_load_uint(&point->waiting) == 0) return; */
/* waitpoint.c, wake: add_wake_ups(point, wake_up); */
/* waitpoint.c, add_wake_ups: ck_pr_or_uint(&point->word, WAKE_ALL); */
/* waitpoint.c, add_wake_ups: ck_pr_add_uint(&point->word, wake_ups); */
/* waitpoint.c, wake: if (lockword_try_lock(&point->word)) unlock(point); */
inline wake(thing, wake_ups)
{
    if
    :: atomic { (hoisted -> seen : waiting[thing]) == 0 }
    :: atomic { (hoisted -> seen : waiting[thing]) > 0 -> seen = 0 }
        atomic {
            if
            :: wake_ups == 0 -> everybody[thing] = true
            :: else -> ones[thing] = ones[thing] + wake_ups
            fi
        }
        if
        :: atomic { !held[thing] -> held[thing] = true }
           unlock(thing)
        :: atomic { held[thing] }
        fi
    fi
}

/* The one that is interrupted, the other, the waker: one comes after another,
 * unless there is time to explore more. */
#ifdef LARGE
#define HAS_COME(thread) true
#else
#define HAS_COME(thread) \
    (!INTERRUPT || linked[NODE(thread, 0)] || !wants[NODE(thread, 0)])
#endif

/* Makes the things from `thing` to `last` ready, one after the other. `number`
 * 0: they are over, and all are woken. */
/* mailbox.c, mailbox_push: waitpoint_wake(&mailbox->arrival); */
/* channel.c, commit: waitpoint_wake_some(&channel->room, count); */
/* mailbox.c, mailbox_close: waitpoint_wake_all(&mailbox->arrival); */
proctype waker(byte thing; byte last; byte number)
{
    byte seen, left, node, batched, batch[2];
    bool all, more, flagged, hoisted;

    HAS_COME(1);
    do
    :: /* waitpoint.c, wake: ck_pr_fence_atomic_load(); */
       if
       :: atomic { NO_FENCE_WAKER -> seen = waiting[thing]; hoisted = true }
       :: WAKE_FIRST -> wake(thing, number)
       :: else
       fi;
       atomic {
           if
           :: number == 0 -> over[thing] = true
           :: else -> available[thing] = available[thing] + number
           fi
       }
       if
       :: WAKE_FIRST
       :: else -> wake(thing, (WAKE_JUST_ONE -> 1 : number))
       fi;
       if
       :: thing == last -> break
       :: else -> thing++
       fi
    od
}

/* thread.c, thread_interrupt: waiter_interrupt(thread->waiter, mode); */
/* waiter.c, waiter_interrupt: ck_pr_store_uint(&waiter->interrupt, interrupt); ck_ec_inc(&waiter->event, &mode); */
proctype interrupter(byte thread)
{
    bool flagged;

    interrupted[thread] = true;
    if
    :: INTERRUPT_SILENT
    :: else -> waiter_wake(thread)
    fi;
    references[thread]--
}

/* ---- waiting ---- */

/* waitpoint.c, find_ready: if (things[at].ready(things[at].thing)) return at; */
inline find_ready(from)
{
    do
    :: atomic {
           i <= last - first && at == NOTHING ->
           thing = first + (from + i) % (last - first + 1);
           if
           :: IS_READY(thing) -> at = thing
           :: else
           fi;
           thing = 0;
           i++
       }
    :: atomic {
           !(i <= last - first && at == NOTHING) ->
           i = 0;
           break
       }
    od
}

/* waitpoint.c, enter: node->linked = 1; */
/* waitpoint.c, enter: lockword_lock(&things[i].point->word); append(things[i].point, node); unlock(things[i].point); */
/* waitpoint.c, append: ck_pr_store_uint(&point->waiting, point->waiting + 1); */
inline enter()
{
    thing = first;
    do
    :: atomic {
           thing <= last && !held[thing] ->
           held[thing] = true;
           in_use[NODE(me, thing)] = true;
           linked[NODE(me, thing)] = true;
           list[thing] ! me;
           waiting[thing]++
       }
       unlock(thing);
       thing++
    :: atomic { thing > last -> thing = 0; break }
    od
}

/* waitpoint.c, leave: if (!is_linked(node)) continue; */
/* waitpoint.c, leave: lockword_lock(&things[i].point->word); if (is_linked(node)) cut_out(things[i].point, node); unlock(things[i].point); */
#define HAS_LEFT(thing) \
    (!linked[NODE(me, thing)] || LEAVE_EARLY && woken[me] == thing + 1)

inline leave()
{
    thing = first;
    do
    :: atomic {
           thing <= last && HAS_LEFT(thing) ->
           in_use[NODE(me, thing)] = false;
           thing++
       }
    :: atomic {
           thing <= last && !HAS_LEFT(thing) && !held[thing] ->
           held[thing] = true;
           list[thing] ?? eval(me);
           waiting[thing]--;
           linked[NODE(me, thing)] = false
       }
       unlock(thing)
    :: atomic { thing > last -> thing = 0; break }
    od
}

/* waiter.c, waiter_sleep: if (waiter->accepts && waiter_is_interrupted(waiter)) return true; */
/* waiter.c, waiter_sleep: in_time = ck_ec32_wait_pred(&waiter->event, &mode, snapshot, until_deadline, &at, &at) == 0; */
inline waiter_sleep()
{
    if
    :: accepts[me] && interrupted[me] && !NO_INTERRUPT_LOOK
    :: else ->
        do
        :: atomic { event[me] == snapshot -> flag[me] = true }
           /* waiter_ops.c, sleep_on: syscall(SYS_futex, address, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, NULL, FUTEX_BITSET_MATCH_ANY); */
           if
           :: atomic {
                  event[me] == snapshot && flag[me] || NO_COMPARE ->
                  asleep[me] = true
              }
end_asleep:   if
              :: !asleep[me]
              :: atomic {
                     timed ->
                     asleep[me] = false;
                     in_time = false;
                     break
                 }
              fi
           :: atomic { !(event[me] == snapshot && flag[me] || NO_COMPARE) }
           fi
        :: event[me] != snapshot -> break
        od
    fi
}

/* waitpoint.c, sleep_once: uint32_t snapshot = waiter_snapshot(set->waiter); */
/* waitpoint.c, sleep_once: set->woken = 0; enter(set, things, count); */
/* waitpoint.c, enter: ck_pr_fence_memory(); */
/* waitpoint.c, sleep_once: if (find_ready(things, count, 0) == count) in_time = waiter_sleep(set->waiter, snapshot, deadline); */
/* waitpoint.c, sleep_once: leave(things, count); */
inline sleep_once()
{
    atomic { snapshot = event[me]; woken[me] = 0 }
    if
    :: NO_FENCE_WAITER -> find_ready(0)
    :: else
    fi;
    enter();
    if
    :: NO_FENCE_WAITER || NO_RECHECK
    :: else -> find_ready(0)
    fi;
    if
    :: SNAPSHOT_LATE -> snapshot = event[me]
    :: else
    fi;
    if
    :: at == NOTHING -> waiter_sleep()
    :: else
    fi;
    atomic { at = NOTHING; snapshot = 0 }
    leave()
}

/* waitpoint.c, pass_on: if (set->woken == 0 || set->woken == chosen + 1) return; */
/* waitpoint.c, pass_on: if (woken->ready(woken->thing)) waitpoint_wake(woken->point); */
inline pass_on()
{
    if
    :: woken[me] == 0 || woken[me] == at + 1 || NO_PASS_ON
    :: else ->
        if
        :: IS_READY(woken[me] - 1) ->
            thing = woken[me] - 1;
            wake(thing, 1);
            thing = 0
        :: else
        fi
    fi
}

/* Waits at the things from `first` to `last`, until it has taken `takes`, or
 * for the deadline or an interrupt. Looks at the last one first. */
/* waitpoint.c, waitpoint_wait_any: *which = find_ready(things, count, start); */
/* waitpoint.c, waitpoint_wait_any: pass_on(&set, things, *which); return WAIT_READY; */
/* waitpoint.c, waitpoint_wait_any: if (waiter_take_interrupt()) return WAIT_INTERRUPTED; if (!in_time) return WAIT_TIMEOUT; */
/* waitpoint.c, waitpoint_wait_any: in_time = sleep_once(&set, things, count, deadline); */
proctype waiter(byte me; byte first; byte last; bool timed; byte takes)
{
    byte at = NOTHING, i, thing, snapshot;
    byte seen, left, node, batched, batch[2];
    bool all, more, flagged, hoisted, in_time = true;

    me == 0 || HAS_COME(0);
    do
    :: if
       :: NO_LAST_LOOK && !in_time -> break
       :: INTERRUPT_FIRST && woken[me] > 0 && accepts[me] && interrupted[me] ->
           break
       :: else
       fi;
       find_ready(1);
       if
       :: at != NOTHING ->
           pass_on();
           atomic {
               if
               :: over[at] -> takes = 0
               :: !over[at] && available[at] > 0 ->
                   available[at]--;
                   takes--
               :: else
               fi;
               at = NOTHING;
               woken[me] = 0;
               in_time = true
           }
           if
           :: takes == 0 -> break
           :: else
           fi
       :: at == NOTHING && accepts[me] && interrupted[me] ->
           interrupted[me] = false;
           break
       :: at == NOTHING && !(accepts[me] && interrupted[me]) ->
           if
           :: in_time -> sleep_once()
           :: else -> break
           fi
       fi
    od;
    atomic {
        references[me]--;
        wants[NODE(me, 0)] = false;
        wants[NODE(me, 1)] = false;
        accepts[me] = false
    }
}

/* ---- the scenarios ---- */

inline start_waiter(me, first, last, timed, takes)
{
    wants[NODE(me, first)] = true;
    wants[NODE(me, last)] = true;
    run waiter(me, first, last, timed, takes)
}

#define IDLE(thread) \
    (!(wants[NODE(thread, 0)] && IS_READY(0)) && \
     !(wants[NODE(thread, 1)] && IS_READY(1)) && \
     !(accepts[thread] && interrupted[thread]))

init
{
    atomic {
        choose();
        if
        :: ONE ->
#ifdef LARGE
            start_waiter(0, 0, 0, false, 1);
            start_waiter(1, 0, 0, false, 1);
#else
            start_waiter(0, 0, 0, false, 2);
#endif
            run waker(0, 0, 1);
            run waker(0, 0, 1)
        :: SOME ->
            start_waiter(0, 0, 0, false, 1);
            start_waiter(1, 0, 0, false, 1);
            run waker(0, 0, 2)
        :: ALL ->
            start_waiter(0, 0, 0, false, 1);
            start_waiter(1, 0, 0, false, 1);
#ifdef LARGE
            run waker(0, 0, 1);
#endif
            run waker(0, 0, 0)
        :: DEADLINE ->
            start_waiter(0, 0, 0, true, 1);
            start_waiter(1, 0, 0, false, 1);
            run waker(0, 0, 1)
        :: INTERRUPT ->
            accepts[0] = true;
            references[0]++;
            start_waiter(0, 0, 0, false, 1);
            start_waiter(1, 0, 0, false, 1);
            run waker(0, 0, 1);
            run interrupter(0)
        :: SELECT ->
            start_waiter(0, 0, 1, false, 1);
            start_waiter(1, 0, 0, false, 1);
#ifdef LARGE
            run waker(0, 0, 1);
            run waker(1, 1, 1)
#else
            run waker(0, 1, 1)
#endif
        fi
    }
    timeout;
    nobody_is_forgotten = IDLE(0) && IDLE(1);
    assert(nobody_is_forgotten)
}
