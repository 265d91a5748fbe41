/* SPDX-License-Identifier: MIT
 *
 * Values from bytes that nobody vouches for.
 *
 * tests/fuzz/bytes.c tries whatever comes; here is what must hold in so many
 * words.
 */
#include "lua_codec.h"

#include "lua_codec_format.h"
#include "support/check.h"
#include "support/lua_parcel.h"
#include "support/states.h"

static int state_decode_bytes(lua_State *L)
{
    const void *bytes = lua_touserdata(L, 1);
    size_t size = (size_t)lua_tointeger(L, 2);
    int count;

    lua_settop(L, 0);
    count = codec_decode_bytes(L, bytes, size);
    CHECK_NUMBER(lua_gettop(L), count, "decoding pushes what it says");
    return count;
}

/* Replaces the whole stack of `to`. The bytes end where their memory ends. */
static int decode_bytes(const void *bytes, size_t size)
{
    void *exact = malloc(size > 0 ? size : 1);
    int status;

    if (size > 0)
        memcpy(exact, bytes, size);
    lua_settop(to, 0);
    lua_pushcfunction(to, state_decode_bytes);
    lua_pushlightuserdata(to, exact);
    lua_pushinteger(to, (lua_Integer)size);
    status = lua_pcall(to, 2, LUA_MULTRET, 0);
    free(exact);
    return status;
}

static void check_rejected(const void *bytes, size_t size, const char *sentence)
{
    if (CHECK_NUMBER(decode_bytes(bytes, size), LUA_ERRRUN, sentence))
        CHECK_TEXT(lua_tostring(to, -1), "malformed message",
                   "the error says that the bytes are not well-formed");
    lua_settop(to, 0);
}

/* ---- what is accepted ---- */

static void check_arrives(const char *expressions, const char *condition,
                          const char *sentence)
{
    struct message *message;

    state_evaluate(from, expressions);
    message = encode(from);
    CHECK(decode_bytes(message->bytes, message->size) == LUA_OK &&
              state_holds(to, condition),
          sentence);
    message_release(message);
    lua_settop(from, 0);
}

static void bytes_of_a_message_are_enough(void)
{
    CHECK_NUMBER(decode_bytes("", 0), LUA_OK, "no bytes are no error");
    CHECK_NUMBER(lua_gettop(to), 0, "but no values");
    check_arrives("nil, 1, 'x', nil",
                  "select('#', ...) == 4 and b == 1 and c == 'x'",
                  "all values arrive");
    check_arrives("(function() local t = {} t.t = t return t, {t} end)()",
                  "a.t == a and b[1] == a", "tables that come again, too");
    check_arrives("{{'name', 'name'}, {'name'}, {'name'}}",
                  "a[1][1] == 'name' and a[3][1] == 'name'",
                  "and strings that come again");
    check_arrives("{[1.5] = {}, [true] = 1, [-1] = 2, [''] = 3}",
                  "a[1.5] and a[true] == 1 and a[-1] == 2 and a[''] == 3",
                  "keys may be whatever Lua allows");
}

/* ---- what has a meaning in this process only ---- */

static void check_refused(const char *sentence)
{
    struct message *message = message_new();
    struct codec_fault fault;

    message->lends = true;
    CHECK(codec_encode(from, 1, 1, CODEC_STRICT, message, &fault) &&
              decode(to, message) == LUA_OK,
          "in this process the value can travel");
    check_rejected(message->bytes, message->size, sentence);
    message_release(message);
    lua_settop(from, 0);
}

static void addresses_are_refused(void)
{
    lua_pushlightuserdata(from, &from);
    check_refused("light userdata are refused");
    state_evaluate(from, "print");
    check_refused("C functions are refused");
    lua_pushinteger(from, 1);
    lua_pushcclosure(from, state_decode, 1);
    check_refused("also with upvalues");
    state_evaluate(from, "{{print}}");
    check_refused("and in tables");
    lua_register(from, "parcel", lua_parcel_new);
    state_evaluate(from, "parcel(1)");
    check_refused("handles are refused");
    lua_gc(from, LUA_GCCOLLECT, 0);
    lua_gc(to, LUA_GCCOLLECT, 0);
    state_evaluate(from, "('x'):rep(70000)");
    check_refused("strings that are lent are refused");
}

/* ---- what is not well-formed ---- */

static void keys_are_checked(void)
{
    static const unsigned char no_key[] = {TAG_TABLE, 0, 0, 0,       0,       1,
                                           0,         0, 0, TAG_NIL, TAG_TRUE};
    unsigned char no_number[] = {TAG_TABLE, 0, 0,         0,    0,       1, 0,
                                 0,         0, TAG_FLOAT, 0,    0,       0, 0,
                                 0,         0, 0xf8,      0x7f, TAG_TRUE};

    check_rejected(no_key, sizeof no_key, "nil is no key");
    check_rejected(no_number, sizeof no_number, "nor is what is no number");
    no_number[16] = 0xf0;
    CHECK(decode_bytes(no_number, sizeof no_number) == LUA_OK &&
              state_holds(to, "a[math.huge] == true"),
          "infinity is one");
}

static void put_sizes(unsigned char *bytes, uint32_t array, uint32_t hash)
{
    struct table_sizes sizes = {array, hash};

    bytes[0] = TAG_TABLE;
    memcpy(bytes + 1, &sizes, sizeof sizes);
}

static void check_claim(uint32_t array, uint32_t hash)
{
    unsigned char bytes[100] = {0};

    put_sizes(bytes, array, hash);
    check_rejected(bytes, sizeof bytes, "what cannot be there is rejected");
}

static void sizes_are_checked(void)
{
    check_claim(101, 0);
    check_claim(UINT32_MAX, 0);
    check_claim(0, 51);
    check_claim(0, (uint32_t)1 << 31);
    check_claim(0, UINT32_MAX);
    check_claim(UINT32_MAX, UINT32_MAX);
    check_claim(2, UINT32_MAX);
}

/* Each table is the first thing in the one before, and says that all the rest
 * of the bytes are its own. The block that the largest may be is in the way of
 * none of them; all together they are. */
static void promises_are_not_made_twice(void)
{
    enum {
        SIZE = 1 << 20,
        DEPTH = 90
    };
    unsigned char *bytes = calloc(SIZE, 1);
    unsigned long before;
    size_t i;

    for (i = 0; i < DEPTH; i++)
        put_sizes(bytes + 9 * i, (uint32_t)(SIZE - 9 * (i + 1)), 0);
    lua_settop(to, 0);
    before = to_memory.allocations;
    check_rejected(bytes, SIZE, "a byte belongs to one table");
    CHECK(to_memory.allocations - before < 10,
          "what cannot come is not made room for");
    free(bytes);
}

static void depth_is_bounded(void)
{
    enum {
        DEPTH = 100000
    };
    unsigned char *bytes = malloc(9 * DEPTH);
    size_t i;

    for (i = 0; i < DEPTH; i++)
        put_sizes(bytes + 9 * i, i + 1 < DEPTH, 0);
    check_rejected(bytes, 9 * DEPTH, "no message is so deep");
    check_rejected(bytes + 9 * (DEPTH - CODEC_MAX_DEPTH - 1),
                   9 * (CODEC_MAX_DEPTH + 1), "nor one deeper than may be");
    CHECK_NUMBER(decode_bytes(bytes + 9 * (DEPTH - CODEC_MAX_DEPTH),
                              9 * CODEC_MAX_DEPTH),
                 LUA_OK, "what may travel may come");
    free(bytes);
}

static void many_values_are_an_error(void)
{
    enum {
        MANY = 2000000
    };
    unsigned char *bytes = calloc(MANY, 1);

    CHECK_NUMBER(decode_bytes(bytes, MANY), LUA_ERRRUN,
                 "more values than a stack can have are an error");
    CHECK(strstr(lua_tostring(to, -1), "too many values") != NULL,
          "which says so");
    CHECK_NUMBER(decode_bytes(bytes, MANY_VALUES), LUA_OK,
                 "as many as fit arrive");
    lua_settop(to, 0);
    free(bytes);
}

static void all(void)
{
    states_open();
    check_part("bytes of a message are enough", bytes_of_a_message_are_enough);
    check_part("addresses are refused", addresses_are_refused);
    check_part("keys are checked", keys_are_checked);
    check_part("sizes are checked", sizes_are_checked);
    check_part("promises are not made twice", promises_are_not_made_twice);
    check_part("depth is bounded", depth_is_bounded);
    check_part("many values are an error", many_values_are_an_error);
    states_close();
}

int main(void)
{
    return check_program("codec_bytes", all);
}
