/* SPDX-License-Identifier: MIT
 *
 * Model of channels/pollable.c: a descriptor that agrees with a condition,
 * which some change while others ask for the descriptor.
 *
 * Properties: whenever nobody is inside any more there is one open descriptor,
 * if one was asked for, everybody was given it, and it is readable exactly if
 * the condition is true. And if one thread was stopped wherever it was, the
 * descriptor agrees whenever another that has changed the condition returns.
 *
 * Order in memory: the condition and `shown` change by atomic operations, the
 * descriptor and the end to write to by plain stores, which wait in a buffer
 * until a full fence, or until memory happens to take them. Where no fence
 * forbids it, two loads are carried out in either order: those of the condition
 * and of `shown`, between two full fences. A load that is carried out earlier
 * than a fence allows is one of the mistakes NO_FENCE_*.
 *
 * Not modelled: a write or read of the descriptor that fails, and a program
 * that reads it. A pipe has room for one unit in each read.
 *
 * scenario CHANGE: one changes the condition once and one twice, the descriptor
 *   is there; another once with the large bound
 * scenario PIPE: one does so once, one thrice; units are read one by one
 * scenario STOPPED: one is stopped while another changes the condition twice
 * scenario OPEN: one changes the condition while one asks for the descriptor;
 *   two do with the large bound
 * scenario OPEN_BOTH: one changes it while two ask for the descriptor; loads in
 *   one order, but with the large bound
 *
 * mistake NO_SECOND_LOOK in CHANGE: writes or reads, and does not look again
 * mistake NO_FENCE_SHOW in CHANGE: the look is carried out before the write
 * mistake NO_LAST_LOOK in CHANGE: does not look at the condition again
 * mistake NO_FENCE_LOOK in CHANGE: that look is carried out before the swap
 * mistake NO_FENCE_CHANGE in CHANGE: looks at `shown`, then changes
 * mistake CHANGE_LATE in CHANGE: updates first, then changes the condition
 * mistake TAKE_ONE in PIPE: takes out one unit
 * mistake LEAVE_IT in STOPPED: whoever finds another at work leaves it to him
 * mistake NO_FENCE_UPDATE in OPEN: looks for a descriptor, then changes
 * mistake NO_FENCE_OPEN in OPEN: looks before the descriptor is visible
 * mistake OPEN_BLINDLY in OPEN: publishes the descriptor without a look
 * mistake PUBLISH_FIRST in OPEN: the descriptor is visible before the other end
 * mistake NO_FENCE_LOAD in OPEN: looks for the other end before the descriptor
 * mistake NO_LOCK in OPEN_BOTH: opens it without the lock
 * mistake OPEN_TWICE in OPEN_BOTH: does not look again under the lock
 * mistake KEEP_SECOND in OPEN_BOTH: does not close what is not needed
 */
#include "../tests/models/choice.pml"

bool condition;

/* struct pollable. */
byte descriptor, write_end;
bool held, shown;

/* What is in the descriptor, and how many are open. */
byte units, open_count;
byte stored_descriptor, stored_end;

/* For the properties: how many are at it, and at the write or read. */
byte inside, at_work;
byte given;
byte stopped;
bool good;

active proctype memory()
{
end_memory:
    do
    :: atomic {
           stored_end > 0 && (stored_descriptor == 0 || !PUBLISH_FIRST) ->
           write_end = stored_end;
           stored_end = 0
       }
    :: atomic {
           stored_descriptor > 0 && (stored_end == 0 || PUBLISH_FIRST) ->
           descriptor = stored_descriptor;
           stored_descriptor = 0
       }
    od
}

/* pollable.c, put_unit: done = write(ck_pr_load_int(&pollable->write_end), &unit, sizeof unit); */
/* pollable.c, take_units: int end = ck_pr_load_int(&pollable->descriptor) - 1; ... do { done = read(end, units, sizeof units); } while (done == (ssize_t)sizeof units || (done < 0 && errno == EINTR)); */
inline put_unit()
{
    good = (NO_FENCE_LOAD -> early : write_end) > 0 || mine > 0;
    assert(good);
    units++
}

#define MAY_WRITE (looked || !NO_FENCE_SHOW)

inline write_or_read(value)
{
    do
    :: atomic { NO_FENCE_SHOW && !looked -> again = shown; looked = true }
    :: atomic { MAY_WRITE && value -> put_unit(); break }
    :: atomic { MAY_WRITE && !value && !PIPE -> units = 0; break }
    :: atomic {
           MAY_WRITE && !value && PIPE && units > 0 ->
           units--;
           if
           :: TAKE_ONE -> break
           :: else
           fi
       }
    :: atomic { MAY_WRITE && !value && PIPE && units == 0 -> break }
    od
}

/* pollable.c, show: do { done = shown; if (done) put_unit(pollable); else take_units(pollable); ck_pr_fence_memory(); shown = ck_pr_load_uint(&pollable->shown); } while (shown != done); */
inline write_until_agreed()
{
    do
    :: write_or_read(done);
       atomic {
           again = (NO_FENCE_SHOW -> again : shown);
           looked = false;
           if
           :: again == done || NO_SECOND_LOOK -> at_work--; break
           :: else -> done = again
           fi
       }
    od
}

/* pollable.c, agree: unsigned wanted = condition(thing); while (ck_pr_load_uint(&pollable->shown) != wanted) { if (ck_pr_cas_uint(&pollable->shown, !wanted, wanted)) show(pollable, wanted); ck_pr_fence_memory(); wanted = condition(thing); } */
/* There are many orders for three. */
#ifdef LARGE
#define ANY_ORDER true
#else
#define ANY_ORDER (!OPEN_BOTH)
#endif

inline agree()
{
    if
    :: atomic { hoisted -> wanted = condition }
    :: atomic { !hoisted -> wanted = condition }
       seen = shown
    :: atomic { !hoisted && ANY_ORDER -> seen = shown }
       wanted = condition
    fi;
    do
    :: atomic { seen == wanted -> break }
    :: atomic {
           seen != wanted && NO_FENCE_LOOK && !ahead_seen ->
           ahead = condition;
           ahead_seen = true
       }
    :: atomic {
           seen != wanted && (ahead_seen || !NO_FENCE_LOOK) ->
           won = shown != wanted && (at_work == 0 || !LEAVE_IT);
           shown = wanted;
           done = wanted;
           at_work = at_work + won
       }
       if
       :: won -> write_until_agreed()
       :: !won
       fi;
       if
       :: atomic { NO_LAST_LOOK -> break }
       :: atomic {
              NO_FENCE_LOOK ->
              wanted = ahead;
              seen = shown;
              ahead_seen = false
          }
       :: atomic { !NO_FENCE_LOOK && !NO_LAST_LOOK -> wanted = condition }
          seen = shown
       :: atomic {
              !NO_FENCE_LOOK && !NO_LAST_LOOK && ANY_ORDER ->
              seen = shown
          }
          wanted = condition
       fi
    od
}

/* Forgets what it knew: less to explore. */
inline leaves()
{
    atomic {
        inside--;
        good = inside > 0 || descriptor == 0 || (units > 0) == condition;
        assert(good);
        wanted = false;
        seen = false;
        done = false;
        again = false;
        won = false;
        looked = false;
        ahead = false;
        ahead_seen = false;
        hoisted = false;
        early = 0
    }
}

/* pollable.c, pollable_update: ck_pr_fence_atomic_load(); if (ck_pr_load_int(&pollable->descriptor) == 0) return; ck_pr_fence_load(); ... agree(pollable, condition, thing); */
/* channel.c, changed: pollable_update(&channel->pollable, channel_is_ready, channel); */
inline update()
{
    if
    :: (NO_FENCE_UPDATE -> early : descriptor) == 0
    :: (NO_FENCE_UPDATE -> early : descriptor) > 0 -> agree()
    fi
}

/* channel.c, push: changed(channel); */
/* channel.c, commit: changed(channel); */
inline change()
{
    if
    :: atomic {
           NO_FENCE_UPDATE || NO_FENCE_CHANGE ->
           inside++;
           early = descriptor;
           seen = shown;
           hoisted = true
       }
       condition = !condition
    :: atomic {
           !NO_FENCE_UPDATE && !NO_FENCE_CHANGE ->
           inside++;
           condition = (CHANGE_LATE -> condition : !condition);
           early = write_end
       }
    fi;
    update();
    if
    :: atomic { CHANGE_LATE -> condition = !condition }
       leaves()
    :: atomic { !CHANGE_LATE -> leaves() }
    fi
}

#define LOCALS bool wanted, seen, done, again, looked, ahead, ahead_seen, \
    won, hoisted; byte early

/* In scenario STOPPED the one that changes it twice stops the other; in the end
 * that goes on, for the other property. */
proctype changer(byte changes) provided (stopped == 0 || stopped == _pid)
{
    LOCALS;
    byte mine;

    if
    :: atomic { STOPPED && changes > 1 -> stopped = _pid }
    :: atomic { !STOPPED || changes == 1 }
    fi;
    do
    :: changes > 0 ->
        change();
        atomic {
            changes--;
            good = stopped == 0 || (units > 0) == condition;
            assert(good)
        }
    :: atomic { changes == 0 -> stopped = 0; break }
    od
}

inline give(it)
{
    good = (given == 0 || given == it);
    assert(good);
    given = it
}

/* pollable.c, pollable_open: if (ck_pr_load_int(&pollable->descriptor) != 0) return ck_pr_load_int(&pollable->descriptor) - 1; error = open_pair(ends); */
/* pollable.c, pollable_open: lockword_lock(&pollable->word); if (pollable->descriptor == 0) { ck_pr_store_int(&pollable->write_end, ends[1]); ... ck_pr_fence_release(); ck_pr_store_int(&pollable->descriptor, ends[0] + 1); } else { close_pair(ends); } lockword_unlock_idle(&pollable->word); ck_pr_fence_memory(); agree(pollable, condition, thing); return ck_pr_load_int(&pollable->descriptor) - 1; */
proctype opener(byte mine)
{
    LOCALS;
    bool mend;

    if
    :: descriptor > 0
    :: descriptor == 0 ->
        atomic { open_count++; inside++ }
        atomic { !held || NO_LOCK -> held = true }
        mend = descriptor == 0 && stored_descriptor == 0 || OPEN_TWICE;
        if
        :: mend -> atomic { stored_end = mine; stored_descriptor = mine }
        :: !mend -> open_count = open_count - (KEEP_SECOND -> 0 : 1)
        fi;
        held = false;
        if
        :: stored_descriptor == 0 && stored_end == 0 || NO_FENCE_OPEN
        fi;
        if
        :: OPEN_BLINDLY
        :: else -> agree()
        fi;
        leaves()
    fi;
    if
    :: atomic { stored_descriptor > 0 -> give(stored_descriptor) }
    :: atomic { stored_descriptor == 0 -> give(descriptor) }
    fi
}

inline is_there()
{
    descriptor = 1;
    write_end = 1;
    open_count = 1
}

init
{
    atomic {
        choose();
        if
        :: CHANGE ->
            is_there();
            run changer(1);
            run changer(2)
        :: PIPE ->
            is_there();
            run changer(1);
            run changer(3)
        :: STOPPED ->
            is_there();
            if
            :: condition = true;
               shown = true;
               units = 1
            :: condition = false
            fi;
            run changer(1);
            run changer(2)
        :: OPEN ->
            if
            :: condition = true
            :: condition = false
            fi;
            run changer(1);
            run opener(1)
        :: OPEN_BOTH ->
            run changer(1);
            run opener(1);
            run opener(2)
        fi;
#ifdef LARGE
        if
        :: STOPPED || OPEN_BOTH
        :: else -> run changer(1)
        fi;
#endif
    }
    timeout;
    atomic {
        good = open_count == 1 && !held && inside == 0 && at_work == 0;
        assert(good);
        good = shown == condition && (units > 0) == condition;
        assert(good)
    }
}
