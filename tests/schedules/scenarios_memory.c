/* SPDX-License-Identifier: MIT
 *
 * References, the memory of messages, and pieces of memory.
 */
#include "block.h"
#include "letters.h"

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
    unsigned left;

    for (left = number_of(rounds); left > 0; left--) {
        EXPLORE_CHECK(letter_send(there, 0, &never) == CHANNEL_OK, "sent");
        EXPLORE_CHECK(letter_receive(back, &never) == CHANNEL_OK, "received");
    }
}

static void pong(void *rounds)
{
    unsigned left;

    for (left = number_of(rounds); left > 0; left--) {
        EXPLORE_CHECK(letter_receive(there, &never) == CHANNEL_OK, "received");
        EXPLORE_CHECK(letter_send(back, 1, &never) == CHANNEL_OK, "sent");
    }
}

static void messages_go_home(void)
{
    letters_begin();
    there = letters_channel(0);
    back = letters_channel(0);
    explore_start("ping", ping, number(3));
    explore_start("pong", pong, number(3));
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
        piece[0] = piece[PIECE - 1] = (unsigned char)number_of(fill);
        sched_yield();
        EXPLORE_CHECK(piece[0] == (unsigned char)number_of(fill) &&
                          piece[PIECE - 1] == piece[0],
                      "a piece is one thread's");
        (void)block_resize(piece, PIECE, 0);
    }
}

static void pieces(void)
{
    explore_start("first", use_piece, number(1));
    explore_start("second", use_piece, number(2));
    explore_join_all();
}

/* ---- all of them ---- */

const struct explore_scenario scenarios_memory[] = {
    {"reference.channel", references, 5, false, false},
    {"reference.travels", a_channel_travels, 2, false, false},
    {"reference.dies_with_messages", a_channel_dies_with_its_messages, 4, false,
     false},
    {"reference.two_readers", two_readers, 4, false, false},
    {"memory.ping_pong", messages_go_home, 1, false, false},
    {"memory.pool_changes_hands", a_pool_changes_hands, 1, false, false},
    {"memory.pieces", pieces, 1, false, false},
    {NULL, NULL, 0, false, false},
};
