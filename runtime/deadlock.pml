/* SPDX-License-Identifier: MIT
 *
 * Model of runtime/deadlock*.c where it meets sleep and wake: a parent in its
 * last wait for a child, which waits for a message for ever, while the last
 * other holder of the channel, or whoever could find it, goes.
 *
 * Properties: the last waits come to their ends. The channel is given up only
 * when nobody can send to it any more, and nothing is queued.
 *
 * Order in memory: loads that may be carried out early are the mistakes
 * NO_FENCE_*. The rest happens under the lock of all parties, or by atomic
 * operations. Whether an event count has moved since the last snapshot is one
 * bit.
 *
 * Not modelled: the search among many threads, states and channels, of which
 * this is the smallest case; tests/deadlock.c has the larger ones. Interrupts.
 * The rest between two looks, which is time that passes.
 *
 * scenario RELEASE: the other gives its reference back
 * scenario SEND: the other sends, and then gives its reference back
 * scenario GONE: the other is a state that could find the channel by its name
 * scenario ALONE: there is no other
 * scenario HAND_OVER: nor here, but a second watcher, for a second thread; the
 *   first, the second, the child's sleep and the thread's end come one after
 *   another, but with the large bound, where the other of RELEASE is there, too
 * scenario END: two watchers, and two threads that end by themselves, the first
 *   when the second watcher has left
 * scenario REST: the other is a second thread, and ends with its reference;
 *   with the large bound there is the other of RELEASE, too
 *
 * mistake NO_FENCE_WATCH in ALONE: whether to register is asked before the
 *   snapshot
 * mistake NO_WAKE in ALONE: who sleeps already is not woken to register
 * mistake WAKE_EARLY in ALONE: wakes who sleeps, then says that it watches
 * mistake NO_NOTICE_ENTER in ALONE: a thread that registers gives no notice
 * mistake CLEAR_LATE in ALONE: the mark is cleared after the look
 * mistake NO_LOOK in ALONE: the watcher does not look
 * mistake NO_LOOP in SEND: looks just once
 * mistake SLEEP_ON in RELEASE: does not ask for the mark before it sleeps, but
 *   before the snapshot
 * mistake NO_NOTICE in RELEASE: who gives back a reference gives no notice
 * mistake NOTICE_EARLY in RELEASE: gives notice, then gives back
 * mistake NO_FENCE_NOTICE in RELEASE: asks for watchers, then gives back
 * mistake NO_FENCE_MARK in RELEASE: asks for the mark, then gives back
 * mistake MARK_LATE in RELEASE: wakes the watcher, then sets the mark
 * mistake READY_FIRST in SEND: looks for a message, then counts references
 * mistake NO_COUNT in SEND: does not count references
 * mistake NO_LOCK in SEND: leaves its wait without the lock
 * mistake NO_GONE_NOTICE in GONE: a state that goes gives no notice
 * mistake FINISHED_LATE in END: tells of its end, then is FINISHED
 * mistake NO_END_NOTICE in END: does not tell who waits for its end
 * mistake NO_FENCE_END in END: asks for watchers, then is FINISHED
 * mistake NO_FENCE_READY in END: asks for the end, then says that it watches
 * mistake END_EARLY in END: asks for the end before the snapshot
 * mistake NO_HAND_OVER in HAND_OVER: leaves without a word
 * mistake NO_WAKE_OVER in HAND_OVER: leaves, sets the mark, and wakes nobody
 * mistake REST_LATE in REST: tells of its end, then rests
 * mistake NO_REST_NOTICE in REST: tells who waits for its end, nobody else
 */
#include "../tests/models/choice.pml"

/* The channel. */
byte queued, references;
bool closed, waits;

/* Under the lock of all parties: who is registered, in the order of coming. */
bool held;
bool child_blocked, blocked[2];
byte latest;
bool other_there;

/* Whether the event counts have moved. */
bool child_moved, moved[2];
bool noted;
byte watchers;
bool mark;

bool finished[2], has_left[2], rests;
/* For the properties: the other may send, the child is at work. */
bool other_may, child_works = true;
bool good;

/* One after the other, unless there is time to explore more. */
#ifdef LARGE
#define HAS_COME(me) true
#define CHILD_SLEEPS true
#else
#define HAS_COME(me) (!HAND_OVER || blocked[me] || has_left[me])
#define CHILD_SLEEPS (!HAND_OVER || child_blocked || closed)
#endif

#define IS_READY (queued > 0 || closed)

/* ---- notices ---- */

/* deadlock.c, on_duty: return CK_LIST_FIRST(&deadlock_last_waits); */
#define IS_ON_DUTY(me) (latest == me || !blocked[latest])

/* deadlock.c, wake_watcher: struct blocked *watcher = on_duty(); if (watcher != NULL) waiter_wake(watcher->waiter); */
inline wake_watcher()
{
    moved[latest] = moved[latest] || blocked[latest];
    moved[1 - latest] = moved[1 - latest] ||
                        (blocked[1 - latest] && !blocked[latest])
}

/* deadlock.c, set_mark: return ck_pr_load_uint(&mark) == 0 && ck_pr_fas_uint(&mark, 1) == 0; */
/* deadlock.c, deadlock_notice: ck_pr_fence_atomic_load(); if (!deadlock_is_watched() || !set_mark()) return; party_lock(); wake_watcher(); party_unlock(); */
#define WATCHED (hoisted -> watched : watchers > 0)

inline notice()
{
    if
    :: !WATCHED
    :: atomic { WATCHED && (marked || mark) }
    :: atomic { WATCHED && !marked && !mark -> mark = !MARK_LATE }
       atomic { !held -> wake_watcher() }
       if
       :: MARK_LATE -> mark = true
       :: else
       fi
    fi
}

/* ---- looking ---- */

/* deadlock.c, find_victim: party_lock(); if (is_worth_a_look()) { victim = deadlock_search(); if (victim != NULL) handle_retain(victim); } party_unlock(); */
/* deadlock.c, is_worth_a_look: if (blocked->things[0].party->blocked != NULL) return true; */
/* deadlock_search.c, find_exposed: refcount_holders(&handle->references) != handle->counted */
/* deadlock_search.c, can_be_changed: (handle->findable && !all_inert); */
/* deadlock_search.c, can_come: if (can_be_changed(thing->handle, all_inert)) return true; ... return thing->ready(thing->thing); */
inline find_victim()
{
    if
    :: atomic { !held && !(blocked[0] && child_blocked) -> victim = false }
    :: atomic {
           !held && blocked[0] && child_blocked ->
           held = true;
           message_seen = READY_FIRST && IS_READY;
           counted = 2 + (REST && rests);
           alone = !other_there
       }
       atomic { alone = alone && (references == counted || NO_COUNT) }
       atomic {
           message_seen = (READY_FIRST -> message_seen : IS_READY);
           victim = alone && !message_seen;
           good = !victim || closed ||
                  (!other_may && queued == 0 && !child_works);
           assert(good);
           references = references + victim;
           alone = false;
           message_seen = false;
           counted = 0;
           held = false
       }
    fi
}

/* deadlock.c, look: while ((victim = find_victim()) != NULL) { victim->class->give_up(victim); handle_release(victim); } */
/* channel.c, give_up: channel_close((struct channel *)handle); */
/* handle.c, handle_release: if (!refcount_give(&handle->references)) { deadlock_notice(); return; } */
inline look()
{
    do
    :: find_victim();
       if
       :: victim ->
           closed = true;
           if
           :: waits -> child_moved = true
           :: else
           fi;
           atomic { references--; victim = false }
           notice()
       :: else -> break
       fi
    od
}

/* ---- the child ---- */

/* waitpoint.c, sleep_once: uint32_t snapshot = waiter_snapshot(set->waiter); ... enter(set, things, count); registered = deadline->kind == DEADLINE_NEVER && deadlock_is_watched() && deadlock_enter(&blocked, set->waiter, things, count); */
/* waitpoint.c, sleep_once: if (find_ready(things, count, 0) == count) in_time = waiter_sleep(set->waiter, snapshot, deadline); if (registered) deadlock_leave(&blocked); leave(things, count); */
/* deadlock.c, enter: waiter_note(blocked->waiter, true); party_lock(); ... set_blocked(blocked, blocked); if (set_mark()) wake_watcher(); party_unlock(); */
/* deadlock.c, deadlock_leave: party_lock(); set_blocked(blocked, NULL); ... party_unlock(); waiter_note(blocked->waiter, false); */
inline child_sleeps()
{
    if
    :: atomic { NO_FENCE_WATCH -> watched = watchers > 0 }
       child_moved = false
    :: atomic { !NO_FENCE_WATCH -> child_moved = false }
    fi;
    waits = true;
    watched = (NO_FENCE_WATCH -> watched : watchers > 0);
    if
    :: watched ->
        noted = true;
        atomic {
            !held ->
            child_blocked = true;
            child_works = false;
            if
            :: !mark && !NO_NOTICE_ENTER -> mark = true; wake_watcher()
            :: else
            fi
        }
    :: !watched
    fi;
    if
    :: IS_READY
    :: !IS_READY -> child_moved
    fi;
    if
    :: atomic {
           watched && !NO_LOCK && !held ->
           child_blocked = false;
           child_works = true
       }
       noted = false
    :: atomic { watched && NO_LOCK -> child_works = true }
       child_blocked = false;
       noted = false
    :: !watched
    fi;
    atomic { waits = false; watched = false }
}

/* thread.c, child_main: move_to(thread, THREAD_FINISHED); waitpoint_wake(&thread->finish); party_rest(&thread->party); deadlock_notice_end(&thread->party); */
/* deadlock.c, deadlock_notice_end: ck_pr_fence_memory(); if (!deadlock_is_watched()) return; party_lock(); CK_LIST_FOREACH (blocked, &deadlock_last_waits, last_entry) if (blocked->things[0].party == party) waiter_wake(blocked->waiter); party_unlock(); deadlock_notice(); */
inline ends(me)
{
    if
    :: atomic { NO_FENCE_END -> watched = watchers > 0; hoisted = true }
       finished[me] = true
    :: atomic { FINISHED_LATE }
    :: atomic { !NO_FENCE_END && !FINISHED_LATE -> finished[me] = true }
    fi;
    if
    :: atomic { me == 1 && !REST_LATE -> rests = true; other_may = false }
    :: atomic { me == 0 || REST_LATE }
    fi;
    if
    :: !WATCHED
    :: WATCHED ->
        atomic {
            !held ->
            moved[me] = moved[me] || (blocked[me] && !NO_END_NOTICE)
        }
        if
        :: NO_REST_NOTICE
        :: else -> notice()
        fi
    fi;
    if
    :: atomic { FINISHED_LATE -> finished[me] = true }
    :: atomic { REST_LATE && me == 1 -> rests = true; other_may = false }
    :: else
    fi
}

/* Takes messages until the channel is closed. */
proctype child()
{
    bool watched, hoisted, marked;

    HAS_COME(1);
    do
    :: atomic { queued > 0 -> queued-- }
    :: atomic { queued == 0 && closed -> break }
    :: atomic { queued == 0 && !closed }
       child_sleeps()
    od;
    ends(0)
}

/* Ends by itself, when the time has come. */
proctype thread(byte me)
{
    bool watched, hoisted, marked;

    (me == 1 && CHILD_SLEEPS) || has_left[1];
    ends(me)
}

/* ---- the other ---- */

/* channel.c, push: if (!mailbox_push(&channel->mailbox, message)) */
/* party.c, party_gone: party_lock(); ... CK_LIST_REMOVE(party, entry); ... party_unlock(); deadlock_notice(); */
proctype other()
{
    bool watched, hoisted, marked;

    if
    :: SEND ->
        atomic { assert(!closed); queued++ }
        if
        :: waits -> child_moved = true
        :: !waits
        fi
    :: else
    fi;
    if
    :: NO_FENCE_NOTICE -> watched = watchers > 0; hoisted = true
    :: NO_FENCE_MARK -> marked = mark
    :: NOTICE_EARLY -> notice()
    :: else
    fi;
    if
    :: atomic { GONE && !held -> other_there = false; other_may = false }
    :: atomic { !GONE -> references--; other_may = false }
    fi;
    if
    :: NO_NOTICE || NOTICE_EARLY || NO_GONE_NOTICE
    :: else -> notice()
    fi
}

/* ---- last waits ---- */

/* waiter.c, waiter_wake_unnoted: if (!ck_pr_load_uint(&waiter->noted)) waiter_wake(waiter); */
inline wake_unnoted(when)
{
    if
    :: !(when) || noted || NO_WAKE
    :: (when) && !noted && !NO_WAKE -> child_moved = true
    fi
}

/* What a load that is carried out too early has seen; the first time, if it was
 * before the wait began. */
#define IS_AT_END (unsure || END_EARLY -> early : finished[me])
#define IS_MARKED (SLEEP_ON -> marked : mark)

/* deadlock.c, doze: uint32_t snapshot = waiter_snapshot(blocked->waiter); ck_pr_fence_memory(); if (end->ready(end->thing) || (ck_pr_load_uint(&mark) && is_on_duty(blocked))) return; (void)waiter_sleep(blocked->waiter, snapshot, &never); */
inline watcher_sleeps()
{
    if
    :: SLEEP_ON -> marked = mark; moved[me] = false
    :: END_EARLY -> early = finished[me]; moved[me] = false
    :: atomic { !SLEEP_ON && !END_EARLY -> moved[me] = false }
    fi;
    if
    :: IS_AT_END
    :: atomic { !IS_AT_END && IS_MARKED }
       if
       :: !held && IS_ON_DUTY(me)
       :: !held && !IS_ON_DUTY(me) -> moved[me]
       fi
    :: atomic { !IS_AT_END && !IS_MARKED }
       moved[me]
    fi;
    atomic { marked = false; early = false; unsure = false }
}

/* deadlock.c, watch: while (!end->ready(end->thing)) { doze(blocked, end); if (!ck_pr_load_uint(&mark) || !is_on_duty(blocked)) continue; ... (void)ck_pr_fas_uint(&mark, 0); ck_pr_fence_memory(); look(); */
inline watch()
{
    do
    :: atomic { (unsure -> early : finished[me]) -> break }
    :: atomic { !(unsure -> early : finished[me]) }
       watcher_sleeps();
       if
       :: !mark
       :: atomic { mark && !held && !IS_ON_DUTY(me) }
       :: atomic { mark && !held && IS_ON_DUTY(me) }
          if
          :: atomic { CLEAR_LATE } look(); mark = false
          :: atomic { NO_LOOP -> mark = false } look(); finished[me]
          :: atomic { NO_LOOK -> mark = false }
          :: atomic { !CLEAR_LATE && !NO_LOOP && !NO_LOOK -> mark = false }
             look()
          fi
       fi
    od
}

/* thread.c, thread_reap_last: if (!thread->released && ... !has_finished(thread)) deadlock_last_wait(&end, closing); */
/* deadlock.c, deadlock_last_wait: ck_pr_inc_uint(&deadlock_watchers); ck_pr_fence_memory(); waiter_wake_unnoted(); enter(&blocked); watch(&blocked, end); deadlock_leave(&blocked); ck_pr_dec_uint(&deadlock_watchers); */
/* deadlock.c, deadlock_leave: if (blocked->last) { CK_LIST_REMOVE(blocked, last_entry); (void)ck_pr_fas_uint(&mark, 1); wake_watcher(); } party_unlock(); */
proctype watcher(byte me)
{
    bool victim, alone, message_seen, watched, hoisted, marked, early, unsure;
    byte counted;

    me == 0 || HAS_COME(0);
    if
    :: finished[me]
    :: !finished[me] ->
        wake_unnoted(WAKE_EARLY);
        atomic { unsure = NO_FENCE_READY }
        watchers++;
        wake_unnoted(!WAKE_EARLY);
        atomic {
            !held ->
            blocked[me] = true;
            latest = me;
            if
            :: !mark -> mark = true; wake_watcher()
            :: else
            fi
        }
        watch();
        atomic {
            !held ->
            blocked[me] = false;
            mark = mark || !NO_HAND_OVER;
            if
            :: NO_HAND_OVER || NO_WAKE_OVER
            :: else -> wake_watcher()
            fi
        }
        watchers--
    fi;
    has_left[me] = true
}

init
{
    atomic {
        choose();
        references = 2;
        run watcher(0);
        if
        :: END ->
            run watcher(1);
            run thread(0);
            run thread(1)
        :: else -> run child()
        fi;
        if
        :: GONE ->
            other_there = true;
            other_may = true;
            run other()
        :: RELEASE || SEND ->
            references++;
            other_may = true;
            run other()
        :: REST ->
            references++;
            other_may = true;
            run thread(1)
        :: HAND_OVER ->
            run watcher(1);
            run thread(1)
        :: ALONE || END
        fi;
#ifdef LARGE
        if
        :: HAND_OVER || REST ->
            references++;
            other_may = true;
            run other()
        :: else
        fi
#endif
    }
}
