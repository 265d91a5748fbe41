/* SPDX-License-Identifier: MIT
 *
 * The queue of messages: each arrives once, in order, and wakes who waits.
 *
 * tests/mailbox_races.c has what happens when threads meet.
 */
#include "mailbox.h"

#include "support/check.h"
#include "support/deadlines.h"
#include "support/parcel.h"
#include "support/stamps.h"

/* ---- validation ---- */

static void a_new_mailbox_is_empty(void)
{
    struct deadline soon = deadline_after(1);

    mailbox_init(&box);
    CHECK_NUMBER(live_count(LIVE_MAILBOXES), 1, "a mailbox is counted");
    CHECK(mailbox_peek_owner(&box) == NULL, "a new one shows no message");
    CHECK(mailbox_pop_owner(&box) == NULL, "a new one has no message");
    CHECK(wait_at_mailbox(&box, &at_once) == WAIT_TIMEOUT,
          "nothing is in it at once");
    CHECK(wait_at_mailbox(&box, &soon) == WAIT_TIMEOUT, "or soon");
    mailbox_destroy(&box);
    CHECK_NUMBER(live_count(LIVE_MAILBOXES), 0,
                 "a destroyed one is not counted any more");
}

static void messages_come_in_order(void)
{
    unsigned i;

    mailbox_init(&box);
    for (i = 0; i < 5; i++)
        push(i);
    for (i = 0; i < 3; i++)
        CHECK_NUMBER(pop(), i, "the oldest message comes first");
    push(5);
    push(6);
    for (i = 3; i < 7; i++)
        CHECK_NUMBER(pop(), i, "also when others have come meanwhile");
    CHECK_NUMBER(pop(), -1, "each message comes once");
    push(7);
    CHECK_NUMBER(pop(), 7, "an emptied mailbox can be used again");
    mailbox_destroy(&box);
}

static void a_look_takes_nothing(void)
{
    struct message *first;

    mailbox_init(&box);
    push(0);
    push(1);
    first = mailbox_peek_owner(&box);
    CHECK(first != NULL && stamp_of(first).number == 0,
          "the oldest message is shown");
    CHECK(mailbox_peek_owner(&box) == first, "and shown again");
    push(2);
    CHECK(mailbox_pop_owner(&box) == first, "and then taken");
    message_release(first);
    CHECK(pop() == 1 && pop() == 2 && pop() == -1, "and the others after it");
    mailbox_destroy(&box);
}

static void the_same_message_comes_and_goes(void)
{
    struct message *message = stamped(1, 2);
    unsigned i;

    mailbox_init(&box);
    for (i = 0; i < 3; i++) {
        (void)mailbox_push(&box, message);
        CHECK(mailbox_pop_owner(&box) == message, "a message is itself");
        CHECK(stamp_of(message).sender == 1 && stamp_of(message).number == 2,
              "and is not changed on its way");
    }
    message_release(message);
    mailbox_destroy(&box);
}

static void a_destroyed_mailbox_frees_what_is_in_it(void)
{
    struct handle *handle = parcel_new(1);
    struct message *message = stamped(0, 2);
    uint32_t number;

    mailbox_init(&box);
    push(0);
    push(1);
    (void)mailbox_peek_owner(&box);
    (void)message_keep(message, handle, &number);
    (void)mailbox_push(&box, message);
    mailbox_destroy(&box);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0,
                 "messages are freed, whether seen or not");
    CHECK_NUMBER(parcel_holders(handle), 1, "with all they hold");
    handle_release(handle);
}

static void who_has_a_message_does_not_wait(void)
{
    mailbox_init(&box);
    push(0);
    push(1);
    CHECK(wait_at_mailbox(&box, &never) == WAIT_READY,
          "a message that has come ends the wait");
    CHECK_NUMBER(pop(), 0, "it can be taken then");
    CHECK(wait_at_mailbox(&box, &never) == WAIT_READY &&
              wait_at_mailbox(&box, &at_once) == WAIT_READY,
          "so does one that came with another");
    CHECK_NUMBER(pop(), 1, "which can be taken, too");
    CHECK(wait_at_mailbox(&box, &at_once) == WAIT_TIMEOUT,
          "one that was taken does not");
    mailbox_destroy(&box);
}

static void *wait_for_message(void *argument)
{
    (void)argument;
    CHECK(wait_at_mailbox(&box, &never) == WAIT_READY && pop() == 3,
          "an owner that sleeps is woken by a message");
    return NULL;
}

static void a_message_wakes_its_owner(void)
{
    pthread_t owner;

    mailbox_init(&box);
    owner = check_start(wait_for_message, NULL);
    CHECK_EVENTUALLY(sleeping() == 1, "an owner begins to wait");
    push(3);
    check_join(owner);
    mailbox_destroy(&box);
}

static void *wait_for_interrupt(void *waiter)
{
    (void)waiter_adopt(waiter);
    waiter_accept_interrupts(ignore_nudge, NULL);
    CHECK(wait_at_mailbox(&box, &never) == WAIT_INTERRUPTED && pop() == -1,
          "an owner that sleeps can be interrupted");
    return NULL;
}

static void an_interrupt_wakes_the_owner(void)
{
    struct waiter *waiter = waiter_new();
    pthread_t owner;

    mailbox_init(&box);
    owner = check_start(wait_for_interrupt, waiter);
    CHECK_EVENTUALLY(sleeping() == 1, "an owner begins to wait");
    waiter_interrupt(waiter, INTERRUPT_ONCE);
    check_join(owner);
    waiter_release(waiter);
    mailbox_destroy(&box);
}

/* ---- the end of a mailbox ---- */

static void a_closed_mailbox_takes_nothing_more(void)
{
    struct message *message = stamped(0, 2);

    mailbox_init(&box);
    push(0);
    CHECK(!mailbox_is_closed(&box), "a mailbox is open to begin with");
    push(1);
    mailbox_close(&box);
    CHECK(mailbox_is_closed(&box), "and closed when it has been closed");
    CHECK(!mailbox_push(&box, message), "then it takes no message");
    CHECK(pop() == 0 && pop() == 1, "and gives those it has, in order");
    CHECK(!mailbox_push(&box, message) && pop() == -1, "and no other");
    mailbox_close(&box);
    CHECK(mailbox_is_closed(&box) && pop() == -1, "it can be closed again");
    CHECK(stamp_of(message).number == 2, "a message not taken is unchanged");
    message_release(message);
    mailbox_destroy(&box);
}

static void who_has_nothing_to_wait_for_does_not_wait(void)
{
    mailbox_init(&box);
    CHECK(!has_message_or_end(&box), "an empty mailbox is not ready");
    push(0);
    CHECK(has_message_or_end(&box) && mailbox_has_message(&box),
          "one with a message is");
    push(1);
    CHECK(pop() == 0 && has_message_or_end(&box) && mailbox_has_message(&box),
          "also if it came with another");
    CHECK(pop() == 1 && !has_message_or_end(&box), "but no longer");
    mailbox_close(&box);
    CHECK(has_message_or_end(&box) &&
              wait_at_mailbox(&box, &never) == WAIT_READY,
          "nobody waits for a message that never comes");
    CHECK(!mailbox_has_message(&box), "though there is none");
    mailbox_destroy(&box);
}

static void a_message_can_be_put_back(void)
{
    struct message *message;

    mailbox_init(&box);
    push(0);
    push(1);
    message = mailbox_pop_owner(&box);
    push(2);
    mailbox_return_owner(&box, message);
    CHECK(mailbox_peek_owner(&box) == message && pop() == 0,
          "a message that was put back is the first again");
    CHECK(pop() == 1 && pop() == 2 && pop() == -1, "the others follow");
    push(3);
    message = mailbox_pop_owner(&box);
    mailbox_return_owner(&box, message);
    CHECK(wait_at_mailbox(&box, &at_once) == WAIT_READY && pop() == 3,
          "an emptied mailbox is ready when one was put back");
    mailbox_close(&box);
    mailbox_destroy(&box);
}

#define SLEEPERS 3

static void *wait_without_end(void *result)
{
    *(enum wait_result *)result = wait_at_mailbox(&box, &never);
    return NULL;
}

/* Starts threads that wait for a message, wakes them, and tells whether all
 * have found it ready. */
static bool wakes_all(void (*waking)(void))
{
    enum wait_result results[SLEEPERS];
    pthread_t threads[SLEEPERS];
    bool all = true;
    unsigned i;

    for (i = 0; i < SLEEPERS; i++)
        threads[i] = check_start(wait_without_end, &results[i]);
    CHECK_EVENTUALLY(sleeping() == SLEEPERS, "any number of threads may wait");
    waking();
    for (i = 0; i < SLEEPERS; i++) {
        check_join(threads[i]);
        all = all && results[i] == WAIT_READY;
    }
    return all;
}

static void close_box(void)
{
    mailbox_close(&box);
}

static void push_for_all(void)
{
    unsigned i;

    for (i = 0; i < SLEEPERS; i++)
        push(i);
}

static void return_for_all(void)
{
    unsigned i;

    for (i = 0; i < SLEEPERS; i++)
        mailbox_return_owner(&box, stamped(0, i));
}

static void whatever_makes_it_ready_wakes(void)
{
    mailbox_init(&box);
    CHECK(wakes_all(push_for_all), "messages wake as many threads");
    while (pop() >= 0)
        ;
    CHECK(wakes_all(return_for_all), "so do messages that are put back");
    while (pop() >= 0)
        ;
    CHECK(wakes_all(close_box), "closing wakes all");
    mailbox_destroy(&box);
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a new mailbox is empty", a_new_mailbox_is_empty);
    check_part("messages come in order", messages_come_in_order);
    check_part("a look takes nothing", a_look_takes_nothing);
    check_part("the same message comes and goes",
               the_same_message_comes_and_goes);
    check_part("a destroyed mailbox frees what is in it",
               a_destroyed_mailbox_frees_what_is_in_it);
    check_part("who has a message does not wait",
               who_has_a_message_does_not_wait);
    check_part("a message wakes its owner", a_message_wakes_its_owner);
    check_part("an interrupt wakes the owner", an_interrupt_wakes_the_owner);
    check_part("a closed mailbox takes nothing more",
               a_closed_mailbox_takes_nothing_more);
    check_part("who has nothing to wait for does not wait",
               who_has_nothing_to_wait_for_does_not_wait);
    check_part("a message can be put back", a_message_can_be_put_back);
    check_part("whatever makes it ready wakes", whatever_makes_it_ready_wakes);
}

int main(void)
{
    return check_program("mailbox", all);
}
