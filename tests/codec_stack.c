/* SPDX-License-Identifier: MIT
 *
 * Deep values need more room on the stack than there may be, and the stack more
 * memory. Encoding makes the stack larger outside of any protected call, and
 * raises nothing all the same.
 */
#include "lua_codec.h"

#include "support/check.h"
#include "support/states.h"

/* With a place for the upvalues that print() has in LuaJIT. */
static const char *const deep_values[] = {
    "nest(99, 1)",
    "nest_keys(98, print)",
    "nest_upvalues(99, 1)",
    "nest(40, nest_upvalues(40, nest_keys(18, print))), nest(80, {})",
};

#define DEEP_VALUES (sizeof deep_values / sizeof *deep_values)

/* ---- no memory ---- */

/* In a state whose stack is as small as when it was made. Whether an allocation
 * has failed. */
static bool encode_without_memory(const char *expressions,
                                  enum codec_policy policy, unsigned long n,
                                  bool for_good)
{
    struct codec_fault fault;
    struct message *message;
    unsigned long blocks;
    bool failed;

    from = state_new(&from_memory);
    state_add_nests(from);
    state_evaluate(from, expressions);
    state_collect(from);
    blocks = from_memory.blocks;
    memory_fail(&from_memory, n, for_good);
    message = encode_with(from, policy, &fault);
    failed = from_memory.failed;
    memory_fail(&from_memory, 0, false);
    /* Since 5.2 Lua collects its garbage and asks again. */
    CHECK(message != NULL ? !failed || !for_good
                          : failed && fault.problem == CODEC_NO_MEMORY,
          "a lack of memory is noticed, and named");
    if (message != NULL)
        message_release(message);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "no message is left behind");
    state_collect(from);
    CHECK(from_memory.blocks <= blocks, "nor anything in the state");
    message_release(encode(from));
    lua_close(from);
    CHECK_NUMBER(from_memory.blocks, 0, "and the state has lost no block");
    return failed;
}

static void fail_each(const char *expressions, enum codec_policy policy,
                      bool for_good)
{
    unsigned long n = 1;

    while (encode_without_memory(expressions, policy, n, for_good))
        n++;
    CHECK(n > 1, "deep values need a larger stack");
}

static void memory_may_run_out(void)
{
    size_t i;

    for (i = 0; i < DEEP_VALUES; i++) {
        fail_each(deep_values[i], CODEC_STRICT, true);
        fail_each(deep_values[i], CODEC_STRICT, false);
        fail_each(deep_values[i], CODEC_LENIENT, true);
        fail_each(deep_values[i], CODEC_LENIENT, false);
    }
}

/* ---- no room ---- */

/* Slots that a function takes for itself, and how many such calls there may be:
 * in one Lua each function has its limit, in another all of them together, or
 * the depth of calls has one. */
#if LUA_COMPAT_51
#define SLOTS 7000
#else
#define SLOTS 180000
#endif
#define CALLS 50

static void encode_here(lua_State *L, const char *name, bool *encoded)
{
    struct codec_fault fault;
    struct message *message = message_new();
    int top = lua_gettop(L);

    lua_getglobal(L, name);
    *encoded = codec_encode(L, top + 1, top + 1, CODEC_STRICT, message, &fault);
    CHECK(*encoded || fault.problem == CODEC_NO_MEMORY,
          "a lack of room is a lack of memory");
    CHECK_NUMBER(lua_gettop(L), top + 1, "the stack is as it was");
    lua_settop(L, top);
    message_release(message);
}

/* fill(calls): takes slots until there are none, and encodes there. */
static int fill(lua_State *L)
{
    int calls = (int)lua_tointeger(L, 1);
    bool encoded;

    if (calls < CALLS && lua_compat_checkstack(L, SLOTS)) {
        lua_settop(L, SLOTS - 100);
        lua_getglobal(L, "fill");
        lua_pushinteger(L, calls + 1);
        lua_call(L, 1, 0);
        return 0;
    }
    while (lua_compat_checkstack(L, 2 * CODEC_SLOTS))
        lua_settop(L, lua_gettop(L) + CODEC_SLOTS);
    encode_here(L, "flat", &encoded);
    CHECK(encoded, "what is not deep needs the slots that there are");
    encode_here(L, "deep", &encoded);
    CHECK(!encoded, "what is deep does not fit");
    return 0;
}

static void room_may_run_out(void)
{
    bool encoded;

    from = state_new(&from_memory);
    lua_register(from, "fill", fill);
    state_add_nests(from);
    state_run(from, "flat, deep = {1, 'x', {}}, nest(90, 1)");
    lua_getglobal(from, "fill");
    lua_pushinteger(from, 1);
    CHECK_NUMBER(lua_pcall(from, 1, 0, 0), LUA_OK, "nothing is raised");
    lua_settop(from, 0);
    encode_here(from, "deep", &encoded);
    CHECK(encoded, "where there is room again it does");
    lua_close(from);
}

static void all(void)
{
    check_part("memory may run out", memory_may_run_out);
    check_part("room may run out", room_may_run_out);
}

int main(void)
{
    return check_program("codec_stack", all);
}
