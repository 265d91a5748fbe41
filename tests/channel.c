/* SPDX-License-Identifier: MIT
 *
 * The channel: what its functions say.
 *
 * Selecting, descriptors and names have tests of their own.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/no_memory.h"
#include "support/one_channel.h"
#include "support/parcel.h"
#include "support/step.h"

/* ---- validation: messages ---- */

static void a_new_channel_is_open_and_empty(void)
{
    struct deadline soon = deadline_after(1);

    new_channel(3);
    CHECK(live_count(LIVE_HANDLES) == 1 && live_count(LIVE_MAILBOXES) == 1,
          "a channel is a handle with a mailbox");
    CHECK(channel->handle.class == &channel_class &&
              channel->handle.class->binding == &lua_channel_binding,
          "of the channels' kind");
    CHECK_TEXT(channel_class.name, "channel", "which users call so");
    CHECK(channel->capacity == 3 && channel->name == NULL, "without a name");
    CHECK(channel_count(channel) == 0 && !channel_is_closed(channel) &&
              !channel_is_ready(channel),
          "it is open and empty");
    CHECK(get() == NOTHING && look() == NOTHING &&
              get_within(&at_once) == NOTHING,
          "there is nothing at once");
    CHECK_NUMBER(get_within(&soon), NOTHING, "or soon");
    CHECK_NUMBER(channel_clear(channel), 0, "or to be dropped");
    drop_channel();
}

static void messages_come_in_order(void)
{
    new_channel(0);
    fill(3);
    CHECK_NUMBER(channel_count(channel), 3, "messages are counted");
    CHECK(channel_is_ready(channel), "and make a channel ready");
    CHECK(get() == 0 && get_within(&never) == 1, "the oldest comes first");
    CHECK(put(3) == CHANNEL_OK && put_within(4, &never) == CHANNEL_OK,
          "others can come meanwhile");
    CHECK(get_within(&at_once) == 2 && get() == 3 && get() == 4,
          "and come out after those");
    CHECK(get() == NOTHING && channel_count(channel) == 0 &&
              !channel_is_ready(channel),
          "each once");
    drop_channel();
}

static void a_bound_holds(uint64_t capacity)
{
    struct deadline soon = deadline_after(1);
    unsigned bound = (unsigned)capacity;

    new_channel(capacity);
    fill(bound);
    CHECK(put(bound) == CHANNEL_TIMEOUT &&
              put_within(bound, &soon) == CHANNEL_TIMEOUT,
          "a full channel takes nothing");
    CHECK_NUMBER(channel_count(channel), bound, "and is full as before");
    CHECK(get() == 0 && put(bound) == CHANNEL_OK && put(0) == CHANNEL_TIMEOUT,
          "a message that was taken leaves room for one");
    CHECK_NUMBER(channel_clear(channel), bound, "there are as many");
    fill(bound);
    CHECK_NUMBER(put(bound), CHANNEL_TIMEOUT, "a cleared channel takes again");
    drop_channel();
}

static void a_bounded_channel_takes_as_many(void)
{
    a_bound_holds(1);
    a_bound_holds(2);
    a_bound_holds(64);
    new_channel(UINT64_MAX);
    fill(100);
    CHECK_NUMBER(channel_count(channel), 100, "a bound can be out of reach");
    drop_channel();
}

static void a_look_takes_nothing(void)
{
    struct message *seen, *same, *taken;

    new_channel(2);
    fill(2);
    CHECK_NUMBER(channel_peek(channel, &seen), CHANNEL_OK,
                 "the oldest message is shown");
    CHECK_NUMBER(channel_peek(channel, &same), CHANNEL_OK,
                 "as often as one likes");
    CHECK(seen == same, "and stays the same");
    message_release(same);
    CHECK(channel_count(channel) == 2 && put(2) == CHANNEL_TIMEOUT,
          "which makes no room");
    CHECK(channel_try_receive(channel, &taken) == CHANNEL_OK && taken == seen,
          "it is the one that is taken next");
    channel_commit(channel);
    message_release(taken);
    CHECK_NUMBER(stamp_of(seen).number, 0, "but can still be read");
    message_release(seen);
    CHECK(look() == 1 && get() == 1, "the next one follows");
    drop_channel();
}

static void a_message_can_be_put_back(void)
{
    struct message *message;

    new_channel(3);
    fill(2);
    (void)channel_try_receive(channel, &message);
    channel_return(channel, message);
    CHECK_NUMBER(channel_count(channel), 2, "what is put back is counted");
    fill(1);
    CHECK_NUMBER(put(0), CHANNEL_TIMEOUT, "and takes up room");
    CHECK(get() == 0 && get() == 1 && get() == 0 && get() == NOTHING,
          "it comes out before the others");
    fill(1);
    (void)channel_receive(channel, &message, &at_once);
    channel_close(channel);
    channel_return(channel, message);
    CHECK(get() == 0 && get() == THE_END, "also if the channel was closed");
    drop_channel();
}

static void a_message_in_hands_is_not_gone(void)
{
    struct visitor receiver = {.sends = false};
    struct visitor sender = {.sends = true, .number = 1};

    new_channel_in_hands();
    CHECK(channel_count(channel) == 1 && put(1) == CHANNEL_TIMEOUT,
          "a message in hands keeps its room");
    CHECK(get() == NOTHING && look() == NOTHING && channel_clear(channel) == 0,
          "and is nobody else's");
    visitor_start(&receiver);
    channel_return(channel, in_hands);
    CHECK_NUMBER(visitor_end(&receiver), 0, "until it is put back");
    drop_channel();
    new_channel_in_hands();
    visitor_start(&sender);
    channel_commit(channel);
    CHECK_NUMBER(visitor_end(&sender), 1, "its room is free when it is gone");
    message_release(in_hands);
    drop_channel();
}

static void the_end_waits_for_what_is_in_hands(void)
{
    struct visitor visitors[2] = {{.sends = false}, {.sends = false}};

    new_channel_in_hands();
    visitor_start(&visitors[0]);
    channel_close(channel);
    CHECK(get() == NOTHING && look() == NOTHING &&
              get_within(&at_once) == NOTHING && !channel_is_ready(channel),
          "what is in hands may come back");
    channel_return(channel, in_hands);
    CHECK(visitor_end(&visitors[0]) == 0 && get() == THE_END,
          "and if it does it comes before the end");
    drop_channel();
    new_channel_in_hands();
    visitor_start(&visitors[0]);
    channel_close(channel);
    visitor_start(&visitors[1]);
    channel_commit(channel);
    CHECK(visitor_end(&visitors[0]) == THE_END &&
              visitor_end(&visitors[1]) == THE_END && get() == THE_END,
          "if it does not everybody is told of the end");
    message_release(in_hands);
    drop_channel();
}

static void what_is_cleared_is_gone(void)
{
    struct handle *handle = parcel_new(1);
    struct message *message = stamped(0, 5);
    uint32_t number;

    new_channel(0);
    fill(2);
    (void)look();
    (void)message_keep(message, handle, &number);
    (void)channel_send(channel, message, &never);
    CHECK_NUMBER(channel_clear(channel), 3, "what is queued can be dropped");
    CHECK(live_count(LIVE_MESSAGES) == 0 && parcel_holders(handle) == 1,
          "with all that it held");
    CHECK(channel_count(channel) == 0 && get() == NOTHING, "nothing is left");
    fill(2);
    channel_close(channel);
    CHECK(channel_clear(channel) == 2 && get() == THE_END,
          "a closed channel can be cleared");
    handle_release(handle);
    drop_channel();
}

/* ---- validation: the end ---- */

static void a_closed_channel_gives_what_it_has(void)
{
    new_channel(2);
    fill(1);
    channel_close(channel);
    CHECK(channel_is_closed(channel), "a channel can be closed");
    CHECK(put(1) == CHANNEL_CLOSED && put_within(1, &never) == CHANNEL_CLOSED,
          "then it takes nothing more");
    CHECK(channel_count(channel) == 1 && look() == 0 && get() == 0,
          "and gives what it has");
    CHECK(get() == THE_END && get_within(&never) == THE_END &&
              look() == THE_END && channel_is_ready(channel),
          "then everybody is told that it is the end");
    channel_close(channel);
    CHECK(channel_is_closed(channel) && get() == THE_END &&
              channel_count(channel) == 0,
          "it can be closed again");
    drop_channel();
    new_channel(1);
    fill(1);
    channel_close(channel);
    CHECK_NUMBER(put(1), CHANNEL_CLOSED, "closed comes before full");
    drop_channel();
}

static void a_channel_dies_with_its_last_reference(void)
{
    struct channel *inner;
    struct message *message = message_new();
    uint32_t number;

    new_channel(0);
    (void)channel_new(1, NULL, 0, &inner);
    (void)message_keep(message, &inner->handle, &number);
    handle_release(&inner->handle);
    (void)channel_send(inner, stamped(0, 0), &never);
    (void)channel_send(channel, message, &never);
    CHECK_NUMBER(live_count(LIVE_HANDLES), 2,
                 "a message keeps the channels in it alive");
    handle_retain(&channel->handle);
    handle_release(&channel->handle);
    CHECK_NUMBER(live_count(LIVE_HANDLES), 2,
                 "a channel lives while it is had");
    drop_channel();
}

static void *without_memory(void *argument)
{
    struct channel *none;
    unsigned long n;

    for (n = 1; n <= 2; n++) {
        no_memory_from(n);
        CHECK(channel_new(1, n == 1 ? NULL : "name", 4, &none) ==
                  CHANNEL_NO_MEMORY,
              "a channel needs memory");
        (void)no_memory_end();
    }
    fill(1);
    no_memory_from(1);
    CHECK(channel_receive(channel, argument, &never) == CHANNEL_OK,
          "receiving a message needs none");
    channel_commit(channel);
    message_release(*(struct message **)argument);
    CHECK(channel_receive(channel, argument, &never) == CHANNEL_NO_MEMORY,
          "waiting for one does");
    (void)no_memory_end();
    return NULL;
}

static void memory_may_run_out(void)
{
    struct message *message;

    if (!no_memory_works())
        return;
    new_channel(1);
    check_join(check_start(without_memory, &message));
    drop_channel();
}

static void every_wait_has_a_result(void)
{
    CHECK(channel_result_of(WAIT_READY) == CHANNEL_OK &&
              channel_result_of(WAIT_TIMEOUT) == CHANNEL_TIMEOUT &&
              channel_result_of(WAIT_INTERRUPTED) == CHANNEL_INTERRUPTED &&
              channel_result_of(WAIT_NO_MEMORY) == CHANNEL_NO_MEMORY,
          "the results of a wait are those of an operation");
}

/* ---- validation: what costs nothing ---- */

static void no_system_calls_without_need(void)
{
    unsigned long none;

    if (!step_works())
        return;
    new_channel(3);
    next = stamped(0, 0);
    none = step_count_system_calls(step_nothing, NULL);
    CHECK_NUMBER(step_count_system_calls(run_send, NULL), none,
                 "sending makes no system call if nobody waits");
    CHECK_NUMBER(step_count_system_calls(run_look, NULL), none,
                 "nor does looking");
    message_release(received);
    CHECK_NUMBER(step_count_system_calls(run_receive, NULL), none,
                 "nor does receiving");
    message_release(received);
    fill(3);
    CHECK_NUMBER(step_count_system_calls(run_clear, NULL), none,
                 "nor does clearing");
    CHECK_NUMBER(step_count_system_calls(run_close, NULL), none,
                 "nor does closing");
    drop_channel();
}

/* ---- validation: waiting ---- */

/* More than a waitpoint wakes at a time. */
#define MANY 20

static void one_message_wakes_one_receiver(void)
{
    struct visitor visitors[MANY] = {{.sends = false}};
    unsigned i;

    new_channel(2);
    for (i = 0; i < MANY; i++)
        visitor_start(&visitors[i]);
    for (i = 0; i < MANY; i++) {
        CHECK_NUMBER(put_within(i, &never), CHANNEL_OK, "a message is sent");
        CHECK_NUMBER(visitor_end(&visitors[i]), i,
                     "who has waited longest receives it");
        CHECK_EVENTUALLY(waiting(&visitors[i]) == MANY - 1 - i,
                         "the others wait on");
    }
    drop_channel();
}

static void start_senders(struct visitor *visitors)
{
    unsigned i;

    for (i = 0; i < MANY; i++) {
        visitors[i] = (struct visitor){.sends = true, .number = i + 1};
        visitor_start(&visitors[i]);
    }
}

static void room_wakes_as_many_senders(void)
{
    struct visitor visitors[MANY];
    unsigned i;

    new_channel(1);
    fill(1);
    start_senders(visitors);
    for (i = 0; i < MANY; i++) {
        CHECK_NUMBER(get(), i, "what was sent is received");
        CHECK_NUMBER(visitor_end(&visitors[i]), i + 1,
                     "then who has waited longest can send");
    }
    CHECK_NUMBER(get(), MANY, "the last one, too");
    drop_channel();
    new_channel(MANY);
    fill(MANY);
    start_senders(visitors);
    CHECK_NUMBER(channel_clear(channel), MANY, "clearing makes room");
    for (i = 0; i < MANY; i++)
        CHECK_NUMBER(visitor_end(&visitors[i]), i + 1, "for everybody");
    CHECK_NUMBER(channel_count(channel), MANY, "who sends then");
    drop_channel();
}

static void closing_wakes_all(void)
{
    struct visitor visitors[MANY];
    unsigned i;

    new_channel(1);
    fill(1);
    start_senders(visitors);
    channel_close(channel);
    for (i = 0; i < MANY; i++)
        CHECK_NUMBER(visitor_end(&visitors[i]), THE_END,
                     "nobody waits for room in a closed channel");
    CHECK(get() == 0 && get() == THE_END, "and nothing of theirs is in it");
    drop_channel();
    new_channel(1);
    for (i = 0; i < MANY; i++) {
        visitors[i] = (struct visitor){.sends = false};
        visitor_start(&visitors[i]);
    }
    channel_close(channel);
    for (i = 0; i < MANY; i++)
        CHECK_NUMBER(visitor_end(&visitors[i]), THE_END,
                     "nobody waits for a message that never comes");
    drop_channel();
}

static void interrupts_end_waits(void)
{
    struct visitor receiver = {.sends = false};
    struct visitor sender = {.sends = true, .number = 9};

    new_channel(1);
    visitor_start(&receiver);
    waiter_interrupt(receiver.thread.waiter, INTERRUPT_ONCE);
    CHECK_NUMBER(visitor_end(&receiver), -(int)CHANNEL_INTERRUPTED,
                 "who waits for a message can be interrupted");
    fill(1);
    visitor_start(&sender);
    waiter_interrupt(sender.thread.waiter, INTERRUPT_ONCE);
    CHECK_NUMBER(visitor_end(&sender), -(int)CHANNEL_INTERRUPTED,
                 "who waits for room can be interrupted");
    CHECK(get() == 0 && get() == NOTHING, "and has sent nothing");
    drop_channel();
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a new channel is open and empty",
               a_new_channel_is_open_and_empty);
    check_part("messages come in order", messages_come_in_order);
    check_part("a bounded channel takes as many",
               a_bounded_channel_takes_as_many);
    check_part("a look takes nothing", a_look_takes_nothing);
    check_part("a message can be put back", a_message_can_be_put_back);
    check_part("a message in hands is not gone",
               a_message_in_hands_is_not_gone);
    check_part("the end waits for what is in hands",
               the_end_waits_for_what_is_in_hands);
    check_part("what is cleared is gone", what_is_cleared_is_gone);
    check_part("a closed channel gives what it has",
               a_closed_channel_gives_what_it_has);
    check_part("a channel dies with its last reference",
               a_channel_dies_with_its_last_reference);
    check_part("memory may run out", memory_may_run_out);
    check_part("every wait has a result", every_wait_has_a_result);
    check_part("no system calls without need", no_system_calls_without_need);
    check_part("one message wakes one receiver",
               one_message_wakes_one_receiver);
    check_part("room wakes as many senders", room_wakes_as_many_senders);
    check_part("closing wakes all", closing_wakes_all);
    check_part("interrupts end waits", interrupts_end_waits);
}

int main(void)
{
    return check_program("channel", all);
}
