/* SPDX-License-Identifier: MIT
 *
 * Names, references, the memory of messages, pieces of memory, and the lock
 * with whose holder others leave their work.
 */
#include "block.h"
#include "letters.h"
#include "lockword.h"
#include "pollable.h"
#include "scenarios.h"
#include "waitpoint.h"

static const struct deadline at_once = {.kind = DEADLINE_AT_ONCE};
static const struct deadline never = {.kind = DEADLINE_NEVER};

/* ---- names ---- */

static struct channel *named;

static void begin_named(void)
{
    letters_begin();
    EXPLORE_CHECK(channel_new(0, "name", 4, &named) == CHANNEL_OK,
                  "a name that is free can be had");
}

static void let_go_of_it(void *unused)
{
    (void)unused;
    handle_release(&named->handle);
}

static void find_it(void *unused)
{
    struct channel *found = channel_find("name", 4);

    (void)unused;
    if (found == NULL)
        return;
    EXPLORE_CHECK(found->name_length == 4, "what is found is whole");
    (void)channel_count(found);
    handle_release(&found->handle);
}

/* The name is taken, or the old channel is gone. */
static void take_its_name(void *unused)
{
    struct channel *made = NULL, *found;
    enum channel_result result = channel_new(0, "name", 4, &made);

    (void)unused;
    if (result == CHANNEL_NAME_TAKEN)
        return;
    EXPLORE_CHECK(result == CHANNEL_OK, "the name is taken, or can be had");
    found = channel_find("name", 4);
    EXPLORE_CHECK(found == made, "a channel is found under its name");
    handle_release(&found->handle);
    handle_release(&made->handle);
}

static void finish_named(void)
{
    explore_join_all();
    EXPLORE_CHECK(channel_find("name", 4) == NULL,
                  "a channel that is gone has no name");
}

static void found_while_let_go(void)
{
    begin_named();
    explore_start("lets go", let_go_of_it, NULL);
    explore_start("finds", find_it, NULL);
    finish_named();
}

static void name_taken_while_let_go(void)
{
    begin_named();
    explore_start("lets go", let_go_of_it, NULL);
    explore_start("takes", take_its_name, NULL);
    finish_named();
}

static void name_taken_by_two(void)
{
    letters_begin();
    explore_start("takes", take_its_name, NULL);
    explore_start("takes", take_its_name, NULL);
    finish_named();
}

static void names_of_three(void)
{
    begin_named();
    explore_start("lets go", let_go_of_it, NULL);
    explore_start("takes", take_its_name, NULL);
    explore_start("finds", find_it, NULL);
    finish_named();
}

/* ---- references ---- */

static void hold_and_let_go(void *handle)
{
    handle_retain(handle);
    handle_release(handle);
    handle_release(handle);
}

static void references(void)
{
    struct channel *channel;

    letters_begin();
    channel = letters_channel(0);
    handle_retain(&channel->handle);
    handle_retain(&channel->handle);
    explore_start("holds", hold_and_let_go, channel);
    explore_start("holds", hold_and_let_go, channel);
    handle_release(&channel->handle);
    explore_join_all();
}

/* A channel that travels in a message of another, and is let go of there. */
static struct channel *carrier;

static void send_channel(void *unused)
{
    struct channel *channel = letters_channel(0);
    struct message *message = message_new();
    uint32_t number;

    (void)unused;
    EXPLORE_CHECK(message_keep(message, &channel->handle, &number),
                  "a message keeps a handle");
    EXPLORE_CHECK(channel_send(carrier, message, &never) == CHANNEL_OK,
                  "it is sent");
    handle_release(&channel->handle);
}

static void receive_channel(void *unused)
{
    struct message *message;
    struct handle *handle;

    (void)unused;
    EXPLORE_CHECK(channel_receive(carrier, &message, &never) == CHANNEL_OK,
                  "it is received");
    channel_commit(carrier);
    handle = message->handles[0];
    handle_retain(handle);
    message_release(message);
    EXPLORE_CHECK(channel_count((struct channel *)handle) == 0,
                  "what has travelled is alive");
    handle_release(handle);
}

static void a_channel_travels(void)
{
    letters_begin();
    carrier = letters_channel(0);
    explore_start("sender", send_channel, NULL);
    explore_start("receiver", receive_channel, NULL);
    explore_join_all();
    handle_release(&carrier->handle);
}

/* Nobody reads it: it goes with its channel. */
static void last_holder_lets_go(void *unused)
{
    (void)unused;
    handle_release(&carrier->handle);
}

static void a_channel_dies_with_its_messages(void)
{
    letters_begin();
    carrier = letters_channel(0);
    handle_retain(&carrier->handle);
    send_channel(NULL);
    explore_start("lets go", last_holder_lets_go, NULL);
    explore_start("lets go", last_holder_lets_go, NULL);
    explore_join_all();
}

/* One message, two readers. */
static struct message *shared_message;

static void read_and_let_go(void *unused)
{
    (void)unused;
    EXPLORE_CHECK(shared_message->size == 2, "it is whole");
    message_release(shared_message);
}

static void two_readers(void)
{
    letters_begin();
    shared_message = letter_write(0);
    message_retain(shared_message);
    explore_start("reader", read_and_let_go, NULL);
    explore_start("reader", read_and_let_go, NULL);
    explore_join_all();
}

/* ---- the memory of messages ---- */

static struct channel *there, *back;

static void ping(void *rounds)
{
    uintptr_t left;

    for (left = (uintptr_t)rounds; left > 0; left--) {
        EXPLORE_CHECK(letter_send(there, 0, &never) == CHANNEL_OK, "sent");
        EXPLORE_CHECK(letter_receive(back, &never) == CHANNEL_OK, "received");
    }
}

static void pong(void *rounds)
{
    uintptr_t left;

    for (left = (uintptr_t)rounds; left > 0; left--) {
        EXPLORE_CHECK(letter_receive(there, &never) == CHANNEL_OK, "received");
        EXPLORE_CHECK(letter_send(back, 1, &never) == CHANNEL_OK, "sent");
    }
}

static void messages_go_home(void)
{
    letters_begin();
    there = letters_channel(0);
    back = letters_channel(0);
    explore_start("ping", ping, (void *)3);
    explore_start("pong", pong, (void *)3);
    explore_join_all();
    letters_check();
    handle_release(&there->handle);
    handle_release(&back->handle);
}

static void make_and_drop(void *unused)
{
    struct message *first = letter_write(2), *second = letter_write(2);

    (void)unused;
    message_release(first);
    message_release(second);
}

/* A thread ends while its messages are elsewhere, and another takes its pool.
 */
static void send_and_end(void *unused)
{
    (void)unused;
    EXPLORE_CHECK(letter_send(there, 0, &never) == CHANNEL_OK, "sent");
}

static void a_pool_changes_hands(void)
{
    letters_begin();
    there = letters_channel(0);
    explore_start("sender", send_and_end, NULL);
    explore_start("maker", make_and_drop, NULL);
    EXPLORE_CHECK(letter_receive(there, &never) == CHANNEL_OK, "received");
    explore_start("maker", make_and_drop, NULL);
    explore_join_all();
    letters_check();
    handle_release(&there->handle);
}

/* ---- pieces of memory ---- */

#define PIECE ((size_t)40 << 10)

static void use_piece(void *fill)
{
    unsigned round;

    for (round = 0; round < 2; round++) {
        unsigned char *piece = block_resize(NULL, 0, PIECE);

        EXPLORE_CHECK(piece != NULL, "there is memory");
        piece[0] = piece[PIECE - 1] = (unsigned char)(uintptr_t)fill;
        sched_yield();
        EXPLORE_CHECK(piece[0] == (unsigned char)(uintptr_t)fill &&
                          piece[PIECE - 1] == piece[0],
                      "a piece is one thread's");
        (void)block_resize(piece, PIECE, 0);
    }
}

static void pieces(void)
{
    explore_start("first", use_piece, (void *)1);
    explore_start("second", use_piece, (void *)2);
    explore_join_all();
}

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
        EXPLORE_CHECK(waitpoint_wait(&point, thing_is_there, NULL, &never) ==
                          WAIT_READY,
                      "a thing comes");
}

static void make_things(void *count)
{
    ck_pr_add_uint(&things, (unsigned)(uintptr_t)count);
    waitpoint_wake_some(&point, (unsigned)(uintptr_t)count);
}

static void some_are_woken(void)
{
    letters_begin();
    explore_start("waits", wait_for_thing, NULL);
    explore_start("waits", wait_for_thing, NULL);
    explore_start("wakes", make_things, (void *)2);
    explore_join_all();
    EXPLORE_CHECK(point.waiting == 0 && point.first == NULL && point.word == 0,
                  "nobody is left in the list");
}

static void two_wakers(void)
{
    letters_begin();
    explore_start("waits", wait_for_thing, NULL);
    explore_start("wakes", make_things, (void *)1);
    explore_start("wakes", make_things, (void *)1);
    wait_for_thing(NULL);
    explore_join_all();
    EXPLORE_CHECK(point.waiting == 0 && point.word == 0,
                  "nobody is left in the list");
}

/* ---- a descriptor of its own ---- */

static struct pollable pollable;
static unsigned shown;

static bool is_shown(const void *unused)
{
    (void)unused;
    return ck_pr_load_uint(&shown) & 1;
}

static void change_twice(void *unused)
{
    unsigned i;

    (void)unused;
    for (i = 0; i < 2; i++) {
        ck_pr_add_uint(&shown, 1);
        pollable_update(&pollable, is_shown, NULL);
    }
}

static void change_once(void *unused)
{
    (void)unused;
    ck_pr_add_uint(&shown, 1);
    pollable_update(&pollable, is_shown, NULL);
}

static void a_descriptor_agrees(void)
{
    int descriptor;

    pollable_init(&pollable);
    explore_start("changes", change_twice, NULL);
    explore_start("changes", change_once, NULL);
    descriptor = pollable_open(&pollable, is_shown, NULL);
    explore_join_all();
    EXPLORE_CHECK(explore_readable(descriptor) == ((shown & 1) != 0),
                  "the descriptor agrees with the condition");
    pollable_destroy(&pollable);
}

/* ---- a mailbox without a channel ---- */

static struct mailbox mailbox;

static void push_one(void *sender)
{
    struct message *message = letter_write((unsigned)(uintptr_t)sender);
    unsigned number = message->bytes[1];

    ledger.sent[(uintptr_t)sender][number] = true;
    if (mailbox_push(&mailbox, message))
        return;
    ledger.sent[(uintptr_t)sender][number] = false;
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
    explore_start("sender", push_one, (void *)0);
    explore_start("closes", close_mailbox, NULL);
    for (;;) {
        EXPLORE_CHECK(mailbox_wait(&mailbox, &never) == WAIT_READY,
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

static void nothing_waits(void)
{
    letters_begin();
    there = letters_channel(1);
    EXPLORE_CHECK(letter_receive(there, &at_once) == CHANNEL_TIMEOUT, "empty");
    handle_release(&there->handle);
}

const struct explore_scenario scenarios_rest[] = {
    {"name.found", found_while_let_go, 5, false, false},
    {"name.taken", name_taken_while_let_go, 3, false, false},
    {"name.taken_by_two", name_taken_by_two, 3, false, false},
    {"name.of_three", names_of_three, 0, false, false},
    {"reference.channel", references, 5, false, false},
    {"reference.travels", a_channel_travels, 2, false, false},
    {"reference.dies_with_messages", a_channel_dies_with_its_messages, 4, false,
     false},
    {"reference.two_readers", two_readers, 4, false, false},
    {"memory.ping_pong", messages_go_home, 1, false, false},
    {"memory.pool_changes_hands", a_pool_changes_hands, 1, false, false},
    {"memory.pieces", pieces, 1, false, false},
    {"lockword.two", lock_of_two, 4, false, false},
    {"lockword.three", lock_of_three, 2, false, false},
    {"waitpoint.some", some_are_woken, 1, false, false},
    {"waitpoint.two_wakers", two_wakers, 1, false, false},
    {"pollable.agrees", a_descriptor_agrees, 3, false, false},
    {"mailbox.closes", a_mailbox_closes, 2, false, false},
    {"alone", nothing_waits, 1, false, false},
    {NULL, NULL, 0, false, false},
};
