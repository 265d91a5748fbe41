/* SPDX-License-Identifier: MIT
 *
 * Any values travel: random graphs, with little memory, between threads, and
 * in messages that have been damaged on the way.
 */
#include "lua_codec.h"

#include "lua_codec_format.h"
#include "mailbox.h"
#include "support/by_hand.h"
#include "support/check.h"
#include "support/deadlines.h"
#include "support/graphs.h"
#include "support/lua_parcel.h"
#include "support/states.h"
#include "support/stress.h"

/* That of a C function: true and the value, or nothing. */
static int upvalue(lua_State *L)
{
    lua_pushboolean(L, true);
    if (lua_getupvalue(L, 1, (int)lua_tointeger(L, 2)) == NULL)
        return 0;
    return 2;
}

static void teach(lua_State *L)
{
    lua_register(L, "make", state_make);
    lua_register(L, "upvalue", upvalue);
    lua_register(L, "parcel", lua_parcel_new);
    state_run(L, graphs_make);
    state_run(L, graphs_describe);
}

/* What LuaJIT has compiled may hold tables that nothing else does. */
static void collect(lua_State *L)
{
    lua_settop(L, 0);
    state_run(L, "if rawget(_G, 'jit') then jit.flush() end");
    lua_settop(L, 0);
    state_collect(L);
}

static void collect_all(void)
{
    collect(from);
    collect(to);
}

static void push_random_values(lua_State *L, uint64_t seed, unsigned size)
{
    lua_settop(L, 0);
    lua_getglobal(L, "random_values");
    lua_pushinteger(L, (lua_Integer)(seed % 2147483646 + 1));
    lua_pushinteger(L, size);
    lua_call(L, 2, LUA_MULTRET);
}

/* Replaces the whole stack by a text. */
static const char *describe(lua_State *L)
{
    lua_getglobal(L, "describe");
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return lua_tostring(L, 1);
}

/* ---- round trips ---- */

static void check_same(void)
{
    const char *sent = describe(from), *arrived = describe(to);

    CHECK(strstr(sent, "two ") == NULL, "the sender's values are themselves");
    CHECK_TEXT(arrived, sent, "what arrives is what was sent");
}

static void graphs_travel(void)
{
    struct stress s = stress_begin("graphs", 1500);

    for (; stress_goes_on(&s); s.round++) {
        push_random_values(from, random_next(&s.random),
                           2 + random_below(&s.random, 60));
        travel();
        check_same();
    }
    collect_all();
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "and nothing is left of it");
}

/* There and back again, as what has arrived is encoded once more. */
static void graphs_travel_back(void)
{
    struct stress s = stress_begin("back", 300);
    struct message *message;

    for (; stress_goes_on(&s); s.round++) {
        push_random_values(from, random_next(&s.random), 30);
        message = encode(from);
        CHECK(decode(to, message) == LUA_OK, "a graph arrives");
        message_release(message);
        message = encode(to);
        CHECK(decode(to, message) == LUA_OK, "and travels on");
        message_release(message);
        check_same();
    }
    collect_all();
}

/* ---- memory ---- */

/* Decodes while the n-th allocation of the receiver fails, and again when
 * there is memory. Whether it has failed. */
static bool decode_with_little_memory(const struct message *message,
                                      const char *sent, unsigned long n,
                                      bool for_good)
{
    bool failed;
    int status;

    lua_settop(to, 0);
    if (STATES_LOSE_FINALISERS)
        lua_gc(to, LUA_GCSTOP, 0);
    memory_fail(&to_memory, n, for_good);
    status = decode(to, message);
    failed = to_memory.failed;
    memory_fail(&to_memory, 0, false);
    lua_gc(to, LUA_GCRESTART, 0);
    CHECK(status == LUA_OK || (failed && status == LUA_ERRMEM),
          "a lack of memory is an error, of the right kind");
    CHECK(status == LUA_OK || !for_good || lua_isstring(to, -1),
          "that can be reported");
    if (status != LUA_OK)
        CHECK_NUMBER(decode(to, message), LUA_OK,
                     "the message is whole, and can be decoded later");
    CHECK_TEXT(describe(to), sent, "everything is there");
    return failed;
}

static void decode_until_there_is_enough(bool for_good)
{
    struct message *message = encode(from);
    unsigned char *copy = malloc(message->size + 1);
    size_t size = message->size;
    unsigned long n = 1;
    const char *sent;

    memcpy(copy, message->bytes, size);
    sent = describe(from);
    while (decode_with_little_memory(message, sent, n, for_good))
        n++;
    CHECK(message->size == size && memcmp(message->bytes, copy, size) == 0,
          "a failure changes nothing in the message");
    free(copy);
    message_release(message);
}

static void graphs_survive_a_lack_of_memory(void)
{
    struct stress s = stress_begin("memory", 40);

    for (; stress_goes_on(&s); s.round++) {
        push_random_values(from, random_next(&s.random), 20);
        decode_until_there_is_enough(random_one_in(&s.random, 2));
    }
    collect_all();
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "no handle is held by a failure");
}

/* ---- damage ---- */

static void check_damaged(int status)
{
    CHECK(status == LUA_OK || status == LUA_ERRRUN || status == LUA_ERRMEM,
          "a damaged message is an error, or another message");
    lua_settop(to, 0);
}

static void check_rejected(int status)
{
    CHECK(status == LUA_ERRRUN &&
              strstr(lua_tostring(to, -1), "malformed message") != NULL,
          "a message that is not whole is malformed");
    lua_settop(to, 0);
}

static void cut_anywhere(struct message *message)
{
    size_t length;

    for (length = 0; length < message->size; length++)
        check_rejected(decode_instead(to, message, message->bytes, length));
}

static void add_something(struct message *message, struct random *random)
{
    unsigned char *more = malloc(message->size + 1);

    memcpy(more, message->bytes, message->size);
    more[message->size] = (unsigned char)random_next(random);
    check_rejected(decode_instead(to, message, more, message->size + 1));
    free(more);
}

/* Where an address lies in the message, nobody can see that it is another one.
 * Nobody calls what arrives, so it does no harm. */
static void flip_bits(struct message *message, struct random *random)
{
    unsigned char *copy = malloc(message->size);
    size_t at;

    for (at = 0; at < message->size; at++) {
        memcpy(copy, message->bytes, message->size);
        copy[at] ^= (unsigned char)(1 << random_below(random, 8));
        check_damaged(decode_instead(to, message, copy, message->size));
        copy[at] = (unsigned char)random_next(random);
        check_damaged(decode_instead(to, message, copy, message->size));
    }
    free(copy);
}

static void lie_about_the_rest(struct message *message)
{
    struct message truth = *message;

    message->values = truth.values + 1;
    check_rejected(decode(to, message));
    message->values = UINT32_MAX;
    CHECK(decode(to, message) == LUA_ERRRUN, "so many values do not exist");
    message->values = truth.values;
    message->objects = UINT32_MAX;
    check_damaged(decode(to, message));
    message->objects = truth.objects;
    message->shared = !truth.shared;
    check_damaged(decode(to, message));
    message->shared = truth.shared;
    message->texts = (uint8_t)(truth.texts + 1);
    check_damaged(decode(to, message));
    message->texts = 0;
    check_damaged(decode(to, message));
    message->texts = truth.texts;
    message->handle_count = 0;
    check_damaged(decode(to, message));
    message->handle_count = truth.handle_count;
}

static void damaged_messages_do_no_harm(void)
{
    struct stress s = stress_begin("damage", 40);
    struct message *message;

    for (; stress_goes_on(&s); s.round++) {
        push_random_values(from, random_next(&s.random), 12);
        message = encode(from);
        if (message->size < 2000) {
            cut_anywhere(message);
            add_something(message, &s.random);
            flip_bits(message, &s.random);
            lie_about_the_rest(message);
            CHECK_NUMBER(decode(to, message), LUA_OK, "what is whole arrives");
        }
        message_release(message);
    }
    collect_all();
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "damage holds no handle");
}

/* Bytes that no encoder has written. */
static void check_bytes(const unsigned char *bytes, size_t size, int expected)
{
    int status = decode_written(to, bytes, size, 0);

    if (expected == LUA_OK)
        CHECK_NUMBER(status, LUA_OK, "what is well-formed is accepted");
    else
        check_rejected(status);
    lua_settop(to, 0);
}

static void bytes_are_checked(void)
{
    static const unsigned char nil[] = {TAG_NIL}, two[] = {TAG_NIL, TAG_NIL},
                               unknown[] = {TAG_KEPT + 1},
                               last[] = {TAG_SMALL_INTEGER - 1};
    static const unsigned char texts[][10] = {
        {TAG_STRING8, 3, 'a', 'b'},
        {TAG_STRING32, 0xff, 0xff, 0xff, 0xff, 'a'},
        {TAG_STRING64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a'},
    };
    /* Two values and one there, a field without a value, and sizes that no
     * message of this length can have. */
    static const unsigned char tables[][11] = {
        {TAG_TABLE, 2, 0, 0, 0, 0, 0, 0, 0, TAG_NIL},
        {TAG_TABLE, 0, 0, 0, 0, 1, 0, 0, 0, TAG_TRUE},
        {TAG_TABLE, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, TAG_NIL},
        {TAG_TABLE, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, TAG_NIL},
    };
    static const unsigned char reference[] = {TAG_REFERENCE, 0, 0, 0, 0},
                               handle[] = {TAG_HANDLE, 0, 0, 0, 0};

    check_bytes(nil, 1, LUA_OK);
    check_bytes(nil, 0, LUA_ERRRUN);
    check_bytes(two, 2, LUA_ERRRUN);
    check_bytes(unknown, 1, LUA_ERRRUN);
    check_bytes(last, 1, LUA_ERRRUN);
    check_bytes(texts[0], 4, LUA_ERRRUN);
    check_bytes(texts[1], 6, LUA_ERRRUN);
    check_bytes(texts[2], 10, LUA_ERRRUN);
    check_bytes(tables[0], 10, LUA_ERRRUN);
    check_bytes(tables[1], 10, LUA_ERRRUN);
    check_bytes(tables[2], 10, LUA_ERRRUN);
    check_bytes(tables[3], 10, LUA_ERRRUN);
    check_bytes(reference, sizeof reference, LUA_ERRRUN);
    check_bytes(handle, sizeof handle, LUA_ERRRUN);
}

/* Tables in tables, as deep as may be, and deeper than any encoder goes. */
static void depth_is_checked(void)
{
    unsigned char bytes[1000] = {0};
    size_t depth, i;

    for (depth = 1; depth <= 102; depth++) {
        for (i = 0; i < depth; i++) {
            memset(bytes + 9 * i, 0, 9);
            bytes[9 * i] = TAG_TABLE;
            bytes[9 * i + 1] = i + 1 < depth;
        }
        check_bytes(bytes, 9 * depth,
                    depth <= CODEC_MAX_DEPTH ? LUA_OK : LUA_ERRRUN);
    }
}

static void nonsense_is_rejected(void)
{
    struct stress s = stress_begin("nonsense", 3000);
    unsigned char bytes[200];
    struct message *message = message_new();
    size_t i, size;

    for (; stress_goes_on(&s); s.round++) {
        size = random_below(&s.random, sizeof bytes);
        for (i = 0; i < size; i++)
            bytes[i] = (unsigned char)(random_one_in(&s.random, 2)
                                           ? random_below(&s.random, 16)
                                           : random_next(&s.random));
        message->values = random_below(&s.random, 4);
        message->shared = random_one_in(&s.random, 2);
        message->texts = (uint8_t)random_below(&s.random, 256);
        check_damaged(decode_instead(to, message, bytes, size));
    }
    message_release(message);
}

/* ---- between threads ---- */

#define TRIPS STRESS_SCALED(200)

static struct mailbox there, back;

/* Sends back all that arrives. */
static void *echo(void *argument)
{
    struct memory memory;
    lua_State *L = state_new(&memory);
    struct message *message;
    int i;

    for (i = 0; i < TRIPS; i++) {
        (void)wait_at_mailbox(&there, &never);
        message = mailbox_pop_owner(&there);
        CHECK(decode(L, message) == LUA_OK, "a graph arrives in a thread");
        message_release(message);
        (void)mailbox_push(&back, encode(L));
    }
    lua_close(L);
    return argument;
}

static void send_and_compare(struct random *random)
{
    struct message *message;

    push_random_values(from, random_next(random), 20);
    (void)mailbox_push(&there, encode(from));
    (void)wait_at_mailbox(&back, &never);
    message = mailbox_pop_owner(&back);
    CHECK(decode(to, message) == LUA_OK, "and comes back");
    message_release(message);
    check_same();
}

static void graphs_travel_between_threads(void)
{
    struct stress s = stress_begin("threads", 3);
    pthread_t other;
    int i;

    (void)waiter_setup();
    mailbox_init(&there);
    mailbox_init(&back);
    for (; stress_goes_on(&s); s.round++) {
        other = check_start(echo, NULL);
        for (i = 0; i < TRIPS; i++)
            send_and_compare(&s.random);
        check_join(other);
    }
    mailbox_destroy(&there);
    mailbox_destroy(&back);
    collect_all();
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "and nothing is left in between");
}

static void all(void)
{
    states_open();
    teach(from);
    teach(to);
    check_part("graphs travel", graphs_travel);
    check_part("graphs travel back", graphs_travel_back);
    check_part("graphs survive a lack of memory",
               graphs_survive_a_lack_of_memory);
    check_part("damaged messages do no harm", damaged_messages_do_no_harm);
    check_part("bytes are checked", bytes_are_checked);
    check_part("depth is checked", depth_is_checked);
    check_part("nonsense is rejected", nonsense_is_rejected);
    check_part("graphs travel between threads", graphs_travel_between_threads);
    states_close();
}

int main(void)
{
    return check_program("codec_graphs", all);
}
