/* SPDX-License-Identifier: MIT
 *
 * Lua values to messages and back: what is sent arrives.
 *
 * tests/codec_functions.c has functions, tests/codec_handles.c handles,
 * tests/codec_faults.c what cannot be sent, tests/codec_graphs.c any values at
 * random, and what is damaged.
 */
#include "lua_codec.h"

#include <math.h>

#include "support/check.h"
#include "support/states.h"

/* ---- values without parts ---- */

static void simple_values_travel(void)
{
    SENDS("nil", "select('#', ...) == 1 and a == nil", "nil arrives");
    SENDS("true, false", "a == true and b == false", "booleans arrive");
    SENDS("''", "a == ''", "an empty string arrives");
    SENDS("'x', 'a\\0b'", "a == 'x' and b == 'a\\0b' and #b == 3",
          "strings arrive, with zeros");
}

static void push_many_values(void)
{
    char expressions[40];

    snprintf(expressions, sizeof expressions, "unpack({}, 1, %d)", MANY_VALUES);
    state_evaluate(from, expressions);
}

static void any_number_of_values_travels(void)
{
    SENDS("nil, nil", "select('#', ...) == 2", "only nils arrive");
    SENDS("1, nil, 3, nil", "select('#', ...) == 4 and a == 1 and c == 3",
          "nils between values and after them arrive");
    state_run(from, "");
    travel();
    CHECK_NUMBER(lua_gettop(to), 0, "no value arrives if none is sent");
    push_many_values();
    travel();
    CHECK_NUMBER(lua_gettop(to), MANY_VALUES, "very many values arrive");
    lua_settop(from, 0);
    lua_settop(to, 0);
}

/* Both have one number. */
static bool is_same_number(void)
{
    lua_Number sent = lua_tonumber(from, 1), arrived = lua_tonumber(to, 1);

#if HAS_INTEGERS
    if (lua_isinteger(from, 1))
        return lua_isinteger(to, 1) &&
               lua_tointeger(from, 1) == lua_tointeger(to, 1);
    if (lua_isinteger(to, 1))
        return false;
#endif
    return lua_type(to, 1) == LUA_TNUMBER &&
           memcmp(&sent, &arrived, sizeof sent) == 0;
}

/* The number on the top of the stack of `from`. */
static void check_number_travels(void)
{
    lua_pushvalue(from, -1);
    lua_insert(from, 1);
    lua_settop(from, 1);
    travel();
    CHECK(is_same_number(), "a number arrives bit by bit");
    lua_settop(from, 0);
}

static void integers_travel(void)
{
    static const lua_Integer borders[] = {
        0,         1,         127,       128,       255,        INT16_MAX,
        INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, UINT32_MAX, 1LL << 53,
    };
    size_t i;
    lua_Integer near;

    for (i = 0; i < sizeof borders / sizeof *borders; i++)
        for (near = -2; near <= 2; near++) {
            lua_pushinteger(from, (lua_Integer)((lua_Unsigned)borders[i] +
                                                (lua_Unsigned)near));
            check_number_travels();
        }
}

static void floats_travel(void)
{
    static const lua_Number floats[] = {
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        127.0,
        128.0,
        1e15,
        1e300,
        5e-324,
        2e-308,
        9007199254740993.0,
        INFINITY,
        -INFINITY,
        (lua_Number)INT32_MAX,
        -9.2233720368547758e18,
    };
    size_t i;

    for (i = 0; i < sizeof floats / sizeof *floats; i++) {
        lua_pushnumber(from, floats[i]);
        check_number_travels();
    }
    SENDS("0/0, -(0/0)", "a ~= a and b ~= b", "what is no number arrives");
}

static void strings_of_any_length_travel(void)
{
    static const size_t lengths[] = {0,     1,     39,     40,     41,  127,
                                     128,   254,   255,    256,    257, 65535,
                                     65536, 65537, 100000, 5000000};
    size_t i, j, length;
    luaL_Buffer buffer;
    char *text;

    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        text = luaL_buffinitsize(from, &buffer, lengths[i] + 1);
        for (j = 0; j < lengths[i]; j++)
            text[j] = (char)(j * 31 + j / 256);
        luaL_pushresultsize(&buffer, lengths[i]);
        travel();
        text = (char *)(uintptr_t)lua_tolstring(from, 1, &length);
        lua_pushlstring(to, text, length);
        CHECK(lua_rawequal(to, 1, 2), "a string of any length arrives");
        lua_settop(from, 0);
    }
}

/* ---- tables ---- */

static void tables_travel(void)
{
    SENDS("{}", "next(a) == nil", "an empty table arrives");
    SENDS("{1, 2, 3}", "#a == 3 and a[1] == 1 and a[3] == 3", "a list arrives");
    SENDS("{x = 1, ['y z'] = 2}", "a.x == 1 and a['y z'] == 2",
          "fields arrive");
    SENDS("{1, 2, x = 3, [2.5] = 4}",
          "#a == 2 and a[2] == 2 and a.x == 3 and a[2.5] == 4",
          "a list with fields arrives");
    SENDS("{{{{}}}, {1, {2}}}", "next(a[1][1][1]) == nil and a[2][2][1] == 2",
          "tables in tables arrive");
    SENDS("{false, n = 0/0}", "a[1] == false and a.n ~= a.n and not a[2]",
          "what is false is not nothing");
}

static void keys_of_any_type_travel(void)
{
    SENDS("{[-1] = 1, [0] = 2, [1099511627776] = 3, [mininteger] = 4}",
          "a[-1] == 1 and a[0] == 2 and a[1099511627776] == 3 and "
          "a[mininteger] == 4 and #a == 0",
          "integers that are no places in a list are keys");
    SENDS("{[true] = 1, [false] = 2, [''] = 3, [1e300] = 4, [-0.5] = 5}",
          "a[true] == 1 and a[false] == 2 and a[''] == 3 and a[1e300] == 4 "
          "and a[-0.5] == 5",
          "booleans, strings and floats are keys");
    SENDS("{[2^53] = 'f', [print] = 'p'}, print",
          "a[9007199254740992] == 'f' and a[b] == 'p'",
          "floats with the value of an integer are integers, functions are "
          "keys");
    SENDS("(function() local k = {} return {[k] = {k}}, k end)()",
          "a[b][1] == b", "tables are keys, and themselves");
}

/* What Lua takes as the length of a table with holes depends on how the table
 * lies in memory. */
static void lengths_are_kept(void)
{
    SENDS("{1, nil, 3}, #{1, nil, 3}", "#a == b and a[3] == 3",
          "a hole leaves the length as it was");
    SENDS("{nil, nil, 3}, #{nil, nil, 3}", "#a == b and a[3] == 3",
          "so do holes at the beginning");
    SENDS("{n = 3, 1, nil, nil, 4}, #{n = 3, 1, nil, nil, 4}",
          "#a == b and a.n == 3", "so do those of a table with fields");
    SENDS("pack(1, nil, nil)", "a.n == 3 and a[1] == 1 and not a[2]",
          "what was packed can be unpacked");
    SENDS("(function() local t = {} for i = 1000, 1, -1 do t[i] = i end "
          "return t end)()",
          "#a == 1000 and a[1] == 1 and a[999] == 999",
          "a list that was filled backwards is a list");
    SENDS("(function() local t = {} for i = 1, 1000 do t[i] = i end "
          "for i = 1, 900 do t[i] = nil end return t end)()",
          "a[901] == 901 and a[1000] == 1000 and not a[900]",
          "a list that has lost its beginning keeps its end");
    SENDS("{[1] = 'a', [2] = 'b', [4] = 'd', [1000000] = 'm'}",
          "a[1] == 'a' and a[2] == 'b' and a[4] == 'd' and "
          "a[1000000] == 'm' and not a[3]",
          "sparse places arrive");
}

static void only_raw_content_travels(void)
{
    SENDS("setmetatable({x = 1}, {__index = error, __newindex = error, "
          "__len = error, __pairs = error, __eq = error, __call = error, "
          "__metatable = 'locked'})",
          "getmetatable(a) == nil and rawget(a, 'x') == 1 and not a.y",
          "metatables stay behind, and are not asked");
    SENDS("setmetatable({}, {__mode = 'kv'})", "next(a) == nil",
          "weak tables arrive as tables");
}

static void identity_is_kept(void)
{
    SENDS("(function() local t = {} return {t, t, {t}} end)()",
          "a[1] == a[2] and a[3][1] == a[1] and a[1] ~= a[3]",
          "a table that is in several places is one table");
    SENDS("(function() local t = {} return t, {t}, t end)()",
          "a == c and b[1] == a", "also if it is in several values");
    SENDS("(function() local t = {} t.t = t return t end)()", "a.t == a",
          "a table that contains itself does so");
    SENDS("(function() local t = {} t[t] = t return t end)()", "a[a] == a",
          "also as a key");
    SENDS("(function() local s, t = {}, {} s.t, t.s = t, s return s, t end)()",
          "a.t == b and b.s == a", "two tables contain each other");
    SENDS("{}, {}, {{}, {}}", "a ~= b and c[1] ~= c[2] and a ~= c[1]",
          "equal tables are not one");
    SENDS("(function() local l, t = {}, {} for i = 1, 1000 do l[i] = {i} "
          "l[1000 + i] = l[i] end return l end)()",
          "(function() for i = 1, 1000 do if a[i] ~= a[1000 + i] or "
          "a[i][1] ~= i then return false end end return true end)()",
          "each of many tables is itself");
}

/* ---- messages ---- */

static void a_message_knows_what_is_in_it(void)
{
    struct message *message;

    state_evaluate(from, "1, {}, {{}}");
    message = encode(from);
    CHECK(message->values == 3 && message->objects == 3 && !message->shared,
          "values and tables are counted");
    CHECK(message->handle_count == 0, "there is no handle where none was sent");
    message_release(message);
    state_evaluate(from, "(function() local t = {} return t, t end)()");
    message = encode(from);
    CHECK(message->values == 2 && message->objects == 1 && message->shared,
          "a table that is there twice is shared");
    message_release(message);
    lua_settop(from, 0);
}

static void part_of_the_stack_can_be_sent(void)
{
    struct message *message = message_new();
    struct codec_fault fault;

    state_evaluate(from, "'no', 'yes', {1}, print, 'no'");
    CHECK(codec_encode(from, 2, 4, CODEC_STRICT, message, &fault),
          "part of a stack can be encoded");
    CHECK_NUMBER(lua_gettop(from), 5, "and all of it stays");
    CHECK(decode(to, message) == LUA_OK, "and decoded");
    CHECK(state_holds(to, "select('#', ...) == 3 and a == 'yes' and "
                          "b[1] == 1 and type(c) == 'function'"),
          "just that part arrives");
    message_release(message);
    lua_settop(from, 0);
}

static void long_strings_may_be_lent(void)
{
    struct message *message = message_new();
    struct codec_fault fault;

    state_evaluate(from, "('x'):rep(65536), ('y'):rep(65535), "
                         "{('z'):rep(65536)}");
    CHECK(codec_is_lent(from, 1) && !codec_is_lent(from, 2) &&
              !codec_is_lent(from, 3),
          "long strings are lent, others are not");
    message->lends = true;
    CHECK(codec_encode(from, 1, 3, CODEC_STRICT, message, &fault) &&
              message->lent != NULL && message->lent->count == 1 &&
              message->lent->items[0].text == lua_tostring(from, 1),
          "a long string stays where it is");
    CHECK(decode(to, message) == LUA_OK &&
              state_holds(to, "a == ('x'):rep(65536) and #b == 65535 and "
                              "c[1] == ('z'):rep(65536)"),
          "and arrives whole");
    CHECK(message_own(message), "the message can have a copy");
    lua_settop(from, 0);
    lua_gc(from, LUA_GCCOLLECT, 0);
    CHECK(decode(to, message) == LUA_OK &&
              state_holds(to, "a == ('x'):rep(65536)"),
          "which outlives the string");
    message->lent->count = 0;
    CHECK(decode(to, message) != LUA_OK, "what was not lent is malformed");
    message->lent->count = 1;
    message_release(message);
}

static void a_message_can_be_decoded_again(void)
{
    struct message *message;
    unsigned char *before;
    size_t size;

    state_evaluate(from, "{x = {1, 2}}, 'text', print");
    message = encode(from);
    size = message->size;
    before = malloc(size);
    memcpy(before, message->bytes, size);
    CHECK(decode(to, message) == LUA_OK, "a message can be decoded");
    lua_pushvalue(to, 1);
    lua_setglobal(to, "first");
    CHECK(decode(to, message) == LUA_OK, "and again");
    CHECK(state_holds(to, "a ~= first and a.x ~= first.x and a.x[2] == 2 and "
                          "first.x[2] == 2 and b == 'text'"),
          "into other, equal values");
    CHECK(message->size == size && memcmp(message->bytes, before, size) == 0 &&
              message->values == 3,
          "and stays what it was");
    free(before);
    message_release(message);
    lua_settop(from, 0);
}

/* ---- memory ---- */

/* How many allocations it takes to decode the values of the expression. */
static unsigned long allocations_for(const char *expression)
{
    struct message *message;
    unsigned long before;

    state_evaluate(from, expression);
    message = encode(from);
    lua_settop(to, 0);
    lua_gc(to, LUA_GCSTOP, 0);
    before = to_memory.allocations;
    (void)codec_decode(to, message);
    lua_gc(to, LUA_GCRESTART, 0);
    message_release(message);
    return to_memory.allocations - before;
}

static void a_table_is_allocated_at_once(void)
{
    /* LuaJIT has short ones in one block with their table. */
    static const char list_of_20[] = "{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, "
                                     "11, 12, 13, 14, 15, 16, 17, 18, 19, 20}";

    CHECK_NUMBER(allocations_for("{}"), 1, "an empty table is one block");
    CHECK_NUMBER(allocations_for(list_of_20), 2, "a list is two");
    CHECK_NUMBER(allocations_for("(function() local t = {} for i = 1, 5000 do "
                                 "t[i] = i end return t end)()"),
                 2, "however long it is");
    CHECK_NUMBER(allocations_for("(function() local t = {} for i = 1, 5000 do "
                                 "t[-i] = i end return t end)()"),
                 2, "so is a table with keys");
    CHECK_NUMBER(allocations_for("(function() local t = {} for i = 1, 5000 do "
                                 "t[i], t[-i] = i, i end return t end)()"),
                 3, "a list with keys is three");
}

/* That deep values may need a larger stack is in tests/codec_stack.c. */
static void encoding_needs_no_memory_of_lua(void)
{
    CHECK_NUMBER(allocations_to_encode("{1, 'x', {y = true}, {}, print}, 2.5, "
                                       "print, ('x'):rep(1000), nil"),
                 0, "encoding allocates no memory of the sender");
}

/* Where many others are on the stack. */
static int decode_in_a_corner(lua_State *L)
{
    const struct message *message = lua_touserdata(L, 1);

    luaL_checkstack(L, MANY_VALUES, "room");
    lua_settop(L, MANY_VALUES);
    return codec_decode(L, message);
}

static void too_many_values_for_the_stack_are_an_error(void)
{
    struct message *message;

    push_many_values();
    message = encode(from);
    lua_settop(from, 0);
    lua_settop(to, 0);
    lua_pushcfunction(to, decode_in_a_corner);
    lua_pushlightuserdata(to, message);
    CHECK_NUMBER(lua_pcall(to, 1, LUA_MULTRET, 0), LUA_ERRRUN,
                 "more values than the stack has room for are an error");
    CHECK(strstr(lua_tostring(to, -1), "too many values") != NULL,
          "which says so");
    CHECK_NUMBER(decode(to, message), LUA_OK,
                 "where there is room, they arrive");
    CHECK_NUMBER(lua_gettop(to), MANY_VALUES, "all of them");
    lua_settop(to, 0);
    message_release(message);
}

static void all(void)
{
    states_open();
    check_part("simple values travel", simple_values_travel);
    check_part("any number of values travels", any_number_of_values_travels);
    check_part("integers travel", integers_travel);
    check_part("floats travel", floats_travel);
    check_part("strings of any length travel", strings_of_any_length_travel);
    check_part("tables travel", tables_travel);
    check_part("keys of any type travel", keys_of_any_type_travel);
    check_part("lengths are kept", lengths_are_kept);
    check_part("only raw content travels", only_raw_content_travels);
    check_part("identity is kept", identity_is_kept);
    check_part("a message knows what is in it", a_message_knows_what_is_in_it);
    check_part("part of the stack can be sent", part_of_the_stack_can_be_sent);
    check_part("long strings may be lent", long_strings_may_be_lent);
    check_part("a message can be decoded again",
               a_message_can_be_decoded_again);
    check_part("a table is allocated at once", a_table_is_allocated_at_once);
    check_part("encoding needs no memory of Lua",
               encoding_needs_no_memory_of_lua);
    check_part("too many values for the stack are an error",
               too_many_values_for_the_stack_are_an_error);
    states_close();
}

int main(void)
{
    return check_program("codec", all);
}
