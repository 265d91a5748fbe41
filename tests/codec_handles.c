/* SPDX-License-Identifier: MIT
 *
 * Handles: userdata that hold a reference, and travel.
 */
#include "lua_handle.h"

#include "support/check.h"
#include "support/lua_parcel.h"
#include "support/states.h"

static unsigned destroyed(void)
{
    return parcels_destroyed;
}

static unsigned alive(void)
{
    return live_count(LIVE_HANDLES);
}

static void collect(lua_State *L)
{
    lua_settop(L, 0);
    state_collect(L);
}

static void open_states(void)
{
    states_open();
    lua_register(from, "parcel", lua_parcel_new);
}

/* ---- userdata ---- */

static void a_userdata_holds_one_reference(void)
{
    struct handle *handle = parcel_new(7);

    lua_handle_push(from, handle);
    CHECK_NUMBER(parcel_holders(handle), 2, "a userdata takes a reference");
    CHECK(lua_handle_at(from, -1) == handle, "and has its handle");
    lua_handle_push(from, handle);
    CHECK_NUMBER(parcel_holders(handle), 3, "each userdata its own");
    CHECK(!lua_rawequal(from, -1, -2), "as they are two");
    collect(from);
    CHECK_NUMBER(parcel_holders(handle), 1, "and gives it back in the end");
    handle_release(handle);
}

static void a_userdata_shows_what_it_is(void)
{
    state_evaluate(from, "parcel(7), parcel(8)");
    CHECK(state_holds(from, "a:number() == 7 and b:number() == 8 and a ~= b "
                            "and debug.getmetatable(a).__name == 'parcel'"),
          "it has the methods and the name of its class");
#if LUA_VERSION_NUM >= 503
    state_evaluate(from, "parcel(7)");
    CHECK(state_holds(from, "tostring(a):match('^parcel: 0x')"),
          "which Lua shows");
#endif
    state_evaluate(from, "parcel(1), parcel(2)");
    CHECK(state_holds(from, "debug.getmetatable(a) == debug.getmetatable(b)"),
          "all of a class share a metatable");
    collect(from);
    CHECK_NUMBER(alive(), 0, "when nobody needs them they are gone");
}

/* Between the two steps of making one. */
static void a_userdata_may_hold_nothing(void)
{
    struct handle **box = lua_handle_new(from, &parcel_class);
    struct codec_fault fault;

    CHECK(*box == NULL, "a new userdata holds nothing");
    CHECK(lua_handle_at(from, 1) == NULL, "and has no handle");
    CHECK(encode_with(from, CODEC_STRICT, &fault) == NULL &&
              fault.problem == CODEC_UNSUPPORTED,
          "and cannot travel");
    collect(from);
    CHECK_NUMBER(alive(), 0, "and is collected without harm");
}

static void other_values_are_no_handles(void)
{
    static const char *const values[] = {
        "nil",
        "1",
        "'x'",
        "{}",
        "print",
        "io.stdout",
        "setmetatable({}, debug.getmetatable(parcel(1)))",
    };
    size_t i;

    for (i = 0; i < sizeof values / sizeof *values; i++) {
        state_evaluate(from, values[i]);
        CHECK(lua_handle_at(from, 1) == NULL, "another value is no handle");
        CHECK_NUMBER(lua_gettop(from), 1, "and the stack is as it was");
    }
    lua_settop(from, 0);
    lua_pushlightuserdata(from, &i);
    (void)lua_newuserdatauv(from, sizeof(struct handle *), 0);
    (void)lua_newuserdatauv(from, 0, 0);
    (void)lua_newuserdatauv(from, sizeof(struct handle *), 0);
    lua_newtable(from);
    lua_setmetatable(from, -2);
    for (i = 1; i <= 4; i++)
        CHECK(lua_handle_at(from, (int)i) == NULL,
              "a userdata of another kind is no handle");
    collect(from);
}

/* Programs can call the finaliser themselves. */
static void a_finaliser_may_be_called_again(void)
{
    struct handle *handle = parcel_new(1);

    lua_handle_push(from, handle);
    state_run(from, "local p = ... local gc = debug.getmetatable(p).__gc "
                    "gc(p) gc(p) gc(nil) gc({}) gc(io.stdout) gc() return p");
    CHECK_NUMBER(parcel_holders(handle), 1,
                 "a finaliser that is called lets go once");
    CHECK(lua_handle_at(from, 1) == NULL, "then the userdata holds nothing");
    collect(from);
    CHECK_NUMBER(parcel_holders(handle), 1, "and is collected without harm");
    handle_release(handle);
}

/* ---- travel ---- */

static void a_handle_travels(void)
{
    SENDS("parcel(7)", "a:number() == 7", "a handle arrives");
    SENDS("{x = {{parcel(1)}}}", "a.x[1][1]:number() == 1", "at any depth");
    SENDS("{[parcel(2)] = 'two'}", "next(a):number() == 2", "also as a key");
    SENDS("parcel(3), nil, {parcel(4)}",
          "a:number() == 3 and c[1]:number() == 4", "several, each itself");
    SENDS("(function() local p = parcel(5) return p, p, {p} end)()",
          "a == b and c[1] == a and a:number() == 5",
          "one that is there twice is the same");
    collect(from);
    collect(to);
    CHECK_NUMBER(alive(), 0, "and goes when both sides let go");
}

static void a_handle_finds_its_class_in_any_state(void)
{
    lua_State *stranger = luaL_newstate();
    struct message *message;

    luaL_openlibs(stranger);
    state_evaluate(from, "parcel(1), {parcel(2)}");
    message = encode(from);
    CHECK_NUMBER(decode(stranger, message), LUA_OK,
                 "a handle arrives where its class is not known");
    CHECK(state_holds(stranger, "a:number() == 1 and b[1]:number() == 2 and "
                                "debug.getmetatable(a) == "
                                "debug.getmetatable(b[1])"),
          "and brings it along, once");
    message_release(message);
    lua_close(stranger);
    collect(from);
    CHECK_NUMBER(alive(), 0, "a state that is closed lets go");
}

static void a_message_keeps_its_handles_alive(void)
{
    struct message *message;
    struct handle *handle = parcel_new(1);

    parcels_destroyed = 0;
    lua_handle_push(from, handle);
    lua_pushvalue(from, 1);
    message = encode(from);
    CHECK_NUMBER(parcel_holders(handle), 4, "a message holds what it carries");
    CHECK_NUMBER(message->handle_count, 2, "as often as it carries it");
    collect(from);
    handle_release(handle);
    CHECK_NUMBER(parcel_holders(handle), 2, "when the sender has let go, too");
    CHECK(decode(to, message) == LUA_OK && parcel_holders(handle) == 4,
          "who receives it holds it as well");
    message_release(message);
    CHECK_NUMBER(parcel_holders(handle), 2, "also when the message is gone");
    CHECK(state_holds(to, "a:number() == 1 and a == b"), "and has it");
    collect(to);
    CHECK_NUMBER(destroyed(), 1, "the last one destroys it");
}

static void a_message_that_nobody_reads_lets_go(void)
{
    struct message *message;

    parcels_destroyed = 0;
    state_evaluate(from, "{parcel(1), parcel(2), {parcel(3)}}");
    message = encode(from);
    collect(from);
    CHECK_NUMBER(destroyed(), 0, "what is on its way is alive");
    message_release(message);
    CHECK_NUMBER(destroyed(), 3, "until the message is gone");
}

static void a_state_that_is_closed_leaves_its_messages_whole(void)
{
    lua_State *mortal = luaL_newstate();
    struct message *message;

    lua_pushcfunction(mortal, lua_parcel_new);
    lua_pushinteger(mortal, 9);
    lua_call(mortal, 1, 1);
    message = encode(mortal);
    lua_close(mortal);
    CHECK(decode(to, message) == LUA_OK && state_holds(to, "a:number() == 9"),
          "a handle outlives the state that has made it");
    message_release(message);
    collect(to);
    CHECK_NUMBER(alive(), 0, "but not all who hold it");
}

static void a_refused_message_holds_nothing(void)
{
    struct codec_fault fault;

    state_evaluate(from, "parcel(1), {parcel(2), io.stdout}");
    CHECK(encode_with(from, CODEC_STRICT, &fault) == NULL,
          "handles do not help what cannot travel");
    CHECK_TEXT(fault.place, "[2]", "which is what is blamed");
    collect(from);
    CHECK_NUMBER(alive(), 0, "and are let go of");
}

static int give_upvalue(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

static void a_handle_can_be_an_upvalue(void)
{
    state_evaluate(from, "parcel(6)");
    lua_pushcclosure(from, give_upvalue, 1);
    travel();
    CHECK(state_holds(to, "a():number() == 6"), "a handle can be an upvalue");
    collect(from);
    collect(to);
    CHECK_NUMBER(alive(), 0, "and is held by its function");
}

/* Each lack of memory on the way, in a state that does not know the class yet:
 * nothing is lost and nothing is held for ever. */
static void handles_survive_a_lack_of_memory(void)
{
    struct handle *handle = parcel_new(1);
    struct message *message;
    struct memory memory;
    lua_State *L;
    unsigned long n = 0;
    int status;

    lua_handle_push(from, handle);
    message = encode(from);
    collect(from);
    do {
        L = state_new(&memory);
        lua_pushcfunction(L, state_decode);
        lua_pushlightuserdata(L, message);
        memory_fail(&memory, ++n, true);
        status = lua_pcall(L, 1, LUA_MULTRET, 0);
        memory_fail(&memory, 0, false);
        CHECK(status == LUA_OK || status == LUA_ERRMEM,
              "a lack of memory is an error of that kind");
        CHECK(decode(L, message) == LUA_OK && lua_handle_at(L, 1) == handle,
              "with memory again, the handle arrives");
        lua_close(L);
        CHECK_NUMBER(parcel_holders(handle), 2,
                     "whatever has failed, nobody holds it too long");
    } while (status != LUA_OK && n < 1000);
    CHECK(n > 3, "a class needs memory");
    message_release(message);
    handle_release(handle);
}

static void all(void)
{
    open_states();
    check_part("a userdata holds one reference",
               a_userdata_holds_one_reference);
    check_part("a userdata shows what it is", a_userdata_shows_what_it_is);
    check_part("a userdata may hold nothing", a_userdata_may_hold_nothing);
    check_part("other values are no handles", other_values_are_no_handles);
    check_part("a finaliser may be called again",
               a_finaliser_may_be_called_again);
    check_part("a handle travels", a_handle_travels);
    check_part("a handle finds its class in any state",
               a_handle_finds_its_class_in_any_state);
    check_part("a message keeps its handles alive",
               a_message_keeps_its_handles_alive);
    check_part("a message that nobody reads lets go",
               a_message_that_nobody_reads_lets_go);
    check_part("a state that is closed leaves its messages whole",
               a_state_that_is_closed_leaves_its_messages_whole);
    check_part("a refused message holds nothing",
               a_refused_message_holds_nothing);
    check_part("a handle can be an upvalue", a_handle_can_be_an_upvalue);
    check_part("handles survive a lack of memory",
               handles_survive_a_lack_of_memory);
    states_close();
}

int main(void)
{
    return check_program("codec_handles", all);
}
