/* SPDX-License-Identifier: MIT
 *
 * Model of runtime/deadlock.c where it meets sleep and wake: a parent in its
 * last wait for a child, which waits for a message for ever, while the last
 * other holder of the channel sends or does not, and gives its reference back.
 *
 * Properties: the parent's wait comes to an end. The channel is given up only
 * when nobody can send to it any more, and nothing is queued.
 *
 * Order in memory: loads that may be carried out early are the mistakes
 * NO_FENCE_*. The rest happens under the lock of all parties, or by atomic
 * operations.
 *
 * Not modelled: the search among many threads, states and channels, of which
 * this is the smallest case; tests/deadlock.c has the larger ones. Interrupts.
 *
 * scenario RELEASE: the other gives its reference back
 * scenario SEND: the other sends, and then gives its reference back
 * scenario ALONE: there is no other
 *
 * mistake NO_FENCE_WATCH in ALONE: whether to register is asked before the
 *   snapshot
 * mistake NO_WAKE in ALONE: who sleeps already is not woken to register
 * mistake WAKE_EARLY in ALONE: wakes who sleeps, then says that it watches
 * mistake NO_LOOK in RELEASE: a thread that registers does not look
 * mistake NO_LAST_LOOK in RELEASE: nor does the one in its last wait
 * mistake NO_NOTICE in RELEASE: who gives back a reference does not look
 * mistake NO_FENCE_NOTICE in RELEASE: asks for watchers, then gives back
 * mistake READY_FIRST in SEND: looks for a message, then counts references
 * mistake NO_COUNT in SEND: does not count references
 * mistake NO_LOCK in SEND: leaves its wait without the lock
 */
#include "../tests/models/choice.pml"

#define NOBODY 255

/* The channel. */
byte queued, references;
bool closed, waits;

/* The child's waiter; who is registered, under the lock of all parties. */
byte event;
bool noted, sleeps;
bool held;
bool child_blocked, parent_blocked;
byte watchers;

bool child_ended;
/* For the properties: the other has its reference, the child is at work. */
bool other_has, child_works = true;
bool good;

inline wake_child()
{
    atomic { event++; sleeps = false }
}

/* deadlock.c, find_victim: party_lock(); if (is_worth_a_look()) { find_stuck(); mark_needed(); victim = choose(); if (victim != NULL) handle_retain(victim); } party_unlock(); */
/* deadlock.c, is_worth_a_look: if (blocked->last && blocked->things[0].party->blocked != NULL) return true; */
/* deadlock.c, find_exposed: refcount_holders(&handle->references) != handle->counted */
/* deadlock.c, can_come: if (can_be_changed(thing->handle, all_inert)) return true; ... return thing->ready(thing->thing); */
#define IS_READY (queued > 0 || closed)

inline find_victim()
{
    atomic { !held -> held = true; victim = false }
    if
    :: parent_blocked && child_blocked ->
        if
        :: READY_FIRST -> message_seen = IS_READY
        :: else
        fi;
        alone = (references == 2 || NO_COUNT);
        if
        :: READY_FIRST
        :: else -> message_seen = IS_READY
        fi;
        atomic {
            victim = alone && !message_seen;
            good = !victim || closed ||
                   (!other_has && queued == 0 && !child_works);
            assert(good);
            references = references + victim;
            alone = false;
            message_seen = false
        }
    :: else
    fi;
    held = false
}

/* deadlock.c, look: while ((victim = find_victim()) != NULL) { victim->class->give_up(victim); handle_release(victim); } */
/* channel.c, give_up: channel_close((struct channel *)handle); */
inline look()
{
    do
    :: find_victim();
       if
       :: victim ->
           closed = true;
           if
           :: waits -> wake_child()
           :: else
           fi;
           atomic { references--; victim = false }
       :: else -> break
       fi
    od
}

/* deadlock.c, enter: party_lock(); ... set_blocked(blocked, blocked); party_unlock(); */
/* deadlock.c, leave: party_lock(); set_blocked(blocked, NULL); ... party_unlock(); */

/* The child takes messages until the channel is closed. */
proctype child()
{
    byte snapshot;
    bool victim, alone, message_seen, watched, registered, asked, in_vain;

    do
    :: atomic { queued > 0 -> queued-- }
    :: atomic { queued == 0 && closed -> break }
    :: atomic { queued == 0 && !closed }
       if
       :: atomic {
              NO_FENCE_WATCH ->
              watched = watchers > 0;
              asked = true
          }
       :: else
       fi;
       /* waitpoint.c, sleep_once: uint32_t snapshot = waiter_snapshot(set->waiter); */
       snapshot = event;
       /* waitpoint.c, sleep_once: enter(set, things, count); */
       waits = true;
       /* waitpoint.c, sleep_once: registered = deadline->kind == DEADLINE_NEVER && deadlock_is_watched() && deadlock_enter(&blocked, set->waiter, things, count); */
       if
       :: asked
       :: else -> watched = watchers > 0
       fi;
       if
       :: watched ->
           /* deadlock.c, deadlock_enter: waiter_note(waiter, true); enter(blocked); look(); return true; */
           noted = true;
           atomic {
               !held ->
               child_blocked = true;
               child_works = false;
               registered = true
           }
           if
           :: NO_LOOK
           :: else -> look()
           fi
       :: else
       fi;
       if
       :: atomic { IS_READY -> in_vain = true }
       :: else
       fi;
       if
       :: in_vain
       :: atomic { !in_vain && event == snapshot -> sleeps = true }
          !sleeps
       :: atomic { !in_vain && event != snapshot }
       fi;
       if
       :: registered && !NO_LOCK ->
           /* deadlock.c, deadlock_leave: leave(blocked); waiter_note(blocked->waiter, false); */
           atomic {
               !held ->
               child_blocked = false;
               child_works = true
           }
           noted = false
       :: registered && NO_LOCK ->
           child_works = true;
           child_blocked = false;
           noted = false
       :: !registered
       fi;
       atomic {
           waits = false;
           registered = false;
           watched = false;
           asked = false;
           in_vain = false;
           snapshot = 0
       }
    od;
    child_ended = true
}

/* channel.c, push: if (!mailbox_push(&channel->mailbox, message)) */
/* handle.c, handle_release: if (!refcount_give(&handle->references)) { deadlock_notice(); return; } */
/* deadlock.c, deadlock_notice: ck_pr_fence_atomic_load(); if (deadlock_is_watched()) look(); */
proctype other(bool sends)
{
    bool victim, alone, message_seen, watched;

    if
    :: sends ->
        atomic { assert(!closed); queued++ }
        if
        :: waits -> wake_child()
        :: else
        fi
    :: else
    fi;
    if
    :: NO_FENCE_NOTICE -> watched = watchers > 0
    :: else
    fi;
    atomic { references--; other_has = false }
    if
    :: NO_FENCE_NOTICE
    :: else -> watched = watchers > 0
    fi;
    if
    :: watched && !NO_NOTICE -> look()
    :: else
    fi
}

/* waiter.c, waiter_wake_unnoted: if (!ck_pr_load_uint(&waiter->noted)) waiter_wake(waiter); */
inline wake_unnoted()
{
    if
    :: noted || NO_WAKE
    :: else -> wake_child()
    fi
}

/* thread.c, thread_reap_last: if (waits) deadlock_enter_last(&blocked, &end, closing); thread_reap(thread); if (waits) deadlock_leave_last(&blocked); */
/* deadlock.c, deadlock_enter_last: ck_pr_inc_uint(&deadlock_watchers); ck_pr_fence_memory(); waiter_wake_unnoted(); enter(blocked); look(); */
/* deadlock.c, deadlock_leave_last: leave(blocked); ck_pr_dec_uint(&deadlock_watchers); */
proctype parent()
{
    bool victim, alone, message_seen;

    if
    :: WAKE_EARLY -> wake_unnoted()
    :: else
    fi;
    watchers++;
    if
    :: WAKE_EARLY
    :: else -> wake_unnoted()
    fi;
    atomic { !held -> parent_blocked = true }
    if
    :: NO_LAST_LOOK
    :: else -> look()
    fi;
    child_ended;
    atomic { !held -> parent_blocked = false }
    watchers--
}

init
{
    atomic {
        choose();
        references = 2;
        run child();
        run parent();
        if
        :: ALONE
        :: else ->
            references++;
            other_has = true;
            run other(SEND)
        fi
    }
}
