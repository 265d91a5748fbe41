/* SPDX-License-Identifier: MIT
 *
 * C functions travel, with their upvalues, and light userdata.
 */
#include <dlfcn.h>

#include "lua_codec.h"
#include "support/check.h"
#include "support/states.h"

static void light_userdata_travel(void)
{
    int here;

    lua_pushlightuserdata(from, &here);
    lua_pushlightuserdata(from, NULL);
    lua_pushlightuserdata(from, (void *)UINTPTR_MAX);
    travel();
    CHECK(lua_touserdata(to, 1) == &here && lua_touserdata(to, 2) == NULL &&
              lua_touserdata(to, 3) == (void *)UINTPTR_MAX &&
              lua_type(to, 2) == LUA_TLIGHTUSERDATA,
          "light userdata arrive");
    lua_settop(from, 0);
}

/* Returns all of its upvalues, as many as the first one says. */
static int give_upvalues(lua_State *L)
{
    int i, count = (int)lua_tointeger(L, lua_upvalueindex(1));

    luaL_checkstack(L, count, NULL);
    for (i = 1; i <= count; i++)
        lua_pushvalue(L, lua_upvalueindex(i));
    return count;
}

static void functions_travel(void)
{
    lua_pushcfunction(from, give_upvalues);
    travel();
    CHECK(lua_tocfunction(to, 1) == give_upvalues, "a C function arrives");
    CHECK(lua_getupvalue(to, 1, 1) == NULL, "without upvalues if it has none");
    lua_settop(from, 0);
    SENDS("string.rep, {string.rep}", "a('x', 3) == 'xxx' and a == b[1]",
          "and can be called");
}

static bool library_cannot_be_kept;

/* Takes the place of the C library's. */
void *dlopen(const char *name, int flags)
{
    void *(*open)(const char *, int);

    *(void **)&open = dlsym(RTLD_NEXT, "dlopen");
    return library_cannot_be_kept ? NULL : open(name, flags);
}

/* First of all, for what is kept once is not asked for again. */
static void functions_without_memory_stay(void)
{
    struct codec_fault fault;
    struct message *message;

    state_evaluate(from, "string.rep");
    library_cannot_be_kept = true;
    message = encode_with(from, CODEC_STRICT, &fault);
    library_cannot_be_kept = false;
    if (message != NULL) {
        check_skip("Lua is part of the program");
        message_release(message);
    } else {
        CHECK(fault.problem == CODEC_NO_MEMORY,
              "there may be no memory for keeping a library");
    }
    lua_settop(from, 0);
}

static void push_closure(lua_State *L, int upvalues)
{
    int i;

    luaL_checkstack(L, upvalues, NULL);
    lua_pushinteger(L, upvalues);
    for (i = 2; i <= upvalues; i++)
        lua_pushinteger(L, i * i);
    lua_pushcclosure(L, give_upvalues, upvalues);
}

static void check_closure(int upvalues)
{
    int i;
    bool right = true;

    lua_settop(to, 1);
    lua_call(to, 0, LUA_MULTRET);
    CHECK_NUMBER(lua_gettop(to), upvalues, "a function has all its upvalues");
    for (i = 2; i <= upvalues; i++)
        right = right && lua_tointeger(to, i) == i * i;
    CHECK(right, "in their order");
}

static void upvalues_travel(void)
{
    static const int counts[] = {1, 2, 3, 100, 254, 255};
    size_t i;

    for (i = 0; i < sizeof counts / sizeof *counts; i++) {
        push_closure(from, counts[i]);
        travel();
        check_closure(counts[i]);
        lua_settop(from, 0);
    }
}

/* Counts in its upvalue. */
static int count(lua_State *L)
{
    lua_Integer next = lua_tointeger(L, lua_upvalueindex(1)) + 1;

    lua_pushinteger(L, next);
    lua_copy(L, -1, lua_upvalueindex(1));
    return 1;
}

static void functions_go_on_where_they_were(void)
{
    lua_pushinteger(from, 0);
    lua_pushcclosure(from, count, 1);
    lua_setglobal(from, "count");
    SENDS("count() + count(), count", "a == 3 and b() == 3 and b() == 4",
          "a function goes on where it was");
    state_evaluate(from, "count()");
    CHECK(lua_tointeger(from, 1) == 3, "on both sides");
    lua_settop(from, 0);
}

/* Sets `make(...)` in the state: a function with these upvalues. */
static int make(lua_State *L)
{
    lua_pushcclosure(L, give_upvalues, lua_gettop(L));
    return 1;
}

static void identity_of_functions_is_kept(void)
{
    lua_register(from, "make", make);
    SENDS("(function() local f = make(1) return f, {f}, {[f] = f} end)()",
          "a == b[1] and c[a] == a", "a function with upvalues is one");
    SENDS("(function() local t = {} t.f = make(2, t) return t end)()",
          "select(2, a.f()) == a", "it may be in its own upvalue");
    SENDS("(function() local t = {} return make(2, t), make(2, t), t end)()",
          "a ~= b and select(2, a()) == c and select(2, b()) == c",
          "functions may share what is in their upvalues");
    SENDS("(function() local f = make(1) return make(2, f), f end)()",
          "select(2, a()) == b", "functions may be upvalues");
    SENDS("(function() local t = {} local f = make(3, nil, t) t[1] = f "
          "t[2] = t return f, t end)()",
          "select(3, a()) == b and b[1] == a and b[2] == b",
          "functions and tables may be entangled");
}

static void encoding_needs_no_memory_of_lua(void)
{
    lua_register(from, "make", make);
    CHECK_NUMBER(allocations_to_encode("make(1, {}), {make(1, 2)}"), 0,
                 "encoding functions allocates no memory of the sender");
}

static void all(void)
{
    states_open();
    check_part("light userdata travel", light_userdata_travel);
    check_part("functions without memory stay", functions_without_memory_stay);
    check_part("functions travel", functions_travel);
    check_part("upvalues travel", upvalues_travel);
    check_part("functions go on where they were",
               functions_go_on_where_they_were);
    check_part("identity of functions is kept", identity_of_functions_is_kept);
    check_part("encoding needs no memory of Lua",
               encoding_needs_no_memory_of_lua);
    states_close();
}

int main(void)
{
    return check_program("codec_functions", all);
}
