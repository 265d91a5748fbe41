/* SPDX-License-Identifier: MIT
 *
 * What cannot be sent: which value, where in it, and how deep is too deep.
 */
#include "lua_codec.h"

#include "support/check.h"
#include "support/no_memory.h"
#include "support/states.h"

/* ---- helpers for Lua code ---- */

static const char helpers[] = "f = function() end\n"
                              "co = coroutine.create(f)\n"
                              "u = io.stdout\n";

static void open_states(void)
{
    states_open();
    state_add_nests(from);
    state_run(from, helpers);
}

/* ---- the strict policy ---- */

struct refusal {
    const char *expressions;
    int index;
    /* What codec_push_fault() says. */
    const char *text;
};

static void check_refusal(const struct refusal *refusal)
{
    struct codec_fault fault;
    struct message *message;

    state_evaluate(from, refusal->expressions);
    message = encode_with(from, CODEC_STRICT, &fault);
    if (!CHECK(message == NULL, refusal->text)) {
        message_release(message);
        return;
    }
    CHECK(fault.problem == CODEC_UNSUPPORTED, "it is of no kind that travels");
    CHECK_NUMBER(fault.index, refusal->index, "the right value is blamed");
    codec_push_fault(from, &fault);
    CHECK_TEXT(lua_tostring(from, -1), refusal->text, "and the right place");
    lua_settop(from, 0);
}

#define LONG10 "abcdefghij"
#define LONG40 LONG10 LONG10 LONG10 LONG10

static void the_place_of_a_fault_is_told(void)
{
    static const struct refusal refusals[] = {
        {"f", 1, "Lua function cannot be sent"},
        {"co", 1, "coroutine cannot be sent"},
        {"u", 1, "userdata cannot be sent"},
        {"1, {}, 'x', f", 4, "Lua function cannot be sent"},
        {"1, u, f", 2, "userdata cannot be sent"},
        {"{f}", 1, "at [1]: Lua function cannot be sent"},
        {"{1, 2, f}", 1, "at [3]: Lua function cannot be sent"},
        {"1, {{2, {u}}}", 2, "at [1][2][1]: userdata cannot be sent"},
        {"{name = f}", 1, "at .name: Lua function cannot be sent"},
        {"{_a1 = co}", 1, "at ._a1: coroutine cannot be sent"},
        {"{jobs = {1, 2, {callback = f}}}", 1,
         "at .jobs[3].callback: Lua function cannot be sent"},
        {"{['two words'] = f}", 1,
         "at [\"two words\"]: Lua function cannot be sent"},
        {"{['1st'] = f}", 1, "at [\"1st\"]: Lua function cannot be sent"},
        {"{[''] = f}", 1, "at [\"\"]: Lua function cannot be sent"},
        {"{['a\\0\\n\"b'] = f}", 1,
         "at [\"a??\"b\"]: Lua function cannot be sent"},
        {"{['" LONG40 "'] = f}", 1,
         "at ." LONG40 ": Lua function cannot be sent"},
        {"{['" LONG40 "k'] = f}", 1,
         "at [\"" LONG40 "...\"]: Lua function cannot be sent"},
        {"{[1.5] = f}", 1, "at [1.5]: Lua function cannot be sent"},
        {"{[-1e300] = f}", 1, "at [-1e+300]: Lua function cannot be sent"},
        {"{[-7] = f}", 1, "at [-7]: Lua function cannot be sent"},
#if HAS_INTEGERS
        {"{[math.mininteger] = f}", 1,
         "at [-9223372036854775808]: Lua function cannot be sent"},
#endif
        {"{[true] = f}", 1, "at [true]: Lua function cannot be sent"},
        {"{[false] = f}", 1, "at [false]: Lua function cannot be sent"},
        {"{[{}] = f}", 1, "at [table]: Lua function cannot be sent"},
        {"{[print] = f}", 1, "at [function]: Lua function cannot be sent"},
        {"{[f] = 1}", 1, "at a key: Lua function cannot be sent"},
        {"{jobs = {[f] = 1}}", 1,
         "at .jobs: a key: Lua function cannot be sent"},
        {"{[{u}] = 1}", 1, "at a key[1]: userdata cannot be sent"},
        {"{x = {[{y = {[co] = 1}}] = 1}}", 1,
         "at .x: a key.y: a key: coroutine cannot be sent"},
        {"make(u)", 1, "at <upvalue 1>: userdata cannot be sent"},
        {"{f = make(1, 2, u)}", 1, "at .f<upvalue 3>: userdata cannot be sent"},
        {"make(make(1, {g = f}))", 1,
         "at <upvalue 1><upvalue 2>.g: Lua function cannot be sent"},
    };
    size_t i;

    for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
        check_refusal(&refusals[i]);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The beginning of a long way is left out. */
static void a_long_way_is_cut(void)
{
    struct codec_fault fault;
    struct message *message;
    size_t length;
    int depth;

    for (depth = 1; depth < 40; depth++) {
        lua_settop(from, 0);
        lua_pushfstring(from, "nest_long(%d)", depth);
        state_evaluate(from, lua_tostring(from, 1));
        message = encode_with(from, CODEC_STRICT, &fault);
        CHECK(message == NULL, "what is far away cannot be sent either");
        length = strlen(fault.place);
        CHECK(length < sizeof fault.place && ends_with(fault.place, ".last"),
              "the end of the way is told");
        CHECK((length == 5 + 11 * (size_t)(depth - 1)) ==
                  (strncmp(fault.place, "...", 3) != 0),
              "all of it, or that something was left out");
        CHECK(strncmp(fault.place, "...", 3) != 0 || length > 150,
              "but not more than need be");
    }
    lua_settop(from, 0);
}

static void long_ways(void)
{
    state_run(from, "function nest_long(n)\n"
                    "  local t = {last = f}\n"
                    "  for i = 2, n do t = {abcdefghij = t} end\n"
                    "  return t\n"
                    "end\n");
    a_long_way_is_cut();
}

static void a_refused_message_can_be_made_again(void)
{
    struct message *message = message_new();
    struct codec_fault fault;

    state_evaluate(from, "{1, 2, {f}}, 5");
    CHECK(!codec_encode(from, 1, 2, CODEC_STRICT, message, &fault),
          "a message is refused");
    message_clear(message);
    CHECK(codec_encode(from, 2, 2, CODEC_STRICT, message, &fault),
          "when it was cleared, another one can be made of it");
    CHECK(decode(to, message) == LUA_OK && state_holds(to, "a == 5"),
          "which arrives");
    message_release(message);
    lua_settop(from, 0);
}

/* ---- errors for callers ---- */

static int raise_fault(lua_State *L)
{
    return codec_raise(L, lua_touserdata(L, 1), "send");
}

static void check_raised(enum codec_problem problem, int index,
                         const char *place, const char *text)
{
    struct codec_fault fault = {
        .problem = problem, .index = index, .what = "userdata"};

    strcpy(fault.place, place);
    lua_pushcfunction(from, raise_fault);
    lua_pushlightuserdata(from, &fault);
    CHECK_NUMBER(lua_pcall(from, 1, 0, 0),
                 problem == CODEC_NO_MEMORY ? RAISED_NO_MEMORY : LUA_ERRRUN,
                 "a fault is raised, as what it is");
    CHECK_TEXT(lua_tostring(from, -1), text, "in words");
    lua_settop(from, 0);
}

static void faults_are_raised_in_words(void)
{
    check_raised(CODEC_UNSUPPORTED, 2, "",
                 "bad argument #2 to 'send' (userdata cannot be sent)");
    check_raised(CODEC_UNSUPPORTED, 1, ".x[1]",
                 "bad argument #1 to 'send' (at .x[1]: userdata cannot be "
                 "sent)");
    check_raised(CODEC_TOO_DEEP, 1, "", "Hit maximum copy depth (101 > 100).");
    check_raised(CODEC_NO_MEMORY, 1, "", "not enough memory");
}

/* ---- the lenient policy ---- */

/* Whether the condition holds for what arrives of the expressions when what
 * cannot travel becomes text. */
static bool arrives_somehow(const char *expressions, const char *condition)
{
    struct codec_fault fault;
    struct message *message;
    bool holds;

    state_evaluate(from, expressions);
    message = encode_with(from, CODEC_LENIENT, &fault);
    if (message == NULL || decode(to, message) != LUA_OK)
        abort();
    holds = state_holds(to, condition);
    message_release(message);
    lua_settop(from, 0);
    return holds;
}

#define SENDS_SOMEHOW(expressions, condition, sentence)                        \
    CHECK(arrives_somehow((expressions), (condition)), (sentence))

static void what_cannot_travel_becomes_text(void)
{
    SENDS_SOMEHOW("f, tostring(f)", "a == 'Un-supported value: ' .. b",
                  "a Lua function becomes text");
    SENDS_SOMEHOW("co, tostring(co)", "a == 'Un-supported value: ' .. b",
                  "so does a coroutine");
    SENDS_SOMEHOW("u", "a:match('^Un%-supported value: userdata: 0x%x+$')",
                  "so does a userdata");
    SENDS_SOMEHOW("1, {x = {f, 2}}",
                  "a == 1 and b.x[1]:match('^Un%-supported value: function: ') "
                  "and b.x[2] == 2",
                  "wherever it is");
    SENDS_SOMEHOW("{[f] = 1}, 'Un-supported value: ' .. tostring(f)",
                  "a[b] == 1", "also as a key");
    SENDS_SOMEHOW("(function() local t = {f} return t, {t} end)()", "b[1] == a",
                  "tables keep their identity around it");
    SENDS_SOMEHOW("nil, true, 1, 'x', print, {1}",
                  "select('#', ...) == 6 and b == true and d == 'x'",
                  "what can travel arrives");
}

/* All of a function travels, or none. */
static void functions_travel_whole_or_not_at_all(void)
{
    SENDS_SOMEHOW("make(1, 2)", "type(a) == 'function'",
                  "a function whose upvalues can travel arrives");
    SENDS_SOMEHOW("make(1, u), 2",
                  "a:match('^Un%-supported value: function: ') and b == 2",
                  "one with an upvalue that cannot becomes text");
    SENDS_SOMEHOW("make({x = {f}})",
                  "a:match('^Un%-supported value: function: ')",
                  "however deep it is");
    SENDS_SOMEHOW("(function() local t = {f} local g = make(t) "
                  "return g, {t, g}, t end)()",
                  "type(a) == 'string' and b[2] == a and b[1] == c and "
                  "type(c[1]) == 'string'",
                  "what hangs on it can be text elsewhere");
    SENDS_SOMEHOW("(function() local t = {} local g = make(t) t[1] = g "
                  "return t, g, {f} end)()",
                  "a[1] == b and type(b) == 'function' and "
                  "type(c[1]) == 'string'",
                  "a good one keeps its identity beside a bad one");
    SENDS_SOMEHOW("(function() local t = {} t[1] = make(t) t[2] = f "
                  "return t end)()",
                  "type(a[1]) == 'string' and type(a[2]) == 'string'",
                  "one whose table has what cannot travel becomes text");
    SENDS_SOMEHOW("make(make(u)), make(make(1))",
                  "type(a) == 'string' and type(b) == 'function'",
                  "functions in functions count");
    SENDS_SOMEHOW("make(u), f", "type(b) == 'string'",
                  "after one that was tried, the policy is as before");
}

/* ---- depth ---- */

static bool encodes(const char *expression, enum codec_policy policy)
{
    struct codec_fault fault;
    struct message *message;
    bool arrived = false;

    state_evaluate(from, expression);
    message = encode_with(from, policy, &fault);
    if (message == NULL) {
        CHECK(fault.problem == CODEC_TOO_DEEP && fault.index == 1,
              "what is too deep is known as such");
        codec_push_fault(from, &fault);
        CHECK_TEXT(lua_tostring(from, -1),
                   "Hit maximum copy depth (101 > 100).", "and called so");
    } else {
        arrived = decode(to, message) == LUA_OK;
        CHECK(arrived, "what can be encoded can be decoded");
        message_release(message);
    }
    lua_settop(from, 0);
    return arrived;
}

static void the_greatest_depth_is_exact(void)
{
    static const enum codec_policy policies[] = {CODEC_STRICT, CODEC_LENIENT};
    size_t i;

    for (i = 0; i < 2; i++) {
        CHECK(encodes("nest(99, 1)", policies[i]),
              "99 tables around a value are not too deep");
        CHECK(!encodes("nest(100, 1)", policies[i]), "100 are");
        CHECK(encodes("nest(99, {})", policies[i]), "100 empty tables are not");
        CHECK(!encodes("nest(99, {{}})", policies[i]), "101 are");
        CHECK(encodes("nest_keys(99, 1)", policies[i]),
              "keys count as values do");
        CHECK(!encodes("nest_keys(100, 1)", policies[i]), "in both ways");
        CHECK(encodes("nest_upvalues(99, 1)", policies[i]),
              "upvalues count as values do");
        CHECK(!encodes("nest_upvalues(100, 1)", policies[i]), "in both ways");
        CHECK(encodes("nest(50, nest_upvalues(49, 1))", policies[i]),
              "functions and tables count together");
        CHECK(!encodes("nest(50, nest_upvalues(50, 1))", policies[i]),
              "in both ways");
    }
}

/* The chain is met at its top in the first value, and from the depth in the
 * second one. So a function that refers to it can travel although nobody can
 * tell by looking at the function alone. */
static void depth_is_no_reason_for_the_wrong_fault(void)
{
    static const char values[] = "(function() local t = nest(60, 1) "
                                 "return {t, nest(50, make(1, t, %s))} end)()";
    char text[sizeof values + 10];

    snprintf(text, sizeof text, values, "f");
    CHECK(!encodes(text, CODEC_LENIENT),
          "a function that is too deep is not said to be unsupported");
    snprintf(text, sizeof text, values, "2");
    CHECK(encodes(text, CODEC_STRICT), "what has been met is not deep");
    CHECK(encodes("(function() local g = make(1, nest(60, 1)) "
                  "return {g, nest(50, g)} end)()",
                  CODEC_LENIENT),
          "nor is a function that has been met");
}

static void cycles_are_not_deep(void)
{
    CHECK(encodes("(function() local t = {} t.t = t return t end)()",
                  CODEC_STRICT),
          "a table in itself is not deep");
    CHECK(!encodes("(function() local t = {} local r = t "
                   "for i = 1, 200 do r[1] = {} r = r[1] end return t end)()",
                   CODEC_STRICT),
          "a long chain is");
    CHECK(encodes("(function() local l = {} local t = {} "
                  "for i = 1, 200 do t[1] = {} t = t[1] l[201 - i] = t end "
                  "return l end)()",
                  CODEC_STRICT),
          "unless its parts come in an order that is not");
}

/* ---- memory ---- */

/* Each allocation fails once, until there is enough for all. */
static unsigned fail_each(enum codec_policy policy)
{
    struct codec_fault fault;
    struct message *message;
    unsigned failures = 0;
    int top = lua_gettop(from);
    bool ok;

    do {
        message = message_new();
        no_memory_once(failures + 1);
        ok = codec_encode(from, 1, top, policy, message, &fault);
        CHECK(no_memory_end() == !ok &&
                  (ok || fault.problem == CODEC_NO_MEMORY),
              "a lack of memory is noticed, and named");
        CHECK_NUMBER(lua_gettop(from), top, "and the stack is as it was");
        message_release(message);
        failures++;
    } while (!ok && failures < 1000);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "and nothing is left behind");
    return failures - 1;
}

static void memory_may_run_out(void)
{
    static const char values[] =
        "{1, ('x'):rep(300), {make(2, {3})}, make({})}, ('y'):rep(5000), "
        "(function() local l = {} for i = 1, 50 do l[i] = {i} end "
        "return l end)()";

    unsigned failures;

    if (!no_memory_works())
        return;
    state_evaluate(from, values);
    failures = fail_each(CODEC_STRICT);
    CHECK(failures > 3, "encoding needs memory now and then");
    CHECK(fail_each(CODEC_LENIENT) >= failures,
          "not less if functions are tried first");
    /* A function that is tried and found to have an upvalue that cannot
     * travel. */
    state_evaluate(from, "make(('z'):rep(5000), u)");
    CHECK(fail_each(CODEC_LENIENT) > 0, "trying a function needs memory");
    /* The message's own memory is full in the midst of the holes. */
    state_evaluate(from, "(function() local t = {} "
                         "for i = 1, 64 do t[i] = true end "
                         "for i = 2, 63 do t[i] = nil end return t end)()");
    CHECK(fail_each(CODEC_STRICT) > 0, "holes need memory, too");
    state_evaluate(from, values);
    travel();
    CHECK(state_holds(to, "#a[2] == 300 and #b == 5000 and c[50][1] == 50"),
          "with memory again, everything arrives");
    lua_settop(from, 0);
}

static void all(void)
{
    open_states();
    check_part("the place of a fault is told", the_place_of_a_fault_is_told);
    check_part("long ways", long_ways);
    check_part("a refused message can be made again",
               a_refused_message_can_be_made_again);
    check_part("faults are raised in words", faults_are_raised_in_words);
    check_part("what cannot travel becomes text",
               what_cannot_travel_becomes_text);
    check_part("functions travel whole or not at all",
               functions_travel_whole_or_not_at_all);
    check_part("the greatest depth is exact", the_greatest_depth_is_exact);
    check_part("depth is no reason for the wrong fault",
               depth_is_no_reason_for_the_wrong_fault);
    check_part("cycles are not deep", cycles_are_not_deep);
    check_part("memory may run out", memory_may_run_out);
    states_close();
}

int main(void)
{
    return check_program("codec_faults", all);
}
