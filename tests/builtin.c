/* SPDX-License-Identifier: MIT
 *
 * Functions that travel by name: they are found without memory, and become
 * those of the receiver, or an error.
 */
#include "lua_builtin.h"

#include "lua_codec_format.h"
#include "support/check.h"
#include "support/states.h"

static int our_own(lua_State *L)
{
    return lua_gettop(L);
}

static void open_states(void)
{
    states_open();
    lua_register(from, "our_own", our_own);
    lua_register(to, "our_own", our_own);
    lua_settop(from, 0);
}

/* ---- finding ---- */

/* The one function on the stack of `from`. */
static bool is_found(struct lua_builtin *builtin)
{
    bool found = lua_builtin_find(from, 1, builtin);

    CHECK_NUMBER(lua_gettop(from), 1, "finding leaves the stack as it was");
    return found;
}

static bool finds(const char *expression)
{
    struct lua_builtin builtin;

    state_evaluate(from, expression);
    return is_found(&builtin);
}

static int push_builtin(lua_State *L)
{
    lua_builtin_push(L, (unsigned)lua_tointeger(L, 2));
    return lua_gettop(L) == 3 ? 1 : 0;
}

/* Replaces the whole stack of `to` by the function of this name, or the error.
 */
static int push(unsigned library, const char *field, size_t length)
{
    lua_settop(to, 0);
    lua_pushcfunction(to, push_builtin);
    lua_pushnil(to);
    lua_pushinteger(to, (lua_Integer)library);
    lua_pushlstring(to, field, length);
    return lua_pcall(to, 3, LUA_MULTRET, 0);
}

static void check_found(const char *expression)
{
    struct lua_builtin builtin;

    state_evaluate(from, expression);
    if (!CHECK(is_found(&builtin), "a function of a library is found"))
        return;
    CHECK(push(builtin.library, builtin.field, builtin.length) == LUA_OK &&
              lua_gettop(to) == 1,
          "by its name the receiver has one function");
    lua_setglobal(to, "arrived");
    state_evaluate(to, expression);
    lua_getglobal(to, "arrived");
    CHECK(lua_rawequal(to, 1, 2), "which is its own of this name");
}

static void functions_of_libraries_are_found(void)
{
    static const char *const functions[] = {
        "print",          "pairs",         "tostring",        "string.format",
        "string.rep",     "table.concat",  "math.floor",      "math.random",
        "io.write",       "io.lines",      "os.time",         "debug.getinfo",
        "coroutine.wrap", "require",       "package.loadlib", "io.close",
        "next",           "string.gmatch", "table.sort",      "select",
    };
    size_t i;

    for (i = 0; i < sizeof functions / sizeof *functions; i++)
        check_found(functions[i]);
}

static void others_are_not(void)
{
    CHECK(!finds("function() end"), "a Lua function is not found");
    CHECK(!finds("our_own"), "nor is a C function of a program");
    state_run(from, "string.mine, math.mine = our_own, function() end");
    CHECK(!finds("string.mine"), "also if it is in a library");
    CHECK(!finds("math.mine"), "whichever it is");
    state_run(from, "string.mine, math.mine = nil");
    state_run(from, "box = {string.rep} string.rep = nil");
    CHECK(!finds("box[1]"), "nor is what was there once");
    state_run(from, "string[1], string[true] = box[1], box[1]");
    CHECK(!finds("box[1]"), "a name is a string");
    state_run(from, "string.rep, string[1], string[true] = box[1]");
    CHECK(finds("box[1]"), "where it is again it is found again");
}

/* Outside of any protected call. */
static void finding_never_raises(void)
{
    static const char *const worlds[] = {
        "setmetatable(string, {__index = error, __pairs = error})",
        "setmetatable(package.loaded, {__index = error, __pairs = error})",
        "package.loaded.math, package.loaded.io = 1, print",
        "package.loaded[1], package.loaded[print] = {print}, {}",
        "_G.package, _G.string = nil",
        "for name in next, package.loaded do package.loaded[name] = nil end",
        "debug.getregistry()._LOADED = nil",
        "debug.getregistry()._LOADED = 'nonsense'",
    };
    lua_State *kept = from;
    struct lua_builtin builtin;
    size_t i;

    for (i = 0; i < sizeof worlds / sizeof *worlds; i++) {
        from = state_new(&from_memory);
        state_run(from, "box = {tostring, function() end}");
        lua_settop(from, 0);
        state_run(from, worlds[i]);
        lua_settop(from, 0);
        lua_getglobal(from, "box");
        lua_rawgeti(from, 1, 1);
        lua_rawgeti(from, 1, 2);
        lua_remove(from, 1);
        lua_gc(from, LUA_GCCOLLECT, 0);
        memory_fail(&from_memory, 1, true);
        (void)lua_builtin_find(from, 1, &builtin);
        CHECK(!lua_builtin_find(from, 2, &builtin),
              "nothing is found that is not there");
        CHECK_NUMBER(lua_gettop(from), 2, "the stack is as it was");
        CHECK_NUMBER(from_memory.allocations, 0, "finding takes no memory");
        memory_fail(&from_memory, 0, false);
        lua_close(from);
    }
    from = kept;
}

/* ---- pushing ---- */

/* In a state that the chunk has changed. */
static void check_refused(const char *chunk, unsigned library,
                          const char *field, size_t length, const char *text)
{
    lua_State *kept = to;
    unsigned long blocks;

    to = state_new(&to_memory);
    state_run(to, chunk);
    (void)push(library, field, length);
    lua_settop(to, 0);
    lua_gc(to, LUA_GCCOLLECT, 0);
    blocks = to_memory.blocks;
    CHECK_NUMBER(push(library, field, length), LUA_ERRRUN,
                 "a name that means nothing here is an error");
    CHECK_NUMBER(lua_gettop(to), 1, "and nothing else");
    CHECK_TEXT(lua_tostring(to, -1), text, "that says which");
    lua_settop(to, 0);
    lua_gc(to, LUA_GCCOLLECT, 0);
    CHECK(to_memory.blocks <= blocks, "and leaves nothing behind");
    lua_close(to);
    to = kept;
}

#define NOT_THERE(name)                                                        \
    "the built-in function '" name "' is not there in this state"

static void what_is_missing_is_an_error(void)
{
    static const char *const worlds[] = {
        "string.format = nil",
        "string.format = function() end",
        "string.format = 7",
        "package.loaded.string = nil",
        "package.loaded.string = 'text'",
    };
    struct lua_builtin found;
    unsigned library;
    size_t i;

    state_evaluate(from, "string.format");
    CHECK(is_found(&found), "a function of a library is found");
    library = found.library;
    for (i = 0; i < sizeof worlds / sizeof *worlds; i++)
        check_refused(worlds[i], library, "format", 6,
                      NOT_THERE("string.format"));
    check_refused("setmetatable(string, {__index = error})", library, "none", 4,
                  NOT_THERE("string.none"));
    check_refused("", library, "", 0, NOT_THERE("string."));
    check_refused("", library, "format\0", 7, NOT_THERE("string.format"));
}

static void a_library_has_a_number(void)
{
    static const unsigned numbers[] = {14, 200, 255};
    unsigned i;

    for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_settop(to, 0);
        lua_pushliteral(to, "format");
        CHECK(!lua_builtin_push(to, numbers[i]),
              "there is no library of each number");
        CHECK_NUMBER(lua_gettop(to), 1, "nothing is pushed from there");
    }
}

static void what_is_not_lua_s_own_is_refused(void)
{
    CHECK(finds("string.rep"), "a function of a library is found");
    state_run(to, "kept, string.rep = string.rep, our_own");
    CHECK_NUMBER(push(1, "rep", 3), LUA_ERRRUN,
                 "a function of a program is not taken for Lua's own");
    state_run(to, "string.rep = kept");
}

/* Each lack of memory. */
static void pushing_may_run_out_of_memory(void)
{
    unsigned long n = 0;
    int status;

    do {
        lua_settop(to, 0);
        lua_pushcfunction(to, push_builtin);
        lua_pushnil(to);
        lua_pushinteger(to, 1);
        lua_pushliteral(to, "rep");
        memory_fail(&to_memory, ++n, true);
        status = lua_pcall(to, 3, LUA_MULTRET, 0);
        memory_fail(&to_memory, 0, false);
        CHECK(status == LUA_OK || status == LUA_ERRMEM,
              "a lack of memory is an error of that kind");
    } while (status != LUA_OK && n < 100);
    CHECK(lua_iscfunction(to, -1), "with memory the function is there");
    lua_settop(to, 0);
}

/* ---- in messages ---- */

static const unsigned char rep[] = {TAG_BUILTIN, 1,   TAG_STRING8, 3,
                                    'r',         'e', 'p'};

static int decode_untrusted(lua_State *L)
{
    return codec_decode_bytes(L, rep, sizeof rep);
}

static void names_in_messages_are_checked(void)
{
    static const unsigned char no_library[] = {TAG_BUILTIN, 99,  TAG_STRING8, 3,
                                               'r',         'e', 'p'},
                               no_name[] = {TAG_BUILTIN, 1, TAG_TRUE};
    size_t size;

    CHECK(decode_written(to, rep, sizeof rep, 0) == LUA_OK &&
              state_holds(to, "a == string.rep"),
          "a name becomes the receiver's function");
    for (size = 1; size < sizeof rep; size++)
        CHECK_NUMBER(decode_written(to, rep, size, 0), LUA_ERRRUN,
                     "a part of it is malformed");
    CHECK_NUMBER(decode_written(to, no_library, sizeof no_library, 0),
                 LUA_ERRRUN, "so is a library that there is none of");
    CHECK_NUMBER(decode_written(to, no_name, sizeof no_name, 0), LUA_ERRRUN,
                 "and what is no name");
    lua_settop(to, 0);
    lua_pushcfunction(to, decode_untrusted);
    CHECK(lua_pcall(to, 0, LUA_MULTRET, 0) == LUA_ERRRUN &&
              strcmp(lua_tostring(to, 1), "malformed message") == 0,
          "from strangers no function is taken");
    lua_settop(to, 0);
}

#if LUA_COMPAT_51

/* Bound to its state in each of them: one has it written in assembler, in the
 * other it has an environment. */
#define BOUND "(rawget(_G, 'jit') and tostring or io.write)"

static void functions_that_are_bound_travel_by_name(void)
{
    struct message *message;

    SENDS(BOUND ", {" BOUND "}, {[" BOUND "] = 1}",
          "a == " BOUND " and b[1] == a and c[a] == 1",
          "what is bound to its state becomes the receiver's");
    state_evaluate(from, BOUND);
    message = encode(from);
    CHECK_NUMBER(message->bytes[0], TAG_BUILTIN, "by its name");
    state_run(to, "kept, tostring, io.write = {tostring, io.write}");
    CHECK_NUMBER(decode(to, message), LUA_ERRRUN,
                 "where there is none it cannot arrive");
    CHECK(strstr(lua_tostring(to, 1), "is not there in this state") != NULL,
          "which is said");
    lua_settop(to, 0);
    state_run(to, "tostring, io.write = unpack(kept)");
    CHECK(decode(to, message) == LUA_OK && state_holds(to, "a == " BOUND),
          "the message is whole, and arrives where there is one");
    message_release(message);
    lua_settop(from, 0);
}

static void functions_that_are_bound_and_have_no_name(void)
{
    struct codec_fault fault;

    state_run(from, "box = {" BOUND "} tostring, io.write = nil");
    state_evaluate(from, "box");
    CHECK(encode_with(from, CODEC_STRICT, &fault) == NULL,
          "without a name it cannot travel");
    CHECK_TEXT(fault.place, "[1]", "and the place is told");
    lua_settop(from, 0);
}

/* A finaliser might raise, or change what is being encoded. The collector has
 * much to do, and does it at once when it is asked. */
static void encoding_collects_nothing(void)
{
    struct codec_fault fault;
    struct message *message;

    state_run(from, "local object = newproxy(true) "
                    "getmetatable(object).__gc = function() gone = true end");
    state_evaluate(from, BOUND ", require('string').rep, " BOUND);
    lua_gc(from, LUA_GCSTOP, 0);
    lua_gc(from, LUA_GCSETSTEPMUL, 1000000);
    lua_gc(from, LUA_GCRESTART, 0);
    message = encode_with(from, CODEC_STRICT, &fault);
    lua_gc(from, LUA_GCSTOP, 0);
    CHECK(message != NULL, "a function that is bound is encoded");
    message_release(message);
    lua_settop(from, 0);
    CHECK(state_holds(from, "gone == nil"), "nothing is collected meanwhile");
    lua_gc(from, LUA_GCCOLLECT, 0);
    CHECK(state_holds(from, "gone"), "but later");
    lua_gc(from, LUA_GCRESTART, 0);
}

/* Its walk through the libraries is made where there is room. */
static void finding_deep_in_a_value(void)
{
    SENDS("(function() local t = {" BOUND "} for _ = 1, 97 do t = {t} end "
          "return t end)()",
          "(function() for _ = 1, 97 do a = a[1] end "
          "return a[1] == " BOUND " end)()",
          "also from the greatest depth");
}

#endif

static void all(void)
{
    open_states();
    check_part("functions of libraries are found",
               functions_of_libraries_are_found);
    check_part("others are not", others_are_not);
    check_part("finding never raises", finding_never_raises);
    check_part("what is missing is an error", what_is_missing_is_an_error);
    check_part("a library has a number", a_library_has_a_number);
    check_part("what is not Lua's own is refused",
               what_is_not_lua_s_own_is_refused);
    check_part("pushing may run out of memory", pushing_may_run_out_of_memory);
    check_part("names in messages are checked", names_in_messages_are_checked);
#if LUA_COMPAT_51
    check_part("functions that are bound travel by name",
               functions_that_are_bound_travel_by_name);
    check_part("encoding collects nothing", encoding_collects_nothing);
    check_part("finding deep in a value", finding_deep_in_a_value);
    check_part("functions that are bound and have no name",
               functions_that_are_bound_and_have_no_name);
#endif
    states_close();
}

int main(void)
{
    return check_program("builtin", all);
}
