/* SPDX-License-Identifier: MIT
 *
 * Receiving from whichever of several channels has a message: which one it is,
 * and who is woken for it.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/many_channels.h"
#include "support/no_memory.h"
#include "support/step.h"

/* ---- validation ---- */

static void nothing_may_come_in_time(void)
{
    struct deadline soon = deadline_after(1);

    new_channels(FEW);
    CHECK(choose(in_order, FEW, 0, &at_once).result == CHANNEL_TIMEOUT,
          "there is nothing at once");
    CHECK(choose(in_order, FEW, 1, &soon).result == CHANNEL_TIMEOUT, "or soon");
    CHECK(choose(in_order, 0, 0, &at_once).result == CHANNEL_TIMEOUT,
          "nothing ever comes from no channel");
    soon = deadline_after(1);
    CHECK(choose(in_order, 0, 0, &soon).result == CHANNEL_TIMEOUT,
          "however long one waits");
    drop_channels();
}

/* Every choice of channels with messages, from each start. */
static void the_first_from_the_start_is_chosen(void)
{
    unsigned ready, start, expected, i;

    for (ready = 1; ready < 16; ready++)
        for (start = 0; start < 2 * FEW; start++) {
            new_channels(FEW);
            for (i = 0; i < FEW; i++)
                if (ready >> i & 1) {
                    put(i, start);
                    put(i, start + 1);
                }
            for (expected = start % FEW; !(ready >> expected & 1);)
                expected = (expected + 1) % FEW;
            CHECK(chose(choose(in_order, FEW, start, &never), expected,
                        (int)start),
                  "the oldest message of the first channel is chosen");
            for (i = 0; i < FEW; i++)
                CHECK_NUMBER(channel_count(channels[i]),
                             (ready >> i & 1) * 2 - (i == expected),
                             "and no other is touched");
            drop_channels();
        }
}

static void an_end_is_chosen_like_a_message(void)
{
    struct message *message;

    new_channels(FEW);
    put(1, 7);
    channel_close(channels[1]);
    CHECK(chose(choose(in_order, FEW, 0, &never), 1, 7),
          "a closed channel gives what it has");
    CHECK(chose_end(choose(in_order, FEW, 0, &never), 1) &&
              chose_end(choose(in_order, FEW, 2, &at_once), 1),
          "and is then at its end, again and again");
    put(3, 8);
    CHECK(chose(choose(in_order, FEW, 2, &never), 3, 8),
          "which does not hide the others");
    drop_channels();
    new_channels(FEW);
    put(2, 9);
    (void)channel_try_receive(channels[2], &message);
    channel_close(channels[2]);
    CHECK(choose(in_order, FEW, 2, &at_once).result == CHANNEL_TIMEOUT,
          "a message in hands is no message, nor is it the end");
    channel_return(channels[2], message);
    CHECK(chose(choose(in_order, FEW, 2, &at_once), 2, 9),
          "what was put back is one");
    drop_channels();
}

static void no_channel_starves(void)
{
    unsigned i;

    new_channels(FEW);
    for (i = 0; i < 3 * FEW; i++)
        put(i % FEW, i);
    for (i = 0; i < 3 * FEW; i++)
        CHECK(chose(choose(in_order, FEW, i, &never), i % FEW, (int)i),
              "a start that goes round takes from all in turn");
    put(1, 0);
    for (i = 0; i < 10; i++) {
        put(0, i);
        put(0, i);
        if (choose(in_order, FEW, i, &never).which == 1)
            break;
    }
    CHECK_NUMBER(i, 1, "a busy channel takes nobody's turn");
    drop_channels();
}

static void a_channel_may_be_listed_twice(void)
{
    struct visitor visitor = {.list = {1, 0, 1, 0}, .count = FEW};
    struct deadline soon = deadline_after(1);

    new_channels(2);
    CHECK(choose(visitor.list, FEW, 0, &soon).result == CHANNEL_TIMEOUT,
          "who lists a channel twice can wait");
    put(0, 5);
    CHECK(chose(choose(visitor.list, FEW, 3, &soon), 0, 5), "and receive");
    visitor_start(&visitor);
    put(0, 6);
    CHECK(chose(visitor_end(&visitor), 0, 6), "and be woken");
    drop_channels();
}

static void any_channel_wakes(void)
{
    struct visitor visitor = {.list = {0, 1, 2, 3}, .count = FEW};
    unsigned i, j;

    new_channels(FEW);
    for (i = 0; i < FEW; i++) {
        visitor_start(&visitor);
        for (j = 0; j < FEW; j++)
            CHECK_NUMBER(waiting(j), 1, "who selects waits at each channel");
        put(i, i);
        CHECK(chose(visitor_end(&visitor), i, (int)i),
              "a message wakes who selects");
    }
    for (i = FEW; i-- > 0;) {
        visitor.count = i + 1;
        visitor_start(&visitor);
        channel_close(channels[i]);
        CHECK(chose_end(visitor_end(&visitor), i), "so does an end");
    }
    drop_channels();
}

/* Two threads wait for everything. */
static void one_message_wakes_one(void)
{
    struct visitor one = {.list = {0, 1, 2, 3}, .count = FEW};
    struct visitor other = {.list = {3, 2, 1, 0}, .count = FEW};

    new_channels(FEW);
    visitor_start(&one);
    visitor_start(&other);
    put(2, 1);
    CHECK(chose(visitor_end(&one), 2, 1), "who has waited longest is woken");
    CHECK_EVENTUALLY(waiting(0) == 1 && !other.thread.ended,
                     "the other one waits on");
    put(0, 2);
    CHECK(chose(visitor_end(&other), 0, 2), "until its message comes");
    drop_channels();
}

static void interrupts_end_selections(void)
{
    struct visitor visitor = {.list = {0, 1, 2, 3}, .count = FEW};

    new_channels(FEW);
    visitor_start(&visitor);
    waiter_interrupt(visitor.thread.waiter, INTERRUPT_ONCE);
    CHECK(visitor_end(&visitor).result == CHANNEL_INTERRUPTED,
          "who selects can be interrupted");
    drop_channels();
}

static void *without_memory(void *argument)
{
    put(2, 1);
    no_memory_from(1);
    CHECK(chose(choose(in_order, FEW, 0, &never), 2, 1),
          "what is there can be chosen without memory");
    CHECK(choose(in_order, FEW, 0, &never).result == CHANNEL_NO_MEMORY,
          "who cannot wait for want of memory is told so");
    (void)no_memory_end();
    return argument;
}

static void memory_may_run_out(void)
{
    if (!no_memory_works())
        return;
    new_channels(FEW);
    check_join(check_start(without_memory, NULL));
    drop_channels();
}

static void no_system_calls_without_need(void)
{
    unsigned long none;

    if (!step_works())
        return;
    new_channels(2);
    put(1, 0);
    none = step_count_system_calls(step_nothing, NULL);
    CHECK_NUMBER(step_count_system_calls(run_select, NULL), none,
                 "what is there is chosen without system calls");
    message_release(received);
    drop_channels();
}

static void all(void)
{
    (void)waiter_setup();
    check_part("nothing may come in time", nothing_may_come_in_time);
    check_part("the first from the start is chosen",
               the_first_from_the_start_is_chosen);
    check_part("an end is chosen like a message",
               an_end_is_chosen_like_a_message);
    check_part("no channel starves", no_channel_starves);
    check_part("a channel may be listed twice", a_channel_may_be_listed_twice);
    check_part("any channel wakes", any_channel_wakes);
    check_part("one message wakes one", one_message_wakes_one);
    check_part("interrupts end selections", interrupts_end_selections);
    check_part("memory may run out", memory_may_run_out);
    check_part("no system calls without need", no_system_calls_without_need);
}

int main(void)
{
    return check_program("select", all);
}
