/* SPDX-License-Identifier: MIT
 *
 * Host programs: several Lua states in one process, one after the other, in
 * parallel and in threads that we did not make, which know each other's
 * channels by name and are closed in any order.
 */
#include "lua_compat.h"
#include "support/check.h"
#include "support/no_memory.h"

int luaopen_llthreads2_core(lua_State *L);

#define ROUNDS (CHECK_SANITIZED ? 5 : 20)
#define HOSTS 4

/* Of this round: children of the last one may still have theirs. */
#define NAME "'kept ' .. round"

/* ---- states ---- */

/* What a state begins with, and, in `prelude`, what its children do: they have
 * the library of this program, too, and not another copy from a file. */
static const char beginning[] =
    "package.preload['llthreads2.core'] = open\n"
    "llthreads = require 'llthreads2'\n"
    "channel = require 'llthreads2.channel'\n"
    "unpack = table.unpack or unpack\n"
    "prelude = [[\n"
    "  package.preload['llthreads2.core'] = (...)\n"
    "  local llthreads = require 'llthreads2'\n"
    "  local channel = require 'llthreads2.channel'\n"
    "  llthreads.set_logger(function() end)\n"
    "]]\n"
    "function start(code, flags, ...)\n"
    "  local thread = llthreads.new(prelude .. code, open, ...)\n"
    "  return assert(thread:start(unpack(flags)))\n"
    "end\n"
    "function named(name)\n"
    "  while true do\n"
    "    local ch = channel.get(name)\n"
    "    if ch then return ch end\n"
    "    local ok, made = pcall(channel.new, { name = name })\n"
    "    if ok then return made end\n"
    "  end\n"
    "end\n";

/* Returns what the chunk returns, an integer. */
static lua_Integer run(lua_State *L, const char *chunk)
{
    lua_Integer result;

    lua_settop(L, 0);
    if (luaL_loadstring(L, chunk) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        CHECK_TEXT(luaL_tolstring(L, -1, NULL), "", "a chunk does not fail");
    result = lua_tointeger(L, 1);
    lua_settop(L, 0);
    return result;
}

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();

    if (L == NULL)
        abort();
    luaL_openlibs(L);
    lua_pushcfunction(L, luaopen_llthreads2_core);
    lua_setglobal(L, "open");
    (void)run(L, beginning);
    return L;
}

static void set_number(lua_State *L, const char *name, int number)
{
    lua_pushinteger(L, number);
    lua_setglobal(L, name);
}

/* ---- one after the other ---- */

/* The detached children live on, with a channel that the next state finds. */
static void come_and_go(void)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        lua_State *L = open_state(), *next = open_state();

        set_number(L, "round", i);
        set_number(next, "round", i);
        (void)run(L, "local ch, ready = channel.new { name = " NAME " }, "
                     "channel.new()\n"
                     "for i = 1, 4 do\n"
                     "  start([[local _, ch, ready = ...\n"
                     "    ready:send()\n"
                     "    for value in ch:messages() do\n"
                     "      channel.get(ch:name()):send(nil)\n"
                     "    end]], { true, i % 2 == 0 }, ch, ready)\n"
                     "end\n"
                     "for i = 1, 4 do ready:receive() end\n"
                     "kept = start([[local _, ch = ... return #ch]], {}, ch)\n"
                     "start('', { true }, ('x'):rep(100000))\n");
        lua_close(L);
        CHECK_NUMBER(run(next, "local ch = assert(channel.get(" NAME "))\n"
                               "for _ = 1, 3 do ch:send('work') end\n"
                               "ch:send(ch, open)\n"
                               "ch:close()\n"
                               "return ch:closed() and 1"),
                     1, "a channel outlives the state that has made it");
        lua_close(next);
    }
}

/* A state is closed while its threads are in the middle of everything. */
static void close_in_the_middle(void)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        lua_State *L = open_state();

        (void)run(L, "for i = 1, 6 do\n"
                     "  kept = { kept, start([[\n"
                     "    local _, i = ...\n"
                     "    local ch = channel.new()\n"
                     "    for i = 1, 100 * i do ch:send({ i }) end\n"
                     "    llthreads.new('', ch):start(i % 2 == 0)\n"
                     "    return ch, ('x'):rep(100000)\n"
                     "  ]], { i % 3 == 0, i % 2 == 0 }, i,\n"
                     "    ('y'):rep(i * 30000)) }\n"
                     "end");
        lua_close(L);
    }
}

/* ---- at the same time ---- */

static void *host(void *number)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        lua_State *L = open_state();

        set_number(L, "seed", *(int *)number * 1000 + i);
        (void)run(L, "math.randomseed(seed)\n"
                     "local ch = named('of all')\n"
                     "for i = 1, 20 do ch:send(i, named('other')) end\n"
                     "local thread = start([[\n"
                     "  local _, ch = ...\n"
                     "  for i = 1, 20 do ch:send(i, channel.get('other')) end\n"
                     "  return ch]], {}, ch)\n"
                     "for i = 1, 20 do assert(ch:receive(20000)) end\n"
                     "if math.random(2) == 1 then thread:join() end\n"
                     "for i = 1, 20 do assert(ch:receive(20000)) end\n"
                     "assert(ch == named('of all'))");
        lua_close(L);
    }
    return NULL;
}

static void at_the_same_time(void)
{
    lua_State *L = open_state();
    pthread_t hosts[HOSTS];
    int numbers[HOSTS], i;

    /* It keeps the channel, so that none of its messages is lost. */
    (void)run(L, "kept = named('of all')");
    for (i = 0; i < HOSTS; i++) {
        numbers[i] = i;
        hosts[i] = check_start(host, &numbers[i]);
    }
    for (i = 0; i < HOSTS; i++)
        check_join(hosts[i]);
    CHECK_NUMBER(run(L, "return kept:count()"), 0,
                 "what all have sent all have received");
    lua_close(L);
}

/* ---- in turn ---- */

struct turn {
    lua_State *L;
    const char *chunk;
};

static void *take_turn(void *argument)
{
    struct turn *turn = argument;

    if (turn->chunk == NULL)
        lua_close(turn->L);
    else
        (void)run(turn->L, turn->chunk);
    return NULL;
}

/* Each step in a thread of its own. */
static void in_turn(void)
{
    static const char *const steps[] = {
        "ch = channel.new(2) thread = llthreads.new(prelude .. "
        "'local _, ch = ... return ch:receive()', open, ch)",
        "thread:start()",
        "ch:send(1)",
        "assert(select(3, thread:join()) == 1)",
        "thread = start('local _, ch = ... ch:send(1) "
        "channel.new():receive()', {}, ch)",
        "assert(ch:receive(20000)) thread:interrupt()",
        "assert(thread:join(20000) == false)",
        "assert(select(2, ch:receive(1)) == 'timeout') ch:send(2) ch:send(3)",
        "assert(select(2, ch:timed_send(1, 4)) == 'timeout') ch:fd()",
        "assert(channel.select({ ch }) == ch)",
        "thread = start('return (\"x\"):rep(100000)', {}, ('y'):rep(100000))",
        "kept = start('local _, ch = ... ch:receive()', { false, false }, ch)",
        NULL,
    };
    struct turn turn;
    size_t i;
    int round;

    for (round = 0; round < ROUNDS; round++) {
        turn.L = open_state();
        for (i = 0; i < sizeof steps / sizeof *steps; i++) {
            turn.chunk = steps[i];
            check_join(check_start(take_turn, &turn));
        }
    }
}

/* A thread that has never waited has nothing yet to wait with. */
static void *join_without_memory(void *state)
{
    lua_State *L = state;
    int status;

    no_memory_from(1);
    status = lua_pcall(L, 2, 1, 0);
    (void)no_memory_end();
    CHECK(status != LUA_OK, "a join may have no memory for waiting");
    CHECK_TEXT(lua_tostring(L, -1), LUA_COMPAT_NO_MEMORY, "which it says");
    return NULL;
}

static void a_turn_without_memory(void)
{
    lua_State *L;

    if (!no_memory_works())
        return;
    L = open_state();
    (void)run(L, "ch = channel.new()\n"
                 "thread = start('local _, ch = ... ch:receive()', {}, ch)\n"
                 "join = thread.join");
    lua_getglobal(L, "join");
    lua_getglobal(L, "thread");
    lua_pushinteger(L, 1);
    check_join(check_start(join_without_memory, L));
    (void)run(L, "ch:send() assert(thread:join())");
    lua_close(L);
}

static void body(void)
{
    check_part("states come and go, and leave channels", come_and_go);
    check_part("states are closed under their threads", close_in_the_middle);
    check_part("states in threads of the host", at_the_same_time);
    check_part("one state in many threads of the host, in turn", in_turn);
    check_part("a turn without memory", a_turn_without_memory);
}

/* Detached threads may still be on their way out when the body has ended. */
static void all(void)
{
    body();
    CHECK_EVENTUALLY(live_count(LIVE_THREADS) == 0 &&
                         live_count(LIVE_WAITERS) <= 1,
                     "all threads end");
}

int main(void)
{
    return check_program("hosts", all);
}
