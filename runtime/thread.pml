/* SPDX-License-Identifier: MIT
 *
 * Model of runtime/thread.c, with what runtime/lua_thread.c and
 * runtime/lua_child.c do with it: one parent, one child, from the start to the
 * end of both.
 *
 * Properties: code that never ends by itself is ended by an interrupt; a join
 * is never missed, and finds the result. Nobody touches the structure when it
 * is gone, and it goes; the operating system thread is joined or detached
 * once, and not nudged after that.
 *
 * Order in memory: what the parent's interrupt and the child's result are
 * stored with is a plain store. It waits in a buffer of the processor until a
 * full fence, or until memory happens to take it, whatever is stored later;
 * atomic operations do not empty the buffer (on aarch64 they do not). A load
 * that may be carried out early is the mistake NO_FENCE_RUNNING.
 *
 * Sleep and wake at `finish` are one step each here: waitpoint.pml has them in
 * detail, and shows too that an interrupt reaches a thread that waits.
 *
 * Not modelled: interrupts that are permanent, or taken back; a coroutine that
 * has a hook of its own; several parents (there are none); waits in
 * vain (deadlock.pml).
 *
 * scenario JOIN: attached; the parent joins, perhaps not in time
 * scenario INTERRUPT: attached; the child's code ends by an interrupt only
 * scenario JOINED: attached; the parent interrupts when it has joined
 * scenario DETACHED: detached; the parent interrupts, and lets go
 * scenario BOTH: detached, but joinable; the parent interrupts, perhaps joins
 * scenario REFUSED: the operating system refuses the first start
 *
 * mistake NO_FENCE_INTERRUPT in INTERRUPT: looks at the state without a fence
 * mistake NO_FENCE_RUNNING in INTERRUPT: looks at the word before RUNNING
 * mistake NO_LOOK in INTERRUPT: does not look at the word
 * mistake NO_NUDGE in INTERRUPT: sets the word only
 * mistake ACCEPT_LATE in INTERRUPT: is RUNNING before it can be nudged
 * mistake NUDGE_BLINDLY in JOINED: nudges what has been joined
 * mistake NUDGE_DETACHED in DETACHED: nudges what has been detached
 * mistake FINISHED_LATE in JOIN: wakes first, then is FINISHED
 * mistake RESULT_LATE in JOIN: is FINISHED first, then leaves the result
 * mistake NO_FENCE_FINISHED in JOIN: FINISHED overtakes the result
 * mistake NO_REAP in JOIN: lets go without having joined the OS thread
 * mistake LET_GO_EARLY in BOTH: gives its reference back, then wakes
 * mistake NO_REFERENCE in DETACHED: the child's reference is taken too late
 * mistake DETACH_TWICE in DETACHED: forgets that it has detached
 * mistake NO_DETACH in BOTH: lets go without detaching
 * mistake KEEP_REFERENCE in REFUSED: the child that never was keeps its own
 */
#include "../tests/models/choice.pml"

#define NEW 0
#define STARTED 1
#define RUNNING 2
#define FINISHED 3
#define JOINED_STATE 4

/* struct thread. */
byte state;
byte references = 1;
bool outbox;
bool detached, joinable, released;
bool gone;

/* The waitpoint `finish`. */
bool waits, woken;

/* The child's waiter, and its hook. */
bool word, accepts, hook;

/* The operating system's. */
bool created, ended, os_joined, os_detached, signalled;

/* Stores that are in the buffers of the processors. */
bool word_stored, result_stored;

#define NO_MORE_STEPS (ended || !created)
#define TOUCH assert(!gone)

/* Memory takes what is stored, and the kernel delivers signals. */
/* osthread.c, handle_signal: if (!from_us || !on_nudge()) */
/* waiter.c, waiter_nudged: nudged(waiter->context); */
active proctype environment()
{
end_environment:
    do
    :: atomic { word_stored -> word_stored = false; word = true }
    :: atomic { result_stored -> result_stored = false; outbox = true }
    :: atomic {
           signalled ->
           signalled = false;
           if
           :: accepts -> hook = true
           :: else
           fi
       }
    od
}

/* thread.c, let_go: if (refcount_give(&thread->references)) destroy(thread); */
inline let_go()
{
    atomic {
        TOUCH;
        references--;
        if
        :: references == 0 -> gone = true
        :: else
        fi
    }
}

/* ---- the child ---- */

/* thread.c, move_to: ck_pr_fence_memory(); (void)ck_pr_fas_uint(&thread->state, state); ck_pr_fence_memory(); */
/* thread.c, thread_accept_interrupts: waiter_accept_interrupts(nudged, context); move_to(thread, THREAD_RUNNING); if (waiter_is_interrupted(thread->waiter)) nudged(context); */
inline accept_interrupts()
{
    if
    :: NO_FENCE_RUNNING -> looked = word
    :: else
    fi;
    if
    :: ACCEPT_LATE
    :: else -> accepts = true
    fi;
    atomic { TOUCH; state = RUNNING }
    if
    :: NO_LOOK
    :: atomic { NO_FENCE_RUNNING && looked -> hook = true }
    :: atomic { !NO_LOOK && !NO_FENCE_RUNNING && word -> hook = true }
    :: atomic { NO_FENCE_RUNNING && !looked }
    :: atomic { !NO_LOOK && !NO_FENCE_RUNNING && !word }
    fi;
    accepts = true
}

/* lua_interrupt.c, call_hook: give_back_hook(L, interrupt); if (!waiter_take_interrupt()) return; */
/* waiter.c, waiter_take_interrupt: ck_pr_cas_uint(&waiter->interrupt, INTERRUPT_ONCE, INTERRUPT_NONE); return true; */
inline run_code()
{
    do
    :: atomic { hook -> hook = false }
       if
       :: atomic { word -> word = false; break }
       :: else
       fi
    :: !INTERRUPT -> break
    od
}

/* lua_child.c, lua_child_run: if (thread_settle(thread)) */
/* lua_child.c, call_chunk: lua_interrupt_begin(&child->home->interrupt, L, child->thread); status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1); lua_interrupt_end(&child->home->interrupt); */
/* lua_child.c, finish: if (thread_keeps_to_itself(child->thread)) */
/* lua_child.c, finish: (void)mailbox_push(&child->thread->outbox, child->message); */
/* thread.c, child_main: thread->body(thread); ... move_to(thread, THREAD_FINISHED); waitpoint_wake(&thread->finish); ... let_go(thread); */
inline wake()
{
    atomic {
        TOUCH;
        if
        :: waits -> woken = true
        :: else
        fi
    }
}

proctype child()
{
    bool looked;

    TOUCH;
    accept_interrupts();
    run_code();
    atomic { accepts = false; looked = false; TOUCH }
    if
    :: detached || !joinable || RESULT_LATE
    :: else -> result_stored = true
    fi;
    if
    :: FINISHED_LATE -> wake()
    :: LET_GO_EARLY -> let_go()
    :: else
    fi;
    if
    :: NO_FENCE_FINISHED
    :: !result_stored
    fi;
    atomic { TOUCH; state = FINISHED }
    if
    :: RESULT_LATE -> result_stored = true
    :: else
    fi;
    if
    :: FINISHED_LATE
    :: else -> wake()
    fi;
    if
    :: LET_GO_EARLY
    :: else -> let_go()
    fi;
    ended = true
}

/* ---- the parent ---- */

/* thread.c, thread_start: refcount_take(&thread->references); ... move_to(thread, THREAD_STARTED); error = osthread_start(&thread->os, child_main, thread); */
/* thread.c, thread_start: move_to(thread, THREAD_NEW); ... thread->detached = thread->joinable = false; (void)refcount_give(&thread->references); */
/* thread.c, thread_start: if (detached && !joinable) { osthread_detach(&thread->os); thread->released = true; } */
inline start(refused, detach, join)
{
    atomic {
        assert(state == NEW);
        detached = detach;
        joinable = join;
        references = references + (NO_REFERENCE -> 0 : 1)
    }
    state = STARTED;
    if
    :: refused ->
        state = NEW;
        atomic {
            detached = false;
            joinable = false;
            references = references - (KEEP_REFERENCE -> 0 : 1)
        }
    :: else ->
        atomic { created = true; run child() }
        atomic {
            TOUCH;
            references = references + (NO_REFERENCE -> 1 : 0)
        }
        if
        :: detach && !join ->
            detach_thread();
            released = !DETACH_TWICE
        :: else
        fi
    fi
}

inline detach_thread()
{
    atomic {
        TOUCH;
        assert(created && !os_joined && !os_detached);
        os_detached = true
    }
}

/* thread.c, thread_interrupt: if (thread_state(thread) >= THREAD_FINISHED || thread->released) return; */
/* thread.c, thread_interrupt: waiter_interrupt(thread->waiter, mode); ck_pr_fence_memory(); if (mode != INTERRUPT_NONE && thread_state(thread) == THREAD_RUNNING) osthread_nudge(&thread->os); */
inline interrupt()
{
    TOUCH;
    if
    :: (state >= FINISHED || released && !NUDGE_DETACHED) && !NUDGE_BLINDLY
    :: else ->
        word_stored = true;
        if
        :: NO_FENCE_INTERRUPT
        :: !word_stored
        fi;
        if
        :: atomic {
               (state == RUNNING || NUDGE_BLINDLY) && !NO_NUDGE
           }
           atomic {
               TOUCH;
               assert(created && !os_joined && !os_detached);
               signalled = true
           }
        :: atomic {
               !((state == RUNNING || NUDGE_BLINDLY) && !NO_NUDGE)
           }
        fi
    fi
}

/* thread.c, thread_reap: if (thread->released) return; osthread_join(&thread->os); thread->released = true; */
inline reap(forgotten)
{
    if
    :: released || forgotten
    :: else ->
        atomic {
            ended ->
            TOUCH;
            assert(!os_joined && !os_detached);
            os_joined = true;
            released = true
        }
    fi
}

/* thread.c, thread_wait: if (deadline->kind != DEADLINE_NEVER || waiter_accepts_interrupts()) return waitpoint_wait_for(&end, deadline); thread_reap(thread); return WAIT_READY; */
inline wait()
{
    if
    :: in_time = true;
       reap(false)
    :: atomic {
           TOUCH;
           waits = true;
           in_time = state >= FINISHED
       }
       if
       :: in_time
       :: else ->
           if
           :: atomic { woken -> in_time = true }
           :: waits = false; in_time = (state >= FINISHED)
           fi
       fi;
       atomic { TOUCH; waits = false; woken = false }
       assert(!in_time || state >= FINISHED)
    fi
}

/* lua_thread.c, finish_join: thread_reap(thread); ... if (thread_keeps_to_itself(thread)) */
/* lua_thread.c, collect_results: struct message *message = mailbox_peek_owner(outbox); */
/* lua_thread.c, finish_join: thread_set_joined(thread); ... lua_child_close_estate(thread); */
inline join()
{
    wait();
    if
    :: !in_time
    :: else ->
        reap(NO_REAP);
        TOUCH;
        assert(detached || !joinable || outbox);
        state = JOINED_STATE
    fi;
    in_time = false
}

/* lua_thread.c, thread_collect: if (thread_state(thread) != THREAD_NEW && !thread->detached) thread_reap_last(thread, lua_is_closing(L)); ... lua_child_close_estate(thread); thread_release(thread); */
/* thread.c, thread_release: if (thread->detached && !thread->released) osthread_detach(&thread->os); ... let_go(thread); */
inline collect()
{
    if
    :: state != NEW && !detached -> reap(NO_REAP)
    :: else
    fi;
    if
    :: detached && !released && !NO_DETACH -> detach_thread()
    :: else
    fi;
    let_go()
}

active proctype parent()
{
    bool in_time;

    atomic {
        choose();
        assert(scenario > 0)
    }
    if
    :: JOIN ->
        start(false, false, true);
        join()
    :: INTERRUPT ->
        start(false, false, true);
        interrupt()
    :: JOINED ->
        start(false, false, true);
        join();
        interrupt()
    :: DETACHED ->
        start(false, true, false);
        interrupt()
    :: BOTH ->
        start(false, true, true);
        interrupt();
        if
        :: join()
        :: true
        fi
    :: REFUSED ->
        start(true, false, false);
        if
        :: start(false, false, true);
           join()
        :: true
        fi
    fi;
    collect();
    timeout;
    assert(gone);
    assert(NO_MORE_STEPS);
    assert(!created || os_joined || os_detached)
}
