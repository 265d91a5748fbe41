/* SPDX-License-Identifier: MIT
 *
 * Memory of messages: it comes home to the thread that has made them, and no
 * two messages ever have the same.
 */
#include "message_pool.h"

#include "mailbox.h"
#include "message.h"
#include "support/by_hand.h"
#include "support/check.h"
#include "support/crowd.h"
#include "support/no_memory.h"
#include "support/step.h"
#include "support/stress.h"

/* More than a pool keeps. */
#define MANY 700

struct batch {
    struct message *messages[MANY];
    unsigned count;
};

static void make(struct batch *batch, unsigned count)
{
    for (batch->count = 0; batch->count < count; batch->count++)
        batch->messages[batch->count] = message_new();
}

static void *release_all(void *argument)
{
    struct batch *batch = argument;

    while (batch->count > 0)
        message_release(batch->messages[--batch->count]);
    return NULL;
}

/* In another thread, which then ends. */
static void release_elsewhere(struct batch *batch)
{
    check_join(check_start(release_all, batch));
}

static bool has(const struct batch *batch, const struct message *message)
{
    unsigned i;

    for (i = 0; i < batch->count; i++)
        if (batch->messages[i] == message)
            return true;
    return false;
}

static bool all_differ(const struct batch *batch)
{
    unsigned i, j;

    for (i = 0; i < batch->count; i++)
        for (j = 0; j < i; j++)
            if (batch->messages[j] == batch->messages[i])
                return false;
    return true;
}

/* Under a watchful allocator there is no pool. */
static bool there_is_a_pool(void)
{
    struct message *message = message_new();
    bool pool = message->home != NULL;

    message_release(message);
    if (!pool)
        check_skip("there is no pool");
    return pool;
}

/* ---- validation ---- */

static void messages_differ(void)
{
    struct batch batch;

    make(&batch, MANY);
    CHECK(all_differ(&batch), "each message has memory of its own");
    (void)release_all(&batch);
    make(&batch, MANY);
    CHECK(all_differ(&batch), "also when it has been used before");
    release_elsewhere(&batch);
    make(&batch, MANY);
    CHECK(all_differ(&batch), "and when it has been elsewhere");
    (void)release_all(&batch);
}

static void memory_is_used_again(void)
{
    struct batch first, second;

    make(&first, 100);
    second = first;
    (void)release_all(&first);
    first = second;
    make(&second, 100);
    for (; second.count > 0; second.count--) {
        CHECK(has(&first, second.messages[second.count - 1]),
              "memory that was given back is used again");
        message_release(second.messages[second.count - 1]);
    }
}

static void memory_comes_home(void)
{
    struct batch first, second;
    unsigned i, home = 0;

    make(&first, 90);
    second = first;
    release_elsewhere(&first);
    first = second;
    make(&second, MANY);
    for (i = 0; i < MANY; i++)
        home += has(&first, second.messages[i]);
    CHECK_NUMBER(home, 90, "all that another thread lets go comes home");
    (void)release_all(&second);
}

static void what_was_used_again_is_empty(void)
{
    struct message *message = message_new();

    (void)extend(message, MESSAGE_KEPT + 1);
    message->values = message->objects = message->label = 5;
    message->shared = true;
    message_release(message);
    message = message_new();
    CHECK(message->size == 0 && message->values == 0 && message->objects == 0 &&
              message->label == 0 && !message->shared &&
              message->bytes == message->small,
          "a message in used memory is empty");
    message_release(message);
}

static void a_buffer_of_middle_size_is_used_again(void)
{
    struct message *message = message_new();
    const unsigned char *bytes;

    (void)extend(message, 300);
    bytes = message->bytes;
    message_release(message);
    message = message_new();
    CHECK(message->size == 0, "a message in used memory has no bytes");
    if (!CHECK_SANITIZED)
        CHECK(message->bytes == bytes && message->capacity >= 300 &&
                  message->capacity <= MESSAGE_KEPT,
              "but the buffer it had");
    message_release(message);
}

static void *make_some(void *batch)
{
    make(batch, 100);
    return NULL;
}

/* Their home is there, or another thread's, or nobody's. */
static void messages_outlive_their_thread(void)
{
    struct batch batch;
    unsigned i;

    for (i = 0; i < 20; i++) {
        check_join(check_start(make_some, &batch));
        CHECK(all_differ(&batch), "messages outlive the thread they are from");
        if (i % 2 == 0)
            (void)release_all(&batch);
        else
            release_elsewhere(&batch);
    }
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "and can be let go");
}

/* As many as are on their way at a time, and the company they wait for. */
static void nothing_is_allocated_in_the_long_run(void)
{
    struct batch batch;
    unsigned i;

    make(&batch, MANY);
    (void)release_all(&batch);
    for (i = 0; i < 50; i++) {
        no_memory_from(1);
        make(&batch, 100);
        CHECK(!no_memory_end(), "in the long run no memory is allocated");
        release_elsewhere(&batch);
    }
}

static void pools(void)
{
    if (!there_is_a_pool())
        return;
    memory_is_used_again();
    memory_comes_home();
    if (no_memory_works())
        nothing_is_allocated_in_the_long_run();
}

/* More than a pool keeps. */
static void crowds_of_messages_come_and_go(void)
{
    static struct batch crowd[25];
    unsigned i;

    for (i = 0; i < 25; i++)
        make(&crowd[i], MANY);
    for (i = 0; i < 25; i++)
        (void)release_all(&crowd[i]);
    for (i = 0; i < 20; i++) {
        make(&crowd[0], MANY);
        release_elsewhere(&crowd[0]);
    }
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "crowds of messages go");
}

static void no_pool_keeps_all_of_a_crowd(void)
{
    static struct batch crowd[25];
    struct message *kept = NULL, *message;
    unsigned i, count = 0;

    for (i = 0; i < 25; i++)
        make(&crowd[i], MANY);
    for (i = 0; i < 25; i++)
        release_elsewhere(&crowd[i]);
    no_memory_from(1);
    for (; (message = message_new()) != NULL; count++) {
        message->next = kept;
        kept = message;
    }
    (void)no_memory_end();
    CHECK(count > 20 * MANY && count < 25 * MANY,
          "of what others let go only so much comes home");
    while ((message = kept) != NULL) {
        kept = message->next;
        message_release(message);
    }
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "and all of it goes");
}

/* ---- between two instructions ---- */

static struct batch coming_home, taken;

static void return_all(void *argument)
{
    (void)argument;
    release_elsewhere(&coming_home);
}

static void take_one(void *argument)
{
    (void)argument;
    make(&taken, 1);
}

/* The last ones of a hoard, which the owner has made to use up what its pool
 * had. */
static void part_with(struct batch *hoard, unsigned count)
{
    coming_home.count = count;
    hoard->count -= count;
    memcpy(coming_home.messages, hoard->messages + hoard->count,
           count * sizeof *hoard->messages);
}

static unsigned count_common(const struct batch *one, const struct batch *other)
{
    unsigned i, count = 0;

    for (i = 0; i < one->count; i++)
        count += has(other, one->messages[i]);
    return count;
}

/* Others give back while the owner finds that it has nothing left: in a thread
 * of its own, whose pool is empty at first. */
static void *come_home_once(void *tour)
{
    struct batch hoard, returned, rest;

    make(&hoard, MANY);
    part_with(&hoard, 70);
    returned = coming_home;
    step_meet(((struct step_tour *)tour)->n, take_one, return_all, NULL);
    make(&rest, 100);
    CHECK(all_differ(&rest) && count_common(&taken, &rest) == 0,
          "nothing comes home twice");
    if (hoard.messages[0]->home != NULL)
        CHECK_NUMBER(count_common(&taken, &returned) +
                         count_common(&rest, &returned),
                     70, "nothing is lost on its way");
    (void)release_all(&hoard);
    (void)release_all(&taken);
    (void)release_all(&rest);
    return NULL;
}

static void memory_can_come_home_at_any_time(void)
{
    struct step_tour tour;

    for (tour = step_tour("home"); step_on_tour(&tour);)
        check_join(check_start(come_home_once, &tour));
}

/* ---- stress ---- */

static struct mailbox boxes[CROWD];

/* Writes into a message what nobody else writes. */
static struct message *signed_message(struct guest *guest, unsigned round)
{
    struct message *message = message_new();

    message->objects = guest->number * 1000000 + round;
    message->values = ~message->objects;
    return message;
}

static void check_signature(struct message *message)
{
    if (message->values != ~message->objects)
        CHECK(false, "nobody writes into a message that another one has");
    message_release(message);
}

static void pass_around(struct guest *guest)
{
    struct message *message;
    unsigned i, rounds = STRESS_SCALED(1000);

    for (i = 0; i < rounds; i++) {
        if (random_one_in(&guest->random, 8)) {
            check_signature(signed_message(guest, i));
            continue;
        }
        (void)mailbox_push(&boxes[random_below(&guest->random, CROWD)],
                           signed_message(guest, i));
        if (random_one_in(&guest->random, 2) &&
            (message = mailbox_pop_owner(&boxes[guest->number])) != NULL)
            check_signature(message);
    }
    while ((message = mailbox_pop_owner(&boxes[guest->number])) != NULL)
        check_signature(message);
}

static void threads_pass_messages_around(void)
{
    struct stress s = stress_begin("around", 20);
    unsigned i;

    for (; stress_goes_on(&s); s.round++) {
        for (i = 0; i < CROWD; i++)
            mailbox_init(&boxes[i]);
        crowd_play(pass_around, &s.random);
        for (i = 0; i < CROWD; i++)
            mailbox_destroy(&boxes[i]);
        CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "every message is let go");
    }
}

static void all(void)
{
    (void)waiter_setup();
    check_part("messages differ", messages_differ);
    check_part("pools", pools);
    check_part("what was used again is empty", what_was_used_again_is_empty);
    check_part("a buffer of middle size is used again",
               a_buffer_of_middle_size_is_used_again);
    check_part("messages outlive their thread", messages_outlive_their_thread);
    check_part("crowds of messages come and go",
               crowds_of_messages_come_and_go);
    if (there_is_a_pool() && no_memory_works())
        check_part("no pool keeps all of a crowd",
                   no_pool_keeps_all_of_a_crowd);
    if (step_works())
        check_part("memory can come home at any time",
                   memory_can_come_home_at_any_time);
    check_part("threads pass messages around", threads_pass_messages_around);
}

int main(void)
{
    return check_program("message_pool", all);
}
