/* SPDX-License-Identifier: MIT
 *
 * Model of channels/pollable.c: a descriptor that agrees with a condition,
 * which some change while others ask for the descriptor.
 *
 * Property: when nothing moves any more there is one open descriptor, if one
 * was asked for, everybody was given it, and it is readable exactly if the
 * condition is true.
 *
 * Order in memory: the condition and the word change by atomic operations, the
 * descriptor by a plain store which waits in a buffer until a full fence, or
 * until memory happens to take it. A load that may be carried out early, where
 * no fence forbids it, is the mistake NO_FENCE_UPDATE or NO_FENCE_LOOK.
 *
 * Not modelled: a write or read of the descriptor that fails, and a program
 * that reads it.
 *
 * scenario CHANGE: three change the condition, the descriptor is there
 * scenario OPEN: two change the condition while one asks for the descriptor
 * scenario OPEN_BOTH: one changes it while two ask for the descriptor
 *
 * mistake NO_MARK in CHANGE: who finds the lock held leaves no mark
 * mistake IGNORE_MARK in CHANGE: releases the lock with the mark set
 * mistake CLEAR_LATE in CHANGE: clears the mark after the look
 * mistake NO_FENCE_LOOK in CHANGE: the look is carried out before the clearing
 * mistake NO_LOCK in CHANGE: writes and reads the descriptor without the lock
 * mistake CHANGE_LATE in CHANGE: updates first, then changes the condition
 * mistake NO_FENCE_UPDATE in OPEN: looks for a descriptor, then changes
 * mistake OPEN_BLINDLY in OPEN: publishes the descriptor without a look
 * mistake NO_FENCE_OPEN in OPEN: looks before the descriptor is visible
 * mistake OPEN_TWICE in OPEN_BOTH: does not look again under the lock
 * mistake KEEP_SECOND in OPEN_BOTH: does not close what is not needed
 */
#include "../tests/models/choice.pml"

#define CHANGES 3

bool condition;

/* struct pollable; the word is `held` and `mark`. */
byte descriptor;
bool held, mark, readable;

/* What is in the descriptor, and how many are open. */
byte units, open_count;
byte stored_descriptor;
byte given;
bool good;

active proctype memory()
{
end_memory:
    do
    :: atomic {
           stored_descriptor > 0 ->
           descriptor = stored_descriptor;
           stored_descriptor = 0
       }
    od
}

/* pollable.c, show: done = write(pollable->write_end, &unit, sizeof unit); */
/* pollable.c, show: done = read(pollable->descriptor - 1, &unit, sizeof unit); */
/* pollable.c, show: pollable->readable = readable; */
inline write_or_read()
{
    units = (wanted -> units + 1 : 0);
    readable = wanted
}

/* pollable.c, look: ck_pr_and_uint(&pollable->word, ~LOOK_AGAIN); ck_pr_fence_memory(); wanted = condition(thing); if (wanted != pollable->readable) show(pollable, wanted); */
inline look()
{
    if
    :: NO_FENCE_LOOK -> wanted = condition
    :: else
    fi;
    if
    :: CLEAR_LATE
    :: else -> mark = false
    fi;
    if
    :: stored_descriptor == 0 || NO_FENCE_OPEN
    fi;
    if
    :: NO_FENCE_LOOK
    :: else -> wanted = condition
    fi;
    if
    :: wanted != readable -> write_or_read()
    :: else
    fi;
    if
    :: CLEAR_LATE -> mark = false
    :: else
    fi;
    wanted = false
}

/* pollable.c, look_and_unlock: look(pollable, condition, thing); } while (!lockword_try_unlock(&pollable->word, &word)); */
inline look_and_unlock()
{
    do
    :: look();
       if
       :: atomic { !mark || IGNORE_MARK -> held = false; break }
       :: atomic { mark && !IGNORE_MARK }
       fi
    od
}

/* pollable.c, pollable_update: ck_pr_fence_atomic_load(); if (ck_pr_load_int(&pollable->descriptor) == 0) return; ck_pr_or_uint(&pollable->word, LOOK_AGAIN); if (lockword_try_lock(&pollable->word)) look_and_unlock(pollable, condition, thing); */
/* channel.c, changed: pollable_update(&channel->pollable, channel_is_ready, channel); */
inline update()
{
    if
    :: (hoisted -> seen : descriptor) == 0
    :: (hoisted -> seen : descriptor) > 0 ->
        mark = !NO_MARK;
        if
        :: atomic { !held || NO_LOCK -> held = true }
           look_and_unlock()
        :: atomic { held && !NO_LOCK }
        fi
    fi
}

/* channel.c, push: changed(channel); */
/* channel.c, commit: changed(channel); */
proctype changer()
{
    bool wanted, hoisted;
    byte seen;

    if
    :: NO_FENCE_UPDATE -> atomic { seen = descriptor; hoisted = true }
    :: CHANGE_LATE -> update()
    :: else
    fi;
    condition = !condition;
    if
    :: CHANGE_LATE
    :: else -> update()
    fi
}

inline give(it)
{
    good = (given == 0 || given == it);
    assert(good);
    given = it
}

/* pollable.c, pollable_open: if (ck_pr_load_int(&pollable->descriptor) != 0) return ck_pr_load_int(&pollable->descriptor) - 1; error = open_pair(ends); */
/* pollable.c, pollable_open: lockword_lock(&pollable->word); if (pollable->descriptor == 0) { */
/* pollable.c, pollable_open: ck_pr_store_int(&pollable->descriptor, ends[0] + 1); } else { close_pair(ends); } look_and_unlock(pollable, condition, thing); return pollable->descriptor - 1; */
proctype opener(byte mine)
{
    bool wanted;

    if
    :: descriptor > 0
    :: descriptor == 0 ->
        open_count++;
        atomic { !held -> held = true }
        if
        :: descriptor == 0 && stored_descriptor == 0 || OPEN_TWICE ->
            stored_descriptor = mine
        :: else -> open_count = open_count - (KEEP_SECOND -> 0 : 1)
        fi;
        if
        :: OPEN_BLINDLY -> held = false
        :: else -> look_and_unlock()
        fi
    fi;
    if
    :: atomic { stored_descriptor > 0 -> give(stored_descriptor) }
    :: atomic { stored_descriptor == 0 -> give(descriptor) }
    fi
}

init
{
    atomic {
        choose();
        if
        :: CHANGE ->
            descriptor = 1;
            open_count = 1;
            run changer();
            run changer();
            run changer()
        :: OPEN ->
            condition = true;
            run changer();
            run changer();
            run opener(1)
        :: OPEN_BOTH ->
            run changer();
            run opener(1);
            run opener(2)
        fi;
#ifdef LARGE
        run changer();
        run opener(3)
#endif
    }
    timeout;
    atomic {
        good = open_count == 1 && !held && units <= 1;
        assert(good);
        good = readable == condition && (units == 1) == condition;
        assert(good)
    }
}
