/* SPDX-License-Identifier: MIT
 *
 * The channel: what its functions say, what happens between any two of their
 * instructions, and whether the books balance when crowds use it.
 *
 * Selecting, descriptors and names have tests of their own.
 */
#include "channel.h"

#include "lockword.h"

#include "support/check.h"
#include "support/no_memory.h"
#include "support/parcel.h"
#include "support/stamps.h"
#include "support/step.h"
#include "support/stress.h"
#include "support/task.h"

static struct channel *channel;
static struct deadline never;
static const struct deadline at_once = {.kind = DEADLINE_AT_ONCE};

static void new_channel(uint64_t capacity)
{
    if (channel_new(capacity, NULL, 0, &channel) != CHANNEL_OK)
        abort();
}

static void drop_channel(void)
{
    handle_release(&channel->handle);
    CHECK(live_count(LIVE_HANDLES) == 0 && live_count(LIVE_MAILBOXES) == 0 &&
              live_count(LIVE_MESSAGES) == 0,
          "a channel leaves nothing behind");
}

/* ---- messages with numbers ---- */

static enum channel_result put_within(unsigned number,
                                      const struct deadline *deadline)
{
    struct message *message = stamped(0, number);
    enum channel_result result = channel_send(channel, message, deadline);

    if (result == CHANNEL_OK)
        return result;
    if (stamp_of(message).number != number)
        CHECK(false, "a refused message is still the sender's");
    message_release(message);
    return result;
}

static enum channel_result put(unsigned number)
{
    return put_within(number, &at_once);
}

/* Puts in as many, numbered from 0 on. */
static void fill(unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        if (put(i) != CHANNEL_OK)
            CHECK(false, "a message is accepted while there is room");
}

/* Instead of a number. */
#define NOTHING (-(int)CHANNEL_TIMEOUT)
#define THE_END (-(int)CHANNEL_CLOSED)

static int number_of(enum channel_result result, struct message *message)
{
    int number;

    if (result != CHANNEL_OK)
        return -(int)result;
    number = (int)stamp_of(message).number;
    message_release(message);
    return number;
}

static int get_within(const struct deadline *deadline)
{
    struct message *message = NULL;
    enum channel_result result = channel_receive(channel, &message, deadline);

    if (result == CHANNEL_OK)
        channel_commit(channel);
    return number_of(result, message);
}

static int get(void)
{
    struct message *message = NULL;
    enum channel_result result = channel_try_receive(channel, &message);

    if (result == CHANNEL_OK)
        channel_commit(channel);
    return number_of(result, message);
}

static int look(void)
{
    struct message *message = NULL;
    enum channel_result result = channel_peek(channel, &message);

    return number_of(result, message);
}

/* ---- threads that wait ---- */

struct visitor {
    bool sends;
    unsigned number;
    struct waiter *waiter;
    pthread_t thread;
    /* The kernel's number of the thread. */
    atomic_int task;
    atomic_bool ended;
    /* The number that was sent or received, or instead of one. */
    int got;
};

static void nudged(void *context)
{
    (void)context;
}

static void *visit(void *argument)
{
    struct visitor *visitor = argument;
    enum channel_result result;

    atomic_store(&visitor->task, task_self());
    (void)waiter_adopt(visitor->waiter);
    waiter_accept_interrupts(nudged, NULL);
    if (visitor->sends) {
        result = put_within(visitor->number, &never);
        visitor->got =
            result == CHANNEL_OK ? (int)visitor->number : -(int)result;
    } else {
        visitor->got = get_within(&never);
    }
    atomic_store(&visitor->ended, true);
    return NULL;
}

/* Whether a receiver is at it; who is stopped then holds others up. */
static bool is_locked(void)
{
    return ck_pr_load_uint(&channel->receiving) != 0;
}

static struct waitpoint *place_of(const struct visitor *visitor)
{
    return visitor->sends ? &channel->room : &channel->mailbox.arrival;
}

static unsigned waiting(const struct visitor *visitor)
{
    return ck_pr_load_uint(&place_of(visitor)->waiting);
}

/* Whether it can neither sleep nor go on, because who is stopped holds a
 * lock. */
static bool is_held_up(const struct visitor *visitor)
{
    return (ck_pr_load_uint(&place_of(visitor)->word) & LOCKWORD_HELD) ||
           (!visitor->sends && is_locked());
}

/* Returns when the thread sleeps, or has found that it need not. */
static void visitor_start(struct visitor *visitor)
{
    unsigned before = waiting(visitor);
    /* By another thread: later it may be by this one, in passing. */
    bool held_up = is_held_up(visitor);

    visitor->waiter = waiter_new();
    visitor->ended = false;
    visitor->task = 0;
    visitor->thread = check_start(visit, visitor);
    CHECK_EVENTUALLY(
        visitor->ended ||
            (waiting(visitor) > before && task_sleeps(visitor->task)) ||
            (held_up && is_held_up(visitor)),
        "another thread begins to wait");
}

static int visitor_end(struct visitor *visitor)
{
    CHECK_EVENTUALLY(visitor->ended, "who waits is not forgotten");
    if (!visitor->ended)
        channel_close(channel);
    check_join(visitor->thread);
    waiter_release(visitor->waiter);
    return visitor->got;
}

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

/* A message has been received, which may yet be put back. */
static struct message *in_hands;

static void new_channel_in_hands(void)
{
    new_channel(1);
    fill(1);
    (void)channel_try_receive(channel, &in_hands);
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

/* What is run, and what comes of it. Nothing here makes or frees messages:
 * these come from a pool of the thread, which is not made for being stopped in
 * the middle and used then by what plays another thread. */
static struct message *next, *received;
static enum channel_result sent, outcome;
static unsigned cleared;

static void run_send(void *argument)
{
    (void)argument;
    sent = channel_send(channel, next, &never);
}

static void run_receive(void *argument)
{
    (void)argument;
    outcome = channel_receive(channel, &received, &never);
    if (outcome == CHANNEL_OK)
        channel_commit(channel);
}

static void run_receive_hastily(void *argument)
{
    struct deadline soon = deadline_after(0.05);

    (void)argument;
    outcome = channel_receive(channel, &received, &soon);
    if (outcome == CHANNEL_OK)
        channel_commit(channel);
}

static void run_get(void *argument)
{
    (void)argument;
    outcome = channel_try_receive(channel, &received);
    if (outcome == CHANNEL_OK)
        channel_commit(channel);
}

static void run_look(void *argument)
{
    (void)argument;
    outcome = channel_peek(channel, &received);
}

static void run_clear(void *argument)
{
    (void)argument;
    cleared = channel_clear(channel);
}

static void run_close(void *argument)
{
    (void)argument;
    channel_close(channel);
}

static void run_return(void *argument)
{
    (void)argument;
    channel_return(channel, in_hands);
}

static void run_commit(void *argument)
{
    (void)argument;
    channel_commit(channel);
}

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
    waiter_interrupt(receiver.waiter, INTERRUPT_ONCE);
    CHECK_NUMBER(visitor_end(&receiver), -(int)CHANNEL_INTERRUPTED,
                 "who waits for a message can be interrupted");
    fill(1);
    visitor_start(&sender);
    waiter_interrupt(sender.waiter, INTERRUPT_ONCE);
    CHECK_NUMBER(visitor_end(&sender), -(int)CHANNEL_INTERRUPTED,
                 "who waits for room can be interrupted");
    CHECK(get() == 0 && get() == NOTHING, "and has sent nothing");
    drop_channel();
}

/* ---- between two instructions ---- */

/* What run() has received or seen. */
static int got;

/* run() is played again and again, each time between before() and after(), and
 * stopped in another place; stop() is what another thread does then. */
static void play(const char *name, void (*before)(void), void (*run)(void *),
                 void (*stop)(void *), void (*after)(void))
{
    struct step_tour tour;

    for (tour = step_tour(name); step_on_tour(&tour);) {
        before();
        outcome = CHANNEL_TIMEOUT;
        if (step_run(tour.n, run, stop, NULL) == STEP_NOT_STOPPED)
            stop(NULL);
        got = number_of(outcome, received);
        after();
        drop_channel();
    }
}

static struct visitor visitor;

static void receiver_comes(void *argument)
{
    (void)argument;
    visitor = (struct visitor){.sends = false};
    visitor_start(&visitor);
}

static void sender_comes(void *argument)
{
    (void)argument;
    visitor = (struct visitor){.sends = true, .number = 7};
    visitor_start(&visitor);
}

static void empty_channel(void)
{
    new_channel(1);
}

/* It has 0. */
static void full_channel(void)
{
    new_channel(1);
    fill(1);
}

/* It has 0, and 1 is to be sent. */
static void full_channel_for_one(void)
{
    full_channel();
    next = stamped(0, 1);
}

static void channel_with_room_for_one(void)
{
    new_channel(2);
    fill(1);
    next = stamped(0, 1);
}

static void channel_of_two(void)
{
    new_channel(3);
    fill(2);
}

/* A sender is stopped: others send, and receive what they have sent. */
static unsigned zeros;

static void first_message(void)
{
    new_channel(2);
    next = stamped(0, 0);
    zeros = 0;
}

static void send_and_receive(void *argument)
{
    int number;

    (void)argument;
    CHECK_NUMBER(put(1), CHANNEL_OK, "who is stopped holds up no sender");
    while ((number = get()) == 0)
        zeros++;
    CHECK_NUMBER(number, 1, "and hides nobody else's message");
}

static void the_first_message_is_sent_once(void)
{
    int left = get();

    if (left == 0)
        zeros++;
    CHECK(sent == CHANNEL_OK && zeros == 1, "its own message is sent, once");
    CHECK(left == NOTHING || get() == NOTHING, "and nothing else");
    CHECK_NUMBER(channel_count(channel), 0, "the count is right in the end");
}

static void a_sender_can_stop_at_any_time(void)
{
    play("sender", first_message, run_send, send_and_receive,
         the_first_message_is_sent_once);
}

/* A receiver is stopped: others send. */
static void send_two(void *argument)
{
    unsigned count;

    (void)argument;
    CHECK_NUMBER(put(2), CHANNEL_OK, "a stopped receiver holds up no sender");
    count = channel_count(channel);
    CHECK(count >= 2 && count <= 3, "the count is never far from right");
}

static void all_three_came_in_order(void)
{
    CHECK(got == 0 && get() == 1 && get() == 2 && get() == NOTHING,
          "messages come in order, each once");
    CHECK_NUMBER(channel_count(channel), 0, "the count is right in the end");
}

static void a_receiver_can_stop_at_any_time(void)
{
    play("receiver", channel_of_two, run_get, send_two,
         all_three_came_in_order);
}

/* A receiver falls asleep, where another one does so already. */
static void visited_channel(void)
{
    new_channel(2);
    receiver_comes(NULL);
}

static void send_four_and_five(void *argument)
{
    (void)argument;
    CHECK(put(4) == CHANNEL_OK && put(5) == CHANNEL_OK, "messages are sent");
}

static void four_and_five_were_received(void)
{
    int other = visitor_end(&visitor);

    CHECK((got == 4 && other == 5) || (got == 5 && other == 4),
          "messages reach who falls asleep, each another one");
    CHECK(get() == NOTHING && channel_count(channel) == 0, "once");
}

static void close_channel(void *argument)
{
    (void)argument;
    channel_close(channel);
}

/* A receiver gives up, and another one comes that does not. */
static void receiver_comes_and_four(void *argument)
{
    receiver_comes(argument);
    CHECK_NUMBER(put(4), CHANNEL_OK, "a message is sent");
}

static void four_was_received_by_one(void)
{
    if (got == 4)
        CHECK_NUMBER(put(4), CHANNEL_OK, "another one is sent");
    else
        CHECK_NUMBER(got, NOTHING, "who is in haste may get nothing");
    CHECK_NUMBER(visitor_end(&visitor), 4,
                 "who gives up leaves the message to the other");
    CHECK(get() == NOTHING && channel_count(channel) == 0, "and it comes once");
}

static void a_receiver_can_be_woken_at_any_time(void)
{
    play("messages", visited_channel, run_receive, send_four_and_five,
         four_and_five_were_received);
}

/* What comes before the sleep is played elsewhere; the rest is the last quarter
 * at most. */
static void a_receiver_can_give_up_at_any_time(void)
{
    struct step_tour tour;
    enum step_end end;

    for (tour = step_tour("haste"); step_on_tour(&tour);) {
        if (tour.stride > 0 && tour.n < tour.end / 4 * 3) {
            tour.n += tour.end / 4 * 3;
            tour.stride = (tour.stride + 3) / 4;
        }
        empty_channel();
        end = step_run_through(tour.n, run_receive_hastily,
                               receiver_comes_and_four, NULL);
        if (end == STEP_NOT_STOPPED)
            receiver_comes_and_four(NULL);
        got = number_of(outcome, received);
        four_was_received_by_one();
        drop_channel();
    }
}

/* A sender falls asleep. */
static void make_room(void *argument)
{
    (void)argument;
    CHECK_NUMBER(get(), 0, "the older message is received");
}

static void one_was_sent(void)
{
    CHECK(sent == CHANNEL_OK && channel_count(channel) == 1,
          "room is found by who falls asleep");
    CHECK(get() == 1 && get() == NOTHING, "and what was sent is received");
}

static void one_was_refused(void)
{
    CHECK_NUMBER(sent, CHANNEL_CLOSED, "closing reaches who waits for room");
    CHECK_NUMBER(stamp_of(next).number, 1, "whose message is still its own");
    message_release(next);
    CHECK(get() == 0 && get() == THE_END, "nothing of it was queued");
}

static void a_sender_can_be_woken_at_any_time(void)
{
    play("room", full_channel_for_one, run_send, make_room, one_was_sent);
    play("no room", full_channel_for_one, run_send, close_channel,
         one_was_refused);
}

/* A channel is closed while somebody uses it. */
static void one_is_in_or_not(void)
{
    unsigned count = channel_count(channel);

    CHECK_NUMBER(get(), 0, "what was there is there");
    if (sent == CHANNEL_OK) {
        CHECK(count == 2 && get() == 1, "what was accepted is there");
    } else {
        CHECK(sent == CHANNEL_CLOSED && count == 1, "what was not is not");
        message_release(next);
    }
    CHECK_NUMBER(get(), THE_END, "nothing comes after the end");
}

/* Somebody has seen the end while a sender was about to push. */
static void close_and_empty(void *argument)
{
    int number;

    (void)argument;
    channel_close(channel);
    CHECK_NUMBER(get(), 0, "what was there is there");
    number = get();
    zeros = number == 1;
    CHECK((number == 1 && get() == THE_END) || number == THE_END,
          "the end comes last");
}

static void one_came_before_the_end(void)
{
    CHECK(get() == THE_END && channel_count(channel) == 0,
          "the end is the end");
    if (sent == CHANNEL_OK) {
        CHECK_NUMBER(zeros, 1, "what was accepted came before it");
    } else {
        CHECK(sent == CHANNEL_CLOSED && zeros == 0, "what was not did not");
        message_release(next);
    }
}

static void send_five_and_close(void *argument)
{
    (void)argument;
    CHECK_NUMBER(put(5), CHANNEL_OK, "a message is sent before the end");
    channel_close(channel);
}

static void five_was_not_missed(void)
{
    CHECK(got == NOTHING || got == 5, "no end is told before the last message");
    CHECK(got == 5 || get() == 5, "which can be received");
    CHECK_NUMBER(get(), THE_END, "before the end comes");
}

static void five_was_seen_or_not(void)
{
    CHECK(got == NOTHING || got == 5,
          "no end is shown before the last message");
    got = NOTHING;
    five_was_not_missed();
}

static void send_next(void *argument)
{
    (void)argument;
    run_send(NULL);
}

static void a_channel_can_be_closed_at_any_time(void)
{
    play("close 1", channel_with_room_for_one, run_send, close_channel,
         one_is_in_or_not);
    play("close 2", channel_with_room_for_one, run_send, close_and_empty,
         one_came_before_the_end);
    play("close 3", channel_with_room_for_one, run_close, send_next,
         one_is_in_or_not);
    play("last 1", empty_channel, run_get, send_five_and_close,
         five_was_not_missed);
    play("last 2", empty_channel, run_look, send_five_and_close,
         five_was_seen_or_not);
}

/* Somebody comes to wait while another one makes it unnecessary. */
static void seven_was_sent(void)
{
    CHECK_NUMBER(visitor_end(&visitor), 7, "who comes late finds the room");
    CHECK(get() == 7 && get() == NOTHING && channel_count(channel) == 0,
          "and what it has sent is received");
}

static void both_were_received(void)
{
    int late = visitor_end(&visitor);

    CHECK((late == 0 && got == 1) || (late == 1 && got == 0),
          "who comes late receives what is left");
    CHECK(get() == NOTHING && channel_count(channel) == 0, "each once");
}

static void both_were_seen(void)
{
    CHECK_NUMBER(visitor_end(&visitor), 0, "who only looks takes from nobody");
    CHECK(got == 0 || got == 1, "and sees what is first");
    CHECK(get() == 1 && channel_count(channel) == 0, "the rest is left");
}

static void nobody_waits_at_the_end(void)
{
    CHECK_NUMBER(visitor_end(&visitor), THE_END, "who comes late is sent away");
}

static void who_comes_late_is_not_forgotten(void)
{
    play("late 1", full_channel, run_get, sender_comes, seven_was_sent);
    play("late 2", full_channel, run_clear, sender_comes, seven_was_sent);
    play("late 3", channel_of_two, run_get, receiver_comes, both_were_received);
    play("late 4", channel_of_two, run_look, receiver_comes, both_were_seen);
    play("late 5", empty_channel, run_close, receiver_comes,
         nobody_waits_at_the_end);
}

/* A message is being put back: another thread takes it, which is not possible
 * while the receivers' lock is held, and a sender comes. */
static int taken;

static void message_in_hands(void)
{
    new_channel_in_hands();
    taken = NOTHING;
}

static void take_if_possible(void *argument)
{
    (void)argument;
    if (!is_locked())
        taken = get();
}

static void take_and_send(void *argument)
{
    take_if_possible(argument);
    CHECK(channel_count(channel) <= 1, "nothing is counted that is not there");
    sender_comes(NULL);
}

static void zero_is_taken_and_seven_sent(void)
{
    CHECK(taken == 0 || get() == 0, "what is put back can be taken");
    CHECK_NUMBER(visitor_end(&visitor), 7, "and leaves its room to others");
    CHECK(get() == 7 && channel_count(channel) == 0,
          "the count is right in the end");
}

static void a_message_can_be_put_back_at_any_time(void)
{
    play("return", message_in_hands, run_return, take_and_send,
         zero_is_taken_and_seven_sent);
}

/* The last message of a closed channel is in hands, and others wait. */
static struct visitor second_visitor;

static void closed_in_hands(void)
{
    new_channel_in_hands();
    channel_close(channel);
}

static void visited_in_hands(void)
{
    new_channel_in_hands();
    receiver_comes(NULL);
    second_visitor = (struct visitor){.sends = false};
    visitor_start(&second_visitor);
}

static void commit_now(void *argument)
{
    (void)argument;
    channel_commit(channel);
}

static void the_end_has_come(void)
{
    CHECK(visitor_end(&visitor) == THE_END && get() == THE_END,
          "who waits for the last message is told of the end");
    message_release(in_hands);
}

static void the_end_has_come_for_all(void)
{
    CHECK_NUMBER(visitor_end(&second_visitor), THE_END,
                 "all who wait for the last message are told of the end");
    the_end_has_come();
}

static void the_end_can_come_at_any_time(void)
{
    play("commit", closed_in_hands, run_commit, receiver_comes,
         the_end_has_come);
    play("commit, close", visited_in_hands, run_commit, close_channel,
         the_end_has_come_for_all);
    play("close, commit", visited_in_hands, run_close, commit_now,
         the_end_has_come_for_all);
}

/* A message is being looked at: another thread takes and frees it. */
static void message_to_look_at(void)
{
    full_channel();
    taken = NOTHING;
}

static void zero_was_seen(void)
{
    CHECK(got == 0 || (got == NOTHING && taken == 0),
          "who looks can read what others take meanwhile");
}

static void a_message_can_be_taken_while_it_is_looked_at(void)
{
    play("look", message_to_look_at, run_look, take_if_possible, zero_was_seen);
}

/* Messages are being dropped: another thread takes one of them. */
static struct message *kept[2];

static void two_that_are_kept(void)
{
    unsigned i;

    new_channel(3);
    for (i = 0; i < 2; i++) {
        kept[i] = stamped(0, i);
        message_retain(kept[i]);
        (void)channel_send(channel, kept[i], &never);
    }
    taken = NOTHING;
    cleared = 0;
}

static void each_has_gone_once(void)
{
    unsigned i, left = channel_count(channel), sum = cleared + left;

    sum += taken != NOTHING;
    CHECK_NUMBER(sum, 2, "every message is taken, dropped or left");
    CHECK_NUMBER(channel_clear(channel), left, "the count is right in the end");
    for (i = 0; i < 2; i++) {
        CHECK_NUMBER(kept[i]->references.holders, 1, "nobody has it twice");
        message_release(kept[i]);
    }
}

static void messages_can_be_taken_while_they_are_dropped(void)
{
    play("clear", two_that_are_kept, run_clear, take_if_possible,
         each_has_gone_once);
}

/* An interrupt comes, with what was waited for. */
static struct waiter *own;

/* With somebody behind who is not interrupted. */
static void interrupt_and_send_four(void *argument)
{
    receiver_comes(argument);
    waiter_interrupt(own, INTERRUPT_ONCE);
    CHECK_NUMBER(put(4), CHANNEL_OK, "a message is sent");
}

static void four_was_received_or_left(void)
{
    waiter_interrupt(own, INTERRUPT_NONE);
    if (got == -(int)CHANNEL_INTERRUPTED)
        got = NOTHING;
    four_was_received_by_one();
}

static void *interrupt_at_any_time(void *argument)
{
    (void)waiter_adopt(own);
    waiter_accept_interrupts(nudged, NULL);
    play("interrupt", empty_channel, run_receive, interrupt_and_send_four,
         four_was_received_or_left);
    return argument;
}

static void an_interrupt_can_come_at_any_time(void)
{
    own = waiter_new();
    check_join(check_start(interrupt_at_any_time, NULL));
    waiter_release(own);
}

/* ---- crowds ---- */

#define PARTIES 8
#define MOST 400

/* How a round is played. */
struct crowd {
    unsigned senders, receivers, messages;
    uint64_t capacity;
    /* Receivers put messages back, or leave before the end; others clear and
     * interrupt; others close the channel in the middle of it all. */
    bool returns, leaves, disturbs, closes;
};

struct party {
    unsigned number;
    bool accepts;
    struct random random;
    struct waiter *waiter;
    pthread_t thread;
};

static struct crowd crowd;
static struct party senders[PARTIES], receivers[PARTIES];
static atomic_bool closing, over;

/* The book: what the sender of each message was told, and how often it was
 * received. */
static struct {
    enum channel_result told;
    atomic_uint seen;
} book[PARTIES][MOST];

static struct deadline any_deadline(struct random *random)
{
    switch (random_below(random, 3)) {
    case 0:
        return at_once;
    case 1:
        return deadline_after(random_below(random, 60) / 1e3);
    default:
        return never;
    }
}

static void check_result(const struct party *party, enum channel_result result,
                         const struct deadline *deadline)
{
    bool expected = result == CHANNEL_OK;

    if (result == CHANNEL_TIMEOUT)
        expected = deadline->kind != DEADLINE_NEVER;
    else if (result == CHANNEL_INTERRUPTED)
        expected = party->accepts && crowd.disturbs;
    else if (result == CHANNEL_CLOSED)
        expected = atomic_load(&closing);
    if (!expected)
        CHECK(false, "an operation ends for a reason");
}

static void check_count(void)
{
    uint64_t most = crowd.capacity;

    if (most == 0)
        most = crowd.senders * crowd.messages;
    if (channel_count(channel) > most)
        CHECK(false, "the count is never beyond the bound");
}

static void *send_messages(void *argument)
{
    struct party *party = argument;
    struct deadline deadline;
    enum channel_result result = CHANNEL_OK;
    struct message *message;
    bool closed;
    unsigned i;

    (void)waiter_adopt(party->waiter);
    if (party->accepts)
        waiter_accept_interrupts(nudged, NULL);
    for (i = 0; i < crowd.messages; i++) {
        deadline = any_deadline(&party->random);
        message = stamped(party->number, i);
        closed = result == CHANNEL_CLOSED;
        result = channel_send(channel, message, &deadline);
        book[party->number][i].told = result;
        check_result(party, result, &deadline);
        if (result != CHANNEL_OK)
            message_release(message);
        if (closed && result != CHANNEL_CLOSED)
            CHECK(false, "a closed channel stays closed");
        if (result == CHANNEL_TIMEOUT && crowd.capacity == 0)
            CHECK(false, "a channel without bound has always room");
        check_count();
        if (random_one_in(&party->random, 4))
            random_pause(&party->random);
    }
    return NULL;
}

/* Notes down that it was received. `expected` is the receiver's: the least
 * number that may come from each sender. */
static void note(struct message *message, unsigned *expected)
{
    struct stamp stamp = stamp_of(message);

    if (stamp.sender >= PARTIES || stamp.number >= MOST) {
        CHECK(false, "a message is received as it was sent");
    } else {
        if (stamp.number < expected[stamp.sender] &&
            !(crowd.returns && crowd.receivers > 1))
            CHECK(false, "messages of one sender come in order");
        expected[stamp.sender] = stamp.number + 1;
        atomic_fetch_add(&book[stamp.sender][stamp.number].seen, 1);
    }
    channel_commit(channel);
    message_release(message);
}

static enum channel_result receive_one(struct party *party,
                                       struct message **message)
{
    struct deadline deadline = any_deadline(&party->random);
    enum channel_result result;

    if (deadline.kind == DEADLINE_AT_ONCE && random_one_in(&party->random, 2))
        result = channel_try_receive(channel, message);
    else
        result = channel_receive(channel, message, &deadline);
    check_result(party, result, &deadline);
    return result;
}

static void *receive_messages(void *argument)
{
    struct party *party = argument;
    unsigned expected[PARTIES] = {0};
    enum channel_result result = CHANNEL_OK;
    struct message *message;

    (void)waiter_adopt(party->waiter);
    if (party->accepts)
        waiter_accept_interrupts(nudged, NULL);
    while (!(crowd.leaves && atomic_load(&over))) {
        result = receive_one(party, &message);
        if (result == CHANNEL_CLOSED)
            break;
        if (result != CHANNEL_OK)
            continue;
        if (crowd.returns && random_one_in(&party->random, 3))
            channel_return(channel, message);
        else
            note(message, expected);
    }
    if (result == CHANNEL_CLOSED && !(get() == THE_END && look() == THE_END &&
                                      get_within(&never) == THE_END))
        CHECK(false, "the end is the end for everybody");
    return NULL;
}

/* ---- crowds: who disturbs ---- */

static void interrupt_somebody(struct random *random)
{
    struct party *party =
        random_one_in(random, 2)
            ? &senders[random_below(random, crowd.senders)]
            : &receivers[random_below(random, crowd.receivers)];

    waiter_interrupt(party->waiter, INTERRUPT_ONCE);
}

static void look_at_one(void)
{
    struct message *message;
    enum channel_result result = channel_peek(channel, &message);

    if (result != CHANNEL_OK) {
        if (result != CHANNEL_TIMEOUT &&
            !(result == CHANNEL_CLOSED && atomic_load(&closing)))
            CHECK(false, "a look shows a message, nothing or the end");
        return;
    }
    if (stamp_of(message).sender >= crowd.senders ||
        stamp_of(message).number >= crowd.messages)
        CHECK(false, "a look shows a message as it was sent");
    message_release(message);
}

static void *disturb(void *argument)
{
    struct random *random = argument;

    cleared = 0;
    while (!atomic_load(&over)) {
        check_count();
        look_at_one();
        if (crowd.disturbs && random_one_in(random, 2))
            interrupt_somebody(random);
        if (crowd.disturbs && random_one_in(random, 20))
            cleared += channel_clear(channel);
        if (crowd.closes && random_one_in(random, 200)) {
            atomic_store(&closing, true);
            channel_close(channel);
        }
        random_pause(random);
        sched_yield();
    }
    return NULL;
}

/* ---- crowds: the round ---- */

static void start_parties(struct party *parties, unsigned count,
                          void *(*function)(void *), struct random *random)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        parties[i].number = i;
        parties[i].accepts = random_one_in(random, 2);
        parties[i].random = random_split(random);
        parties[i].waiter = waiter_new();
    }
    for (i = 0; i < count; i++)
        parties[i].thread = check_start(function, &parties[i]);
}

static void join_parties(struct party *parties, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        check_join(parties[i].thread);
}

static void balance_book(void)
{
    unsigned expected[PARTIES] = {0}, i, j, seen, unseen = 0;
    struct message *message;

    while (channel_try_receive(channel, &message) == CHANNEL_OK)
        note(message, expected);
    for (i = 0; i < crowd.senders; i++)
        for (j = 0; j < crowd.messages; j++) {
            seen = atomic_load(&book[i][j].seen);
            if (book[i][j].told != CHANNEL_OK && seen > 0)
                CHECK(false, "what was refused is received by nobody");
            if (seen > 1)
                CHECK(false, "no message is received twice");
            unseen += book[i][j].told == CHANNEL_OK && seen == 0;
        }
    CHECK_NUMBER(unseen, cleared,
                 "what was accepted is received, or was cleared");
    CHECK_NUMBER(channel_count(channel), 0, "nothing is counted in the end");
}

static void finish_crowd(pthread_t disturber)
{
    unsigned i;

    join_parties(senders, crowd.senders);
    if (crowd.leaves)
        atomic_store(&over, true);
    atomic_store(&closing, true);
    channel_close(channel);
    join_parties(receivers, crowd.receivers);
    atomic_store(&over, true);
    check_join(disturber);
    for (i = 0; i < crowd.senders; i++)
        waiter_release(senders[i].waiter);
    for (i = 0; i < crowd.receivers; i++)
        waiter_release(receivers[i].waiter);
}

static void play_crowd(struct random *random)
{
    static const uint64_t capacities[] = {0, 1, 7, 64};
    struct random disturbance = random_split(random);
    pthread_t disturber;

    crowd.senders = 1 + random_below(random, PARTIES);
    crowd.receivers = 1 + random_below(random, PARTIES);
    crowd.messages = STRESS_SCALED(1 + random_below(random, MOST - 50));
    crowd.capacity = capacities[random_below(random, 4)];
    crowd.leaves = random_one_in(random, 3);
    memset(book, 0, sizeof book);
    closing = over = false;
    new_channel(crowd.capacity);
    start_parties(receivers, crowd.receivers, receive_messages, random);
    start_parties(senders, crowd.senders, send_messages, random);
    disturber = check_start(disturb, &disturbance);
    finish_crowd(disturber);
    balance_book();
    drop_channel();
}

static void play_crowds(const char *name, struct crowd kind)
{
    struct stress s = stress_begin(name, 40);

    crowd = kind;
    for (; stress_goes_on(&s); s.round++)
        play_crowd(&s.random);
}

static void the_books_of_crowds_balance(void)
{
    play_crowds("crowd", (struct crowd){.returns = false});
    play_crowds("disturbed", (struct crowd){.disturbs = true});
    play_crowds("returning", (struct crowd){.returns = true});
    play_crowds(
        "closed",
        (struct crowd){.closes = true, .disturbs = true, .returns = true});
}

/* Each sends before it receives: so there is always something for everybody,
 * also while another one is at it. */
#define GROUP 4

static void *send_before_receiving(void *argument)
{
    struct random *random = argument;
    unsigned i;

    for (i = 0; i < STRESS_SCALED(1000); i++) {
        if (put(i) != CHANNEL_OK)
            CHECK(false, "there is room for everybody");
        if (random_one_in(random, 4))
            random_pause(random);
        if (channel_count(channel) == 0 || channel_count(channel) > GROUP)
            CHECK(false, "the count is right at any time");
        if (look() < 0)
            CHECK(false, "there is something to be seen at once");
        if ((random_one_in(random, 2) ? get() : get_within(&at_once)) < 0)
            CHECK(false, "there is something to be received at once");
    }
    return NULL;
}

static void nothing_is_there_only_if_nothing_is(void)
{
    struct stress s = stress_begin("group", 20);
    struct random randoms[GROUP];
    pthread_t threads[GROUP];
    unsigned i;

    for (; stress_goes_on(&s); s.round++) {
        new_channel(s.round % 2 == 0 ? 0 : GROUP);
        for (i = 0; i < GROUP; i++) {
            randoms[i] = random_split(&s.random);
            threads[i] = check_start(send_before_receiving, &randoms[i]);
        }
        for (i = 0; i < GROUP; i++)
            check_join(threads[i]);
        CHECK(get() == NOTHING && channel_count(channel) == 0,
              "each has received one for each it has sent");
        drop_channel();
    }
}

static void all(void)
{
    (void)waiter_setup();
    never = deadline_never();
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
    if (step_works()) {
        check_part("a sender can stop at any time",
                   a_sender_can_stop_at_any_time);
        check_part("a receiver can stop at any time",
                   a_receiver_can_stop_at_any_time);
        check_part("a receiver can be woken at any time",
                   a_receiver_can_be_woken_at_any_time);
        check_part("a receiver can give up at any time",
                   a_receiver_can_give_up_at_any_time);
        check_part("a sender can be woken at any time",
                   a_sender_can_be_woken_at_any_time);
        check_part("a channel can be closed at any time",
                   a_channel_can_be_closed_at_any_time);
        check_part("who comes late is not forgotten",
                   who_comes_late_is_not_forgotten);
        check_part("a message can be put back at any time",
                   a_message_can_be_put_back_at_any_time);
        check_part("the end can come at any time",
                   the_end_can_come_at_any_time);
        check_part("a message can be taken while it is looked at",
                   a_message_can_be_taken_while_it_is_looked_at);
        check_part("messages can be taken while they are dropped",
                   messages_can_be_taken_while_they_are_dropped);
        check_part("an interrupt can come at any time",
                   an_interrupt_can_come_at_any_time);
    }
    check_part("the books of crowds balance", the_books_of_crowds_balance);
    check_part("nothing is there only if nothing is",
               nothing_is_there_only_if_nothing_is);
}

int main(void)
{
    return check_program("channel", all);
}
