/* SPDX-License-Identifier: MIT
 *
 * What messages cost that is the same on every machine: the allocations of the
 * library, of which there are none in steady state.
 *
 * Two threads, each with a Lua state of its own, send and receive by the same
 * methods as any program. Memory that Lua asks for is Lua's affair, and not
 * counted.
 *
 * How far a sender is ahead of a receiver depends on the machine, and with it
 * how many messages there are at a time. So at first more messages are queued
 * than ever will be again, and later the sender waits for the receiver every
 * 100 messages: what is counted depends on no clock.
 */
#include "support/allocations.h"
#include "support/check.h"
#include "support/states.h"

int luaopen_llthreads2_core(lua_State *L);

/* ---- two states ---- */

static void *allocate_for_lua(void *memory, void *block, size_t before,
                              size_t size)
{
    void *result;

    allocations_are_lua = true;
    result = memory_allocate(memory, block, before, size);
    allocations_are_lua = false;
    return result;
}

/* What both of them know; the one that is first makes the channels. */
static const char prelude[] =
    "local channel = require('llthreads2.core').channel\n"
    "local function find(name, capacity)\n"
    "  return channel.get(name)\n"
    "    or channel.new { name = name, capacity = capacity }\n"
    "end\n"
    "free, bound = find('free'), find('bound', 50)\n"
    "turns, silent = find('turns'), find('silent')\n"
    "local both = { silent, free }\n"
    "function selected() channel.select(both) end\n"
    "text = ('x'):rep(300)\n"
    "function rounds(count, each, step, turn)\n"
    "  for _ = 1, count do\n"
    "    for i = 1, each do step(i) end\n"
    "    turn(turns)\n"
    "  end\n"
    "end\n";

static void furnish(lua_State *L, struct memory *memory)
{
    lua_setallocf(L, allocate_for_lua, memory);
    luaL_requiref(L, "llthreads2.core", luaopen_llthreads2_core, false);
    lua_settop(L, 0);
    state_run(L, prelude);
}

static void open_two(void)
{
    states_open();
    furnish(from, &from_memory);
    furnish(to, &to_memory);
}

/* ---- two threads ---- */

/* Lua: the values of the message with number i, where they are sent, and how
 * they are received. */
struct traffic {
    const char *values, *sent_to, *receive;
};

static void send_rounds(const struct traffic *traffic, int count, int each,
                        const char *channel, const char *turn)
{
    lua_settop(from, 0);
    lua_pushfstring(from,
                    "rounds(%d, %d, function(i) %s:send(%s) end, "
                    "function() %s end)",
                    count, each, channel, traffic->values, turn);
    state_run(from, lua_tostring(from, 1));
}

/* Ends with a message that gets no turn. Each thread has waited before anything
 * is counted: that it does so for the first time must not be left to chance. */
static void *receive_all(void *argument)
{
    const struct traffic *traffic = argument;

    lua_settop(to, 0);
    lua_pushfstring(to,
                    "local function receive() %s end\n"
                    "local function turn() turns:send() end\n"
                    "silent:receive(1)\n"
                    "rounds(1, 2000, function() free:receive() end, turn)\n"
                    "rounds(200, 100, receive, turn)\n"
                    "receive()",
                    traffic->receive);
    state_run(to, lua_tostring(to, 1));
    return NULL;
}

/* Of 10,000 messages, after 2,000 at a time and 10,000 more. */
static unsigned long allocations_of(const struct traffic *traffic)
{
    pthread_t receiver;
    unsigned long count;

    open_two();
    state_run(from, "silent:receive(1)");
    send_rounds(traffic, 1, 2000, "free", "");
    receiver = check_start(receive_all, (void *)(uintptr_t)traffic);
    state_run(from, "turns:receive()");
    send_rounds(traffic, 100, 100, traffic->sent_to, "turns:receive()");
    allocations_begin();
    send_rounds(traffic, 100, 100, traffic->sent_to, "turns:receive()");
    count = allocations_end();
    send_rounds(traffic, 1, 1, traffic->sent_to, "");
    check_join(receiver);
    states_close();
    return count;
}

static void allocates_nothing(const struct traffic *traffic,
                              const char *sentence)
{
    if (CHECK_NUMBER(allocations_of(traffic), 0, sentence))
        return;
    fprintf(stderr,
            "    10,000 messages made so many allocations, the first of %zu "
            "bytes;\n    the budget is none. Who makes them is seen by\n"
            "    gdb -ex 'break allocation_seen' -ex run -ex backtrace\n",
            atomic_load(&allocations_first));
}

/* ---- validation ---- */

static void small_messages(void)
{
    static const struct traffic traffic = {"i, 'text', true", "free",
                                           "free:receive()"};

    allocates_nothing(&traffic, "small messages allocate nothing");
}

static void small_messages_selected(void)
{
    static const struct traffic traffic = {"i, 'text', true", "free",
                                           "selected()"};

    allocates_nothing(&traffic, "nor do they if they are selected");
}

static void middle_messages(void)
{
    static const struct traffic traffic = {"text", "free", "free:receive()"};

    allocates_nothing(&traffic, "messages of 300 bytes allocate nothing");
}

static void tables(void)
{
    static const struct traffic traffic = {
        "{ id = i, name = 'text', tags = { 'red', i, 0.5 } }", "free",
        "free:receive()"};

    allocates_nothing(&traffic, "tables allocate nothing");
}

static void bounded_channels(void)
{
    static const struct traffic traffic = {"i, 'text', true", "bound",
                                           "bound:receive()"};

    allocates_nothing(&traffic, "messages that wait for room allocate nothing");
}

static void body(void)
{
    if (!allocations_work())
        return;
    check_part("small messages", small_messages);
    check_part("small messages, selected", small_messages_selected);
    check_part("messages of middle size", middle_messages);
    check_part("tables", tables);
    check_part("bounded channels", bounded_channels);
}

int main(void)
{
    return check_program("costs", body);
}
