/* SPDX-License-Identifier: MIT
 *
 * The lock with whose holder others leave their work, and what is made of it:
 * a waitpoint, and a mailbox without a channel.
 */
#include "letters.h"
#include "lockword.h"
#include "waitpoint.h"

/* ---- work that is left with the holder of a lock ---- */

static unsigned word, work_left, work_done, inside;

static void do_work(unsigned seen)
{
    EXPLORE_CHECK(inside++ == 0, "one holds the lock");
    work_done += seen / 2;
    EXPLORE_CHECK(inside-- == 1, "one holds the lock");
}

static void leave_work(void *unused)
{
    unsigned seen;

    (void)unused;
    work_left++;
    ck_pr_add_uint(&word, 2);
    if (!lockword_try_lock(&word))
        return;
    while (!lockword_try_unlock(&word, &seen))
        if (ck_pr_cas_uint(&word, seen, LOCKWORD_HELD))
            do_work(seen);
}

static void leave_work_twice(void *unused)
{
    leave_work(unused);
    leave_work(unused);
}

static void need_the_lock(void *unused)
{
    unsigned seen;

    (void)unused;
    lockword_lock(&word);
    do_work(0);
    while (!lockword_try_unlock(&word, &seen))
        if (ck_pr_cas_uint(&word, seen, LOCKWORD_HELD))
            do_work(seen);
}

static void check_work(void)
{
    explore_join_all();
    EXPLORE_CHECK(work_left == work_done, "all work is done");
    EXPLORE_CHECK(word == 0, "nobody holds the lock");
}

static void lock_of_two(void)
{
    explore_start("leaves", leave_work_twice, NULL);
    explore_start("leaves", leave_work_twice, NULL);
    check_work();
}

static void lock_of_three(void)
{
    explore_start("leaves", leave_work, NULL);
    explore_start("needs", need_the_lock, NULL);
    explore_start("leaves", leave_work, NULL);
    check_work();
}

/* ---- a waitpoint of its own ---- */

static struct waitpoint point;
static unsigned things;

static bool thing_is_there(const void *unused)
{
    (void)unused;
    return ck_pr_load_uint(&things) > 0;
}

static bool take_thing(void)
{
    unsigned seen = ck_pr_load_uint(&things);

    while (seen > 0)
        if (ck_pr_cas_uint_value(&things, seen, seen - 1, &seen))
            return true;
    return false;
}

static void wait_for_thing(void *unused)
{
    (void)unused;
    while (!take_thing())
        EXPLORE_CHECK(wait_at(&point, thing_is_there, NULL, &never) ==
                          WAIT_READY,
                      "a thing comes");
}

static void make_things(void *count)
{
    ck_pr_add_uint(&things, number_of(count));
    waitpoint_wake_some(&point, number_of(count));
}

static void some_are_woken(void)
{
    letters_begin();
    explore_start("waits", wait_for_thing, NULL);
    explore_start("waits", wait_for_thing, NULL);
    explore_start("wakes", make_things, number(2));
    explore_join_all();
    EXPLORE_CHECK(point.waiting == 0 && point.first == NULL && point.word == 0,
                  "nobody is left in the list");
}

static void two_wakers(void)
{
    letters_begin();
    explore_start("waits", wait_for_thing, NULL);
    explore_start("wakes", make_things, number(1));
    explore_start("wakes", make_things, number(1));
    wait_for_thing(NULL);
    explore_join_all();
    EXPLORE_CHECK(point.waiting == 0 && point.word == 0,
                  "nobody is left in the list");
}

/* ---- a mailbox without a channel ---- */

static struct mailbox mailbox;

static void push_one(void *sender)
{
    struct message *message = letter_write(number_of(sender));
    unsigned letter = message->bytes[1];

    ledger.sent[number_of(sender)][letter] = true;
    if (mailbox_push(&mailbox, message))
        return;
    ledger.sent[number_of(sender)][letter] = false;
    message_release(message);
}

static void close_mailbox(void *unused)
{
    (void)unused;
    mailbox_close(&mailbox);
}

static void a_mailbox_closes(void)
{
    struct message *message;

    letters_begin();
    mailbox_init(&mailbox);
    explore_start("sender", push_one, number(0));
    explore_start("closes", close_mailbox, NULL);
    for (;;) {
        EXPLORE_CHECK(wait_at_mailbox(&mailbox, &never) == WAIT_READY,
                      "a message, or the end");
        while ((message = mailbox_pop_owner(&mailbox)) != NULL)
            letter_keep(message);
        if (mailbox_is_closed(&mailbox) && !mailbox_has_message(&mailbox))
            break;
    }
    explore_join_all();
    EXPLORE_CHECK(mailbox_pop_owner(&mailbox) == NULL,
                  "closed and empty is final");
    letters_check();
    mailbox_destroy(&mailbox);
}

/* ---- all of them ---- */

const struct explore_scenario scenarios_waitpoint[] = {
    {"lockword.two", lock_of_two, 4, false, false},
    {"lockword.three", lock_of_three, 2, false, false},
    {"waitpoint.some", some_are_woken, 1, false, false},
    {"waitpoint.two_wakers", two_wakers, 1, false, false},
    {"mailbox.closes", a_mailbox_closes, 2, false, false},
    {NULL, NULL, 0, false, false},
};
