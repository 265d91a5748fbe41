#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutants.sh SOURCE OUT: plants bugs that the explorer must find. Each is a file
# of the engine with one change, OUT/NAME/file.c. Fails if the text that is to
# be changed is not there, once: then the code has moved on, and the bug must be
# planted in another way.
#
# Without arguments: the names, with the file, and which scenarios (--only) are
# searched for it.
set -eu
source=${1-}
out=${2-}

# mutant NAME FILE ONLY: the change comes from standard input, as lines of the
# original, a line "====", and the lines that take their place.
mutant() {
  cat > "${TMPDIR:-/tmp}/mutant.$$"
  if [ -z "$source" ]; then
    echo "$1 $2 $3"
    return
  fi
  mkdir -p "$out/$1"
  awk -v change="${TMPDIR:-/tmp}/mutant.$$" '
    BEGIN {
      while ((getline line < change) > 0)
        if (line == "====") after = 1
        else if (after) new = new line "\n"
        else old = old line "\n"
    }
    { text = text $0 "\n" }
    END {
      at = index(text, old)
      rest = substr(text, at + length(old))
      if (at == 0 || old == "" || index(rest, old) != 0) exit 1
      printf "%s%s%s", substr(text, 1, at - 1), new, rest
    }' "$source/$2" > "$out/$1/${2##*/}" || {
    echo "mutants.sh: $1: the text to be changed is not in $2, once:" >&2
    sed '/^====$/,$d' "${TMPDIR:-/tmp}/mutant.$$" >&2
    exit 1
  }
}
trap 'rm -f "${TMPDIR:-/tmp}/mutant.$$"' EXIT

# ---- going to sleep and waking ----

# The thing that came before the thread was in the list is missed.
mutant no_second_look runtime/waitpoint.c channel. <<'END'
    if (find_ready(things, count, 0) == count)
        in_time = waiter_sleep(set->waiter, snapshot, deadline);
====
    in_time = waiter_sleep(set->waiter, snapshot, deadline);
END

# The two parts of a mailbox are looked at one after the other, and a message
# gets from the one past the other.
mutant pop_overlooked channels/channel.c channel.never_empty <<'END'
    } while (again != pops);
====
    } while (false);
END

# The same; the count is odd too late.
mutant pop_noted_late channels/channel.c channel.never_empty <<'END'
    ck_pr_store_uint(&channel->pops, channel->pops + 1);
    ck_pr_fence_store();
    (void)mailbox_pop_owner(&channel->mailbox);
====
    (void)mailbox_pop_owner(&channel->mailbox);
    ck_pr_store_uint(&channel->pops, channel->pops + 1);
    ck_pr_fence_store();
END

# The wake-up that came between look and snapshot is slept over.
mutant late_snapshot runtime/waitpoint.c channel. <<'END'
    if (find_ready(things, count, 0) == count)
        in_time = waiter_sleep(set->waiter, snapshot, deadline);
====
    if (find_ready(things, count, 0) == count) {
        snapshot = waiter_snapshot(set->waiter);
        in_time = waiter_sleep(set->waiter, snapshot, deadline);
    }
END

# Who waits is woken before there is a message.
mutant wake_before_push runtime/mailbox.c channel. <<'END'
    } while (!ck_pr_cas_ptr_value(&mailbox->incoming, word,
                                  word_of(message, bits_of(word)), &word));
    waitpoint_wake(&mailbox->arrival);
    return true;
====
        waitpoint_wake(&mailbox->arrival);
    } while (!ck_pr_cas_ptr_value(&mailbox->incoming, word,
                                  word_of(message, bits_of(word)), &word));
    return true;
END

# The same for those who wait for room.
mutant wake_before_room channels/channel.c channel. <<'END'
    ck_pr_add_uint(&channel->taken, count);
    if (channel->capacity != 0)
        waitpoint_wake_some(&channel->room, count);
====
    if (channel->capacity != 0)
        waitpoint_wake_some(&channel->room, count);
    ck_pr_add_uint(&channel->taken, count);
END

# The message put back is still in the store buffer when the list is looked at.
mutant no_fence_after_return runtime/mailbox.c returned <<'END'
    ck_pr_store_ptr(&mailbox->ready, message);
    ck_pr_fence_memory();
    waitpoint_wake(&mailbox->arrival);
====
    ck_pr_store_ptr(&mailbox->ready, message);
    waitpoint_wake(&mailbox->arrival);
END

# Woken for one thing, busy with another.
mutant no_pass_on runtime/waitpoint.c select. <<'END'
    if (woken->ready(woken->thing))
        waitpoint_wake(woken->point);
====
    (void)woken;
END

# Two wakers take the same thread for theirs, and the next sleeps on.
mutant claimed_twice runtime/waitpoint.c select. <<'END'
    if (ck_pr_cas_uint(&node->set->woken, 0, node->number + 1)) {
====
    ck_pr_store_uint(&node->set->woken, node->number + 1);
    {
END

# A thread is woken after it may be gone.
mutant woken_without_reference runtime/waitpoint.c channel. <<'END'
        waiter = node->set->waiter;
        waiter_retain(waiter);
====
        waiter = node->set->waiter;
END

# What has been left while the lock was held is forgotten.
mutant work_forgotten runtime/waitpoint.c channel. <<'END'
    while (!lockword_try_unlock(&point->word, &word)) {
        if (!ck_pr_cas_uint(&point->word, word, LOCKWORD_HELD))
            continue;
====
    while (!lockword_try_unlock(&point->word, &word)) {
        ck_pr_store_uint(&point->word, 0);
        return false;
END

# ---- the queue ----

# While a batch is turned around, nothing shows that it is there.
mutant batch_out_of_sight runtime/mailbox.c channel. <<'END'
                                word_of(NULL, bits_of(word) | TURNING), &word))
====
                                word_of(NULL, bits_of(word)), &word))
END

# The end comes while somebody has a message in hands.
mutant end_before_commit channels/channel.c hands <<'END'
    return channel_is_closed(channel) &&
           ck_pr_load_uint(&channel->popped) == taken;
====
    (void)taken;
    return channel_is_closed(channel);
END

# Nobody tells those who wait for the end that it has come.
mutant end_unannounced channels/channel.c hands <<'END'
    if (ck_pr_load_uint(&channel->closed))
        waitpoint_wake_all(&channel->mailbox.arrival);
====
END

# Two senders take the same room.
mutant room_taken_twice channels/channel.c channel. <<'END'
    } while (!ck_pr_cas_uint(&channel->sent, sent, sent + 1));
    return true;
====
    } while (sent + 1 == 0);
    ck_pr_store_uint(&channel->sent, sent + 1);
    return true;
END

# Both counters, read at different moments.
mutant count_of_two_moments channels/channel.c count <<'END'
    } while (again != taken);
====
    } while (again == taken + 1000000);
END

# ---- references ----

# A count that is not atomic.
mutant plain_count runtime/handle.c reference. <<'END'
    refcount_take(&handle->references);
====
    ck_pr_store_uint(&handle->references.holders,
                     ck_pr_load_uint(&handle->references.holders) + 1);
END

# A name brings a channel back to life that is being destroyed.
mutant found_though_dead channels/name.c name. <<'END'
    if (entry != NULL && handle_retain_if_alive(&(*entry)->handle))
        channel = *entry;
====
    if (entry != NULL) {
        channel = *entry;
        handle_retain(&channel->handle);
    }
END

# ---- threads ----

# Whoever waits for the end is woken before it has come.
mutant finished_too_late runtime/thread.c thread. <<'END'
    move_to(thread, THREAD_FINISHED);
    waitpoint_wake(&thread->finish);
====
    waitpoint_wake(&thread->finish);
    move_to(thread, THREAD_FINISHED);
END

# The child lets go while it still needs the thread.
mutant let_go_too_early runtime/thread.c thread. <<'END'
    waitpoint_wake(&thread->finish);
    party_rest(&thread->party);
    deadlock_notice_end(&thread->party);
    let_go(thread);
====
    let_go(thread);
    waitpoint_wake(&thread->finish);
    party_rest(&thread->party);
    deadlock_notice_end(&thread->party);
END

# An interrupt that comes before the child runs is noticed by nobody.
mutant interrupt_missed runtime/thread.c thread. <<'END'
    if (waiter_is_interrupted(thread->waiter))
        nudged(context);
====
END

# ---- the descriptor ----

# Who opens it second makes another one.
mutant opened_twice channels/pollable.c descriptor. <<'END'
    lockword_lock(&pollable->word);
    if (pollable->descriptor == 0) {
====
    lockword_lock(&pollable->word);
    {
        ck_pr_store_int(&pollable->descriptor, 0);
    }
    if (pollable->descriptor == 0) {
END

# A message that is put back does not show.
mutant return_not_shown channels/channel.c descriptor. <<'END'
    ck_pr_store_uint(&channel->popped, channel->popped - 1);
    lockword_unlock_idle(&channel->receiving);
    changed(channel);
====
    ck_pr_store_uint(&channel->popped, channel->popped - 1);
    lockword_unlock_idle(&channel->receiving);
END

# What has been changed while the descriptor was written to is not shown.
mutant change_unseen channels/pollable.c descriptor. <<'END'
        shown = ck_pr_load_uint(&pollable->shown);
    } while (shown != done);
====
    } while (shown != done);
END

# The condition has changed between the look at it and what is to be shown.
mutant stale_condition channels/pollable.c descriptor. <<'END'
        ck_pr_fence_memory();
        wanted = condition(thing);
    }
====
    }
END

# The condition changed before there was a descriptor to show it.
mutant opened_unseen channels/pollable.c descriptor. <<'END'
    ck_pr_fence_memory();
    agree(pollable, condition, thing);
    return ck_pr_load_int(&pollable->descriptor) - 1;
====
    (void)condition;
    (void)thing;
    return ck_pr_load_int(&pollable->descriptor) - 1;
END

# ---- waits that nobody can end ----

# Somebody else has a reference, and may still send.
mutant reference_overlooked runtime/deadlock_search.c deadlock. <<'END'
            handle->exposed_in = search;
            any = true;
====
            any = false;
END

# Who goes to sleep before anybody watches is never looked at.
mutant sleepers_unknown runtime/deadlock.c deadlock. <<'END'
    waiter_wake_unnoted();
    enter(&blocked);
====
    enter(&blocked);
END

# The last reference elsewhere is given back, and nobody looks.
mutant release_unnoticed runtime/handle.c deadlock. <<'END'
        deadlock_notice();
        return;
====
        return;
END

# A message that has come is not seen by who closes its channel.
mutant arrival_overlooked runtime/deadlock_search.c deadlock. <<'END'
    return thing->ready(thing->thing);
====
    return false;
END

# An interrupt that has come is not seen.
mutant interrupt_overlooked runtime/deadlock_search.c deadlock.interrupted <<'END'
    if (blocked->interruptible && waiter_is_interrupted(blocked->waiter))
        return true;
====
END

# Who can find a channel by its name may still send.
mutant name_overlooked runtime/deadlock_search.c deadlock. <<'END'
           (handle->findable && !all_inert);
====
           (handle->findable && !all_inert && false);
END

# What lies in a channel that only the stuck have is not counted.
mutant queue_overlooked runtime/deadlock_search.c deadlock. <<'END'
        if (handle->exposed_in != search && handle->class->each_within != NULL)
====
        if (handle->exposed_in == search && handle->class->each_within != NULL)
END

# What lies in the mailboxes of a thread that has ended is not counted.
mutant outbox_overlooked runtime/deadlock_search.c deadlock. <<'END'
        mailbox_each_handle_owner(party->outbox, count_handle);
====
END

# Who comes to rest looks whether somebody watches before the others can see
# that it rests.
mutant rest_in_store_buffer runtime/deadlock.c to_rest <<'END'
    ck_pr_fence_memory();
    if (!deadlock_is_watched())
        return;
    party_lock();
====
    if (!deadlock_is_watched())
        return;
    party_lock();
END

# ---- messages ----

# Two readers let go at the same time, and none is the last.
mutant no_last_reader runtime/message.c reference. <<'END'
    if (!refcount_is_sole(&message->references) &&
        !refcount_give(&message->references))
        return;
====
    unsigned holders = ck_pr_load_uint(&message->references.holders);

    ck_pr_store_uint(&message->references.holders, holders - 1);
    if (holders > 1)
        return;
END
