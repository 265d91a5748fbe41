/* SPDX-License-Identifier: MIT
 *
 * Model of channels/channel.c: senders reserve room and push, receivers take
 * under their lock and commit or return, and others close and clear.
 *
 * Properties: every message that was acknowledged has been received, dropped
 * by a clear, or is still queued, once; never more than the capacity are
 * queued; after a receiver was told that the end is reached, no message
 * comes. "Full" was true at some moment of the call. When nothing moves any
 * more, nobody sleeps who has something to do, and the counters agree.
 *
 * The mailbox is a number of messages, some of which are in its second part,
 * and a bit: mailbox.pml has it in detail.
 * Sleep and wake keep their order here (enter the list, look, sleep unless
 * woken since), but what waitpoint.pml shows of them is one step each.
 *
 * Order in memory: `popped` and the mailbox's `ready` are plain stores under
 * the receivers' lock, and may become visible one after the other. What the
 * others read of them without the lock is only a reason to look under it. The
 * counters are written by atomic operations.
 *
 * Not modelled: peek, which changes nothing; select, which is a receive for
 * one of several (waitpoint.pml, SELECT); counters that overflow; the
 * descriptor (pollable.pml).
 *
 * scenario BOUNDED: two send to a receiver, with room for one
 * scenario CLOSE: one sends, two receive until the end, and one closes
 * scenario CLOSE_FULL: one waits for room, and another closes
 * scenario RETURN: of two that receive one returns what it got, and leaves
 * scenario CLEAR: two wait for room, and one clears
 * scenario LOOK: one keeps the channel from ever being empty, one looks
 * scenario TRY: one sends two, one without waiting, one receives; room for two
 * scenario DEADLINE: two wait for room, one with a deadline; one receives one
 *
 * mistake RESERVE_BLINDLY in BOUNDED: reserves room without comparing
 * mistake NO_ROOM_WAKE in BOUNDED: a commit wakes no sender
 * mistake WAKE_FIRST in BOUNDED: wakes a sender, then advances `taken`
 * mistake NO_ROOM_LOOK in BOUNDED: a sender sleeps without a look at the room
 * mistake NO_REREAD in TRY: counts with a `taken` that is too old
 * mistake KEEP_RESERVATION in CLOSE: a push that failed keeps its reservation
 * mistake PUSH_BLINDLY in CLOSE: looks whether it is closed, then pushes
 * mistake CLOSE_KEEPS_SENDERS in CLOSE_FULL: the end wakes no sender
 * mistake ROOM_UNLESS_CLOSED in CLOSE_FULL: waits for room of what is closed
 * mistake CLOSE_WAKES_ONCE in CLOSE: does not wake again after `closed`
 * mistake NO_LAST_WAKE in CLOSE: the last commit does not wake
 * mistake NO_COMMIT_FENCE in CLOSE: looks at `closed`, then advances `taken`
 * mistake NO_SECOND_LOOK in CLOSE: believes that nothing came before the close
 * mistake NO_LOCK in CLOSE: receivers do not take turns
 * mistake OVER_TOO_EARLY in RETURN: the end does not wait for what may return
 * mistake NO_RETURN_WAKE in RETURN: what is returned wakes nobody
 * mistake CLEAR_WAKES_ONE in CLEAR: wakes one sender, whatever room there is
 * mistake LOOK_ONCE in LOOK: does not mind what is popped between the two looks
 * mistake POPS_LATE in LOOK: a pop is noted when it has been done
 * mistake NO_LAST_LOOK in DEADLINE: gives up without a last look
 */
#include "../tests/models/choice.pml"

#define ROOM 0
#define ARRIVAL 1
#define PROCESSES 5

/* struct channel. */
byte capacity;
byte queued, turned, pops;
bool closed_bit, closed;
bool receiving;
byte popped, taken, sent;

/* The waitpoints. */
chan list[2] = [PROCESSES] of { byte };
bool woken[PROCESSES];

/* For the properties. */
byte acknowledged, received, dropped, promised, end_told;
bool was_full, sender_waits[PROCESSES], receiver_waits[PROCESSES];
bool good;

#define IN_HANDS (popped - taken)
#define OVER (closed_bit && popped == taken)
#define HAS_ROOM (sent - taken < capacity || closed_bit)

/* ---- the waitpoints ---- */

inline wake_one(point)
{
    atomic {
        if
        :: len(list[point]) > 0 ->
            list[point] ? sleeper;
            woken[sleeper] = true;
            sleeper = 0
        :: else
        fi
    }
}

inline wake_all(point)
{
    atomic {
        do
        :: len(list[point]) > 0 ->
            list[point] ? sleeper;
            woken[sleeper] = true;
            sleeper = 0
        :: else -> break
        od
    }
}

inline enter(point)
{
    atomic { woken[me] = false; list[point] ! me }
}

inline leave(point)
{
    atomic {
        if
        :: list[point] ?? [eval(me)] -> list[point] ?? eval(me)
        :: else
        fi
    }
}

/* ---- senders ---- */

/* channel.c, count_at: taken = again; ck_pr_fence_load(); *sent = ck_pr_load_uint(&channel->sent); ck_pr_fence_load(); again = ck_pr_load_uint(&channel->taken); */
/* channel.c, count_at: while (again != taken); */
inline count_at()
{
    do
    :: old_taken = taken;
       old_sent = sent;
       if
       :: NO_REREAD -> break
       :: !NO_REREAD && old_taken == taken -> break
       :: !NO_REREAD && old_taken != taken
       fi
    od
}

/* channel.c, reserve: if (count_at(channel, &sent) >= channel->capacity) return false; */
/* channel.c, reserve: while (!ck_pr_cas_uint(&channel->sent, sent, sent + 1)); */
inline reserve()
{
    do
    :: count_at();
       if
       :: atomic { old_sent - old_taken >= capacity -> reserved = false; break }
       :: atomic {
              old_sent - old_taken < capacity &&
              (sent == old_sent || RESERVE_BLINDLY) ->
              sent++;
              was_full = was_full || sent - taken >= capacity;
              reserved = true;
              break
          }
       :: atomic {
              old_sent - old_taken < capacity &&
              !(sent == old_sent || RESERVE_BLINDLY)
          }
       fi
    od;
    atomic { old_sent = 0; old_taken = 0 }
}

/* channel.c, push: if (!mailbox_push(&channel->mailbox, message)) { ck_pr_dec_uint(&channel->sent); return CHANNEL_CLOSED; } */
/* mailbox.c, mailbox_push: if (bits_of(word) & CLOSED) return false; */
/* mailbox.c, mailbox_push: waitpoint_wake(&mailbox->arrival); */
inline push()
{
    if
    :: PUSH_BLINDLY && !closed_bit -> may_push = true
    :: else
    fi;
    if
    :: atomic {
           !closed_bit || may_push ->
           queued++;
           assert(queued + IN_HANDS <= capacity);
           acknowledged++
       }
       wake_one(ARRIVAL)
    :: atomic {
           closed_bit && !may_push ->
           sent = sent - (KEEP_RESERVATION -> 0 : 1);
           told_closed = true
       }
    fi
}

/* channel.c, channel_send: if (reserve(channel)) return push(channel, message); if (channel_is_closed(channel)) return CHANNEL_CLOSED; waited = wait_for_room(channel, deadline); */
/* channel.c, has_room: return channel_count(channel) < channel->capacity || channel_is_closed(channel); */
inline look_for_room()
{
    count_at();
    atomic {
        ready = old_sent - old_taken < capacity;
        old_sent = 0;
        old_taken = 0
    }
    if
    :: !ready && !ROOM_UNLESS_CLOSED -> ready = closed_bit
    :: else
    fi
}

/* Sends so many, or until it is told that the channel is closed. */
proctype sender(byte me; byte number; bool at_once; bool timed)
{
    byte old_sent, old_taken, sleeper;
    bool reserved, told_closed, may_push, ready, in_time = true;

    do
    :: number > 0 && !told_closed ->
        was_full = (sent - taken >= capacity);
        reserve();
        if
        :: reserved -> push(); number--
        :: !reserved && closed_bit -> told_closed = true
        :: !reserved && !closed_bit && at_once ->
            assert(was_full);
            break
        :: !reserved && !closed_bit && !at_once ->
            look_for_room();
            if
            :: ready
            :: !ready && !in_time -> break
            :: !ready && in_time ->
                enter(ROOM);
                if
                :: NO_ROOM_LOOK
                :: else -> look_for_room()
                fi;
                sender_waits[me] = true;
                if
                :: ready
                :: else ->
end_asleep:         if
                    :: woken[me]
                    :: timed -> in_time = false
                    fi
                fi;
                sender_waits[me] = false;
                leave(ROOM);
                if
                :: NO_LAST_LOOK && !in_time -> break
                :: else
                fi
            fi;
            ready = false
        fi;
        reserved = false
    :: else -> break
    od
}

/* ---- receivers ---- */

/* lockword.h, lockword_lock: !lockword_try_lock(word) */
inline lock()
{
    atomic { !receiving || NO_LOCK -> receiving = true }
}

/* channel.c, pop: struct message *message = mailbox_peek_owner(&channel->mailbox); */
/* channel.c, pop: ck_pr_store_uint(&channel->pops, channel->pops + 1); ck_pr_fence_store(); (void)mailbox_pop_owner(&channel->mailbox); */
/* channel.c, pop: ck_pr_store_uint(&channel->popped, channel->popped + 1); ck_pr_fence_store(); ck_pr_store_uint(&channel->pops, channel->pops + 1); */
inline pop()
{
    if
    :: atomic { NO_LOCK && queued > 0 -> got = true }
       atomic { assert(queued > 0); queued-- }
       popped++
    :: atomic {
           !NO_LOCK && queued > 0 ->
           assert(end_told == 0);
           turned = (turned == 0 -> queued : turned);
           pops = pops + (POPS_LATE -> 0 : 1);
           got = true
       }
       atomic { queued--; turned-- }
       atomic { popped++; pops = pops + (POPS_LATE -> 2 : 1) }
    :: queued == 0
    fi
}

/* channel.c, is_over: unsigned taken = ck_pr_load_uint(&channel->taken); ck_pr_fence_load(); return channel_is_closed(channel) && ck_pr_load_uint(&channel->popped) == taken; */
inline is_over()
{
    atomic { old_taken = taken; over = false }
    if
    :: closed_bit ->
        atomic {
            over = (popped == old_taken || OVER_TOO_EARLY);
            old_taken = 0
        }
    :: !closed_bit -> old_taken = 0
    fi
}

/* channel.c, channel_try_receive: lockword_lock(&channel->receiving); do { *message = pop(channel); } while (*message == NULL && (result = why_empty(channel)) == CHANNEL_OK); lockword_unlock_idle(&channel->receiving); */
/* channel.c, why_empty: if (!is_over(channel)) return CHANNEL_TIMEOUT; return mailbox_peek_owner(&channel->mailbox) == NULL ? CHANNEL_CLOSED : CHANNEL_OK; */
inline try_receive()
{
    lock();
    do
    :: pop();
       if
       :: got -> break
       :: else ->
           is_over();
           if
           :: over && (queued == 0 || NO_SECOND_LOOK) ->
               end_told++;
               at_end = true;
               break
           :: over && queued > 0 && !NO_SECOND_LOOK -> over = false
           :: !over -> break
           fi
       fi
    od;
    receiving = false
}

/* channel.c, channel_commit: commit(channel, 1); */
/* channel.c, commit: ck_pr_add_uint(&channel->taken, count); if (channel->capacity != 0) waitpoint_wake_some(&channel->room, count); ck_pr_fence_atomic_load(); if (ck_pr_load_uint(&channel->closed)) waitpoint_wake_all(&channel->mailbox.arrival); */
inline commit(count)
{
    if
    :: NO_COMMIT_FENCE -> seen_closed = closed
    :: else
    fi;
    if
    :: WAKE_FIRST -> wake_one(ROOM)
    :: else
    fi;
    taken = taken + count;
    if
    :: WAKE_FIRST || NO_ROOM_WAKE
    :: else ->
        left = (CLEAR_WAKES_ONE -> 1 : count);
        do
        :: left > 0 -> wake_one(ROOM); left--
        :: left == 0 -> break
        od
    fi;
    if
    :: NO_COMMIT_FENCE
    :: else -> seen_closed = closed
    fi;
    if
    :: seen_closed && !NO_LAST_WAKE -> wake_all(ARRIVAL)
    :: else
    fi;
    seen_closed = false
}

/* channel.c, channel_return: lockword_lock(&channel->receiving); mailbox_return_owner(&channel->mailbox, message); ck_pr_store_uint(&channel->popped, channel->popped - 1); lockword_unlock_idle(&channel->receiving); */
/* mailbox.c, mailbox_return_owner: ck_pr_store_ptr(&mailbox->ready, message); ck_pr_fence_memory(); waitpoint_wake(&mailbox->arrival); */
inline give_back()
{
    lock();
    atomic { assert(end_told == 0); queued++; turned++ }
    if
    :: NO_RETURN_WAKE
    :: else -> wake_one(ARRIVAL)
    fi;
    popped--;
    receiving = false
}

/* channel.c, channel_is_ready: pops = again; ck_pr_fence_load(); if (pops & 1 || mailbox_has_message(&channel->mailbox) || is_over(channel)) return true; ck_pr_fence_load(); again = ck_pr_load_uint(&channel->pops); } while (again != pops); */
/* mailbox.c, mailbox_has_message: if (youngest_in(word) != NULL || bits_of(word) & TURNING) return true; ck_pr_fence_load(); return ck_pr_load_ptr(&mailbox->ready) != NULL; */
inline look_for_arrival()
{
    do
    :: atomic { old_pops = pops; ready = (pops & 1) }
       if
       :: !ready -> ready = (queued > turned)
       :: else
       fi;
       if
       :: !ready -> ready = (turned > 0)
       :: else
       fi;
       if
       :: !ready ->
           is_over();
           atomic { ready = over; over = false }
       :: else
       fi;
       if
       :: atomic { !ready && old_pops != pops && !LOOK_ONCE -> old_pops = 0 }
       :: atomic { ready || old_pops == pops || LOOK_ONCE -> old_pops = 0; break }
       fi
    od
}

/* ---- a channel that is never empty ---- */

proctype keeper(byte me; byte number)
{
    byte old_sent, old_taken, sleeper, left;
    bool reserved, told_closed, may_push, got, over, at_end, seen_closed;

    do
    :: number > 0 ->
        reserve();
        push();
        try_receive();
        received++;
        commit(1);
        atomic { got = false; reserved = false; number-- }
    :: else -> break
    od
}

proctype looker()
{
    byte old_taken, old_pops;
    bool over, ready;

    look_for_arrival();
    assert(ready)
}

/* channel.c, channel_receive: result = channel_try_receive(channel, message); if (result != CHANNEL_TIMEOUT) return result; waited = wait_for_arrival(channel, deadline); */
/* Takes so many, or until the end; returns the first `returns` of them. */
proctype receiver(byte me; byte number; byte returns)
{
    byte old_taken, old_pops, sleeper, left;
    bool got, over, at_end, ready, seen_closed;

    do
    :: number > 0 && !at_end ->
        try_receive();
        atomic { over = false };
        if
        :: got && returns > 0 ->
            give_back();
            returns--;
            number--
        :: got && returns == 0 ->
            received++;
            commit(1);
            number--
        :: !got && !at_end ->
            look_for_arrival();
            if
            :: ready
            :: else ->
                enter(ARRIVAL);
                look_for_arrival();
                receiver_waits[me] = true;
                if
                :: ready
                :: else ->
end_asleep:         woken[me]
                fi;
                receiver_waits[me] = false;
                leave(ARRIVAL)
            fi;
            ready = false
        :: !got && at_end
        fi;
        got = false
    :: else -> break
    od
}

/* channel.c, take_all: lockword_lock(&channel->receiving); most = channel_count(channel); for (*count = 0; *count < most; ++*count) { *end = pop(channel); if (*end == NULL) break; */
/* channel.c, channel_clear: if (count > 0) commit(channel, count); */
proctype clearer()
{
    byte old_sent, old_taken, sleeper, left, most, count;
    bool got, seen_closed;

    lock();
    count_at();
    most = old_sent - old_taken;
    do
    :: count < most ->
        pop();
        if
        :: got -> got = false; count++
        :: else -> break
        fi
    :: count == most -> break
    od;
    receiving = false;
    if
    :: count > 0 -> dropped = dropped + count; commit(count)
    :: else
    fi
}

/* ---- the end ---- */

/* channel.c, channel_close: mailbox_close(&channel->mailbox); (void)ck_pr_fas_uint(&channel->closed, 1); */
/* channel.c, channel_close: waitpoint_wake_all(&channel->mailbox.arrival); waitpoint_wake_all(&channel->room); */
/* mailbox.c, mailbox_close: waitpoint_wake_all(&mailbox->arrival); */
proctype closer()
{
    byte sleeper;

    closed_bit = true;
    wake_all(ARRIVAL);
    closed = true;
    if
    :: CLOSE_WAKES_ONCE
    :: else -> wake_all(ARRIVAL)
    fi;
    if
    :: CLOSE_KEEPS_SENDERS
    :: else -> wake_all(ROOM)
    fi
}

/* ---- the scenarios ---- */

#ifdef LARGE
#define MORE 1
#else
#define MORE 0
#endif

init
{
    atomic {
        choose();
        capacity = 1 + MORE;
        if
        :: BOUNDED ->
            run sender(0, 1 + MORE, false, false);
            run sender(1, 1 + MORE, false, false);
            run receiver(2, 2 + 2 * MORE, 0)
        :: CLOSE ->
            run sender(0, 1 + MORE, false, false);
            run receiver(1, 9, 0);
            run receiver(2, 9, 0);
            run closer()
        :: CLOSE_FULL ->
            run sender(0, 2 + 2 * MORE, false, false);
            run sender(1, 1, false, false);
            run closer()
        :: RETURN ->
#ifdef LARGE
            run sender(0, 2, false, false);
#else
            queued = 1;
            turned = 1;
            sent = 1;
            acknowledged = 1;
#endif
            run receiver(1, 1 + MORE, 1);
            run receiver(2, 9, 0);
            run closer()
        :: CLEAR ->
            capacity = 2;
            queued = 2;
            sent = 2;
            acknowledged = 2;
            run sender(0, 1 + MORE, false, false);
            run sender(1, 1, false, false);
            run clearer()
        :: LOOK ->
            capacity = 2;
            queued = 1;
            turned = 1;
            sent = 1;
            acknowledged = 1;
            run keeper(0, 3 + MORE);
            run looker()
        :: TRY ->
            capacity = 2;
            run sender(0, 2 + MORE, false, false);
            run sender(1, 1, true, false);
            run receiver(2, 1, 0)
        :: DEADLINE ->
            queued = capacity;
            sent = capacity;
            acknowledged = capacity;
            run sender(0, 1, false, true);
            run sender(1, 1, false, false);
            run receiver(2, 1, 0)
        fi
    }
    timeout;
    atomic {
        good = acknowledged == received + dropped + queued;
        assert(good);
        good = popped == taken && sent - taken == queued;
        assert(good);
        good = !(sender_waits[0] && HAS_ROOM) && !(sender_waits[1] && HAS_ROOM);
        assert(good);
        good = !(receiver_waits[1] && (queued > 0 || OVER)) &&
               !(receiver_waits[2] && (queued > 0 || OVER));
        assert(good)
    }
}
