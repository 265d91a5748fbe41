/* SPDX-License-Identifier: MIT
 *
 * Model of runtime/mailbox.c: senders push, receivers take turns at being the
 * owner, and those who find nothing sleep.
 *
 * Properties: the messages of a sender come in order, each once and whole; no
 * push succeeds after the mailbox has been closed. When nothing moves any more
 * nobody sleeps while there is a message, or never will be one.
 *
 * Order in memory: what a sender writes into a message, and the owner into
 * `ready`, is written by plain stores. Each waits in a buffer until a fence
 * that concerns it, or until memory happens to take it, whatever is stored
 * later; atomic operations do not empty the buffer. A load that may be carried
 * out early is the mistake LOOK_READY_FIRST.
 *
 * Sleep and wake keep their order (enter the list, look, sleep unless woken
 * since), but what waitpoint.pml shows of them is one step each.
 *
 * scenario SEND: one sends two, two receive one each; with the large bound
 *   another one is sent by another, and received
 * scenario RETURN: of two that receive one message one returns it, and leaves
 * scenario CLOSE: one sends two, one closes, one receives until the end
 *
 * mistake NO_TURNING in SEND: nothing shows that a batch is being turned
 * mistake SHOW_LATE in SEND: clears the bit, then shows the batch
 * mistake NO_FENCE_SHOW in SEND: the cleared bit overtakes the batch
 * mistake LOOK_READY_FIRST in SEND: looks at `ready`, then at the word
 * mistake NO_FENCE_PUSH in SEND: the message overtakes what is in it
 * mistake NO_REVERSE in SEND: hands out the youngest first
 * mistake PUSH_BLINDLY in SEND: stores the word without comparing
 * mistake TAKE_BLINDLY in SEND: loads the word, then stores an empty one
 * mistake NO_FENCE_RETURN in RETURN: looks for waiters before `ready` is seen
 * mistake NO_RETURN_WAKE in RETURN: what is returned wakes nobody
 * mistake TAKE_OPENS in CLOSE: the swap that takes a batch loses `closed`
 * mistake CLOSE_BLINDLY in CLOSE: closes without comparing
 * mistake NO_CLOSE_WAKE in CLOSE: the end wakes nobody
 */
#include "../tests/models/choice.pml"

#define MESSAGES 6
#define RECEIVERS 2

/* Messages are numbers; 0 is none. Odd ones are one sender's, even ones the
 * other's. */
byte next[MESSAGES + 1];
bool whole[MESSAGES + 1], stored[MESSAGES + 1];

/* The word `incoming`, and what the owner shows. */
byte incoming;
bool closed, turning;
byte ready;
bool ready_stored;
byte ready_value;

/* Whose turn it is, and the waitpoint. */
bool held;
chan list = [RECEIVERS] of { byte };
bool woken[RECEIVERS], waits[RECEIVERS];

/* For the properties. */
byte last[2];
byte pushed, received;
bool was_closed;
bool good;

#define READY_OF_OWNER (ready_stored -> ready_value : ready)
#define SHOULD_WAKE \
    (incoming > 0 || ready > 0 || closed)

active proctype memory()
{
    byte i;

end_memory:
    do
    :: atomic { ready_stored -> ready_stored = false; ready = ready_value }
    :: atomic { stored[1] -> stored[1] = false; whole[1] = true }
    :: atomic { stored[2] -> stored[2] = false; whole[2] = true }
    :: atomic { stored[3] -> stored[3] = false; whole[3] = true }
    od
}

inline store_ready(value)
{
    atomic { ready_stored = true; ready_value = value }
}

inline wake_one()
{
    atomic {
        if
        :: len(list) > 0 ->
            list ? sleeper;
            woken[sleeper] = true;
            sleeper = 0
        :: else
        fi
    }
}

/* ---- any thread ---- */

/* mailbox.c, mailbox_push: if (bits_of(word) & CLOSED) return false; message->next = youngest_in(word); */
/* mailbox.c, mailbox_push: ck_pr_fence_release(); } while (!ck_pr_cas_ptr_value(&mailbox->incoming, word, word_of(message, bits_of(word)), &word)); waitpoint_wake(&mailbox->arrival); */
proctype sender(byte message; byte number)
{
    byte word, sleeper;
    bool refused;

    do
    :: number > 0 && !refused ->
        stored[message] = true;
        if
        :: NO_FENCE_PUSH
        :: !stored[message]
        fi;
        word = incoming;
        do
        :: atomic { closed -> refused = true; break }
        :: atomic {
               !closed && (incoming == word || PUSH_BLINDLY) ->
               assert(!was_closed);
               next[message] = word;
               incoming = message;
               pushed++;
               break
           }
        :: atomic {
               !closed && incoming != word && !PUSH_BLINDLY ->
               word = incoming
           }
        od;
        if
        :: refused
        :: else -> wake_one()
        fi;
        message = message + 2;
        number--
    :: else -> break
    od
}

/* mailbox.c, mailbox_close: while (!(bits_of(word) & CLOSED) && !ck_pr_cas_ptr_value(&mailbox->incoming, word, word_of(word, CLOSED), &word)) ; waitpoint_wake_all(&mailbox->arrival); */
proctype closer()
{
    byte sleeper, word;

    word = incoming;
    atomic {
        closed = true;
        was_closed = true;
        if
        :: CLOSE_BLINDLY -> incoming = word
        :: else
        fi
    }
    if
    :: NO_CLOSE_WAKE
    :: else -> wake_one(); wake_one()
    fi
}

/* mailbox.c, mailbox_has_message: void *word = ck_pr_load_ptr(&mailbox->incoming); if (youngest_in(word) != NULL || bits_of(word) & TURNING) return true; ck_pr_fence_load(); return ck_pr_load_ptr(&mailbox->ready) != NULL; */
/* by_hand.h, has_message_or_end: return mailbox_has_message(mailbox) || mailbox_is_closed(mailbox); */
inline look()
{
    if
    :: LOOK_READY_FIRST ->
        found = ready > 0;
        found = found || incoming > 0 || turning
    :: else ->
        found = incoming > 0 || turning;
        if
        :: !found -> found = ready > 0
        :: else
        fi
    fi;
    if
    :: !found -> found = closed
    :: else
    fi
}

/* ---- the owner ---- */

/* mailbox.c, take_batch: while (youngest_in(word) != NULL && !ck_pr_cas_ptr_value(&mailbox->incoming, word, word_of(NULL, bits_of(word) | TURNING), &word)) ; */
inline take_batch()
{
    if
    :: TAKE_BLINDLY ->
        batch = incoming;
        atomic { turning = batch > 0; incoming = 0 }
    :: else ->
        atomic {
            batch = incoming;
            incoming = 0;
            turning = batch > 0 && !NO_TURNING;
            closed = closed && !(TAKE_OPENS && batch > 0)
        }
    fi
}

/* mailbox.c, reversed: next = youngest->next; ... youngest->next = oldest; oldest = youngest; */
inline reverse()
{
    atomic {
        do
        :: batch > 0 && !NO_REVERSE ->
            message = next[batch];
            next[batch] = oldest;
            oldest = batch;
            batch = message
        :: batch > 0 && NO_REVERSE -> oldest = batch; batch = 0
        :: batch == 0 -> break
        od;
        message = 0
    }
}

/* mailbox.c, show_batch: ck_pr_store_ptr(&mailbox->ready, oldest); ck_pr_fence_release(); */
/* mailbox.c, show_batch: word_of(youngest_in(word), bits_of(word) & ~TURNING), &word)) */
inline show_batch()
{
    if
    :: SHOW_LATE -> turning = false
    :: else
    fi;
    store_ready(oldest);
    if
    :: NO_FENCE_SHOW
    :: !ready_stored
    fi;
    turning = false;
    oldest = 0
}

/* mailbox.c, mailbox_peek_owner: struct message *oldest = mailbox->ready; if (oldest != NULL || (oldest = take_batch(mailbox)) == NULL) return oldest; oldest = reversed(oldest); show_batch(mailbox, oldest); */
/* mailbox.c, mailbox_pop_owner: if (message != NULL) ck_pr_store_ptr(&mailbox->ready, message->next); */
inline pop()
{
    if
    :: READY_OF_OWNER > 0
    :: else ->
        take_batch();
        if
        :: batch > 0 -> reverse(); show_batch()
        :: else
        fi
    fi;
    message = READY_OF_OWNER;
    if
    :: message > 0 -> store_ready(next[message])
    :: else
    fi
}

/* lockword.h, lockword_unlock_idle: ck_pr_fence_unlock(); ck_pr_store_uint(word, 0); */
inline unlock()
{
    !ready_stored;
    held = false
}

/* mailbox.c, mailbox_return_owner: message->next = mailbox->ready; ck_pr_store_ptr(&mailbox->ready, message); ck_pr_fence_memory(); waitpoint_wake(&mailbox->arrival); */
inline give_back()
{
    atomic { !held -> held = true }
    next[message] = READY_OF_OWNER;
    store_ready(message);
    if
    :: NO_FENCE_RETURN
    :: !ready_stored
    fi;
    if
    :: NO_RETURN_WAKE
    :: else -> wake_one()
    fi;
    unlock()
}

inline check_message()
{
    atomic {
        good = whole[message];
        assert(good);
        good = last[message % 2] < message;
        assert(good);
        last[message % 2] = message;
        received++
    }
}

/* by_hand.h, wait_at_mailbox: return wait_at(&mailbox->arrival, has_message_or_end, mailbox, deadline); */
/* Takes so many, or until the end; or returns the first, and leaves. */
proctype receiver(byte me; byte number; bool returns)
{
    byte message, batch, oldest, sleeper;
    bool found, at_end;

    do
    :: number > 0 && !at_end ->
        atomic { !held -> held = true }
        at_end = closed;
        pop();
        if
        :: message > 0 && !returns -> check_message(); number--
        :: else
        fi;
        unlock();
        if
        :: message > 0 && returns -> give_back(); number = 0
        :: message > 0 && !returns
        :: message == 0 && !at_end ->
            look();
            if
            :: found
            :: else ->
                atomic { woken[me] = false; list ! me }
                look();
                waits[me] = true;
                if
                :: found
                :: else ->
end_asleep:         woken[me]
                fi;
                waits[me] = false;
                atomic {
                    if
                    :: list ?? [eval(me)] -> list ?? eval(me)
                    :: else
                    fi
                }
            fi;
            found = false
        :: message == 0 && at_end
        fi;
        at_end = at_end && message == 0;
        message = 0
    :: else -> break
    od
}

init
{
    atomic {
        choose();
        if
        :: SEND ->
            run sender(1, 2);
            run receiver(0, 1, false);
#ifdef LARGE
            run sender(2, 1);
            run receiver(1, 2, false)
#else
            run receiver(1, 1, false)
#endif
        :: RETURN ->
            run sender(1, 1);
            run receiver(0, 1, true);
            run receiver(1, 1, false)
        :: CLOSE ->
            run sender(1, 2);
            run receiver(0, 9, false);
            run closer()
#ifdef LARGE
            ;
            run sender(2, 1);
            run receiver(1, 9, false)
#endif
        fi
    }
    timeout;
    atomic {
        good = !(waits[0] && SHOULD_WAKE) && !(waits[1] && SHOULD_WAKE);
        assert(good);
        good = received <= pushed && (RETURN || received == pushed);
        assert(good)
    }
}
