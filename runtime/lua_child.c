/* SPDX-License-Identifier: MIT
 *
 * Whatever may raise runs inside of a protected call. Between these calls only
 * functions are used that never raise: pushing light values and C functions,
 * codec_encode(), the stack manipulation. (In 5.1 a C function needs memory;
 * there lua_compat_run() protects it all once more.)
 *
 * The chunk is called as a program's main chunk is, straight from C: it finds
 * no other function below itself.
 */
#include "lua_child.h"

#include "lua_chunk.h"
#include "lua_codec.h"
#include "lua_home.h"
#include "lua_interrupt.h"
#include "lua_logger.h"
#include "lua_outcome.h"
#include "lua_party.h"

#define NO_MESSAGE "(no error message)"

struct child {
    struct thread *thread;
    struct lua_home *home;
    lua_State *L;
    /* First the arguments, then the results or the error: having served for
     * the one, the message has room for the other. */
    struct message *message;
};

/* ---- preparing ---- */

/* Takes a struct child, returns the chunk and its arguments. There is no
 * garbage to collect in what is made here. */
static int prepare(lua_State *L)
{
    struct child *child = lua_touserdata(L, 1);

    lua_gc(L, LUA_GCSTOP, 0);
    luaL_openlibs(L);
    lua_party_set(L, &child->thread->party);
    lua_interrupt_prepare(&child->home->interrupt, L);
    lua_settop(L, 0);
    codec_decode(L, child->message);
    lua_chunk_load(L);
    lua_gc(L, LUA_GCRESTART, 0);
    return lua_gettop(L);
}

/* ---- errors ---- */

/* Replaces the error object at index 1 by what its __tostring returns. */
static void to_text(lua_State *L)
{
    if (luaL_getmetafield(L, 1, "__tostring") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK &&
            lua_tolstring(L, -1, NULL) != NULL) {
            lua_replace(L, 1);
            return;
        }
    }
    lua_pushliteral(L, NO_MESSAGE);
    lua_replace(L, 1);
}

/* The message handler. Its error object becomes a string, always. */
static int add_traceback(lua_State *L)
{
    if (lua_tolstring(L, 1, NULL) == NULL) {
        to_text(L);
        lua_settop(L, 1);
        return 1;
    }
    lua_settop(L, 1);
    lua_pushliteral(L, "\n");
    luaL_traceback(L, L, NULL, 1);
    lua_concat(L, 3);
    return 1;
}

static int push_no_message(lua_State *L)
{
    lua_pushliteral(L, NO_MESSAGE);
    return 1;
}

/* Takes the message. */
static int report(lua_State *L)
{
    lua_logger_report(L);
    return 0;
}

/* ---- running ---- */

/* Leaves the results, or the error, above the message handler at index 1. */
static int call_chunk(struct child *child)
{
    lua_State *L = child->L;
    int status;

    lua_interrupt_begin(&child->home->interrupt, L, child->thread);
    status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
    lua_interrupt_end(&child->home->interrupt);
    return status;
}

/* Leaves a string on the top of the stack, where the error is. What raises
 * while another error is handled may be anything. */
static void to_message(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TSTRING)
        return;
    lua_pushcfunction(L, push_no_message);
    /* Or the string that says that there is no memory. */
    (void)lua_pcall(L, 0, 1, 0);
}

/* Reports the message on the top of the stack: without memory for the logger,
 * to stderr. */
static void report_message(lua_State *L)
{
    const char *message;
    size_t length;

    lua_pushcfunction(L, report);
    lua_pushvalue(L, -2);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
        return;
    lua_pop(L, 1);
    message = lua_tolstring(L, -1, &length);
    lua_logger_print(message, length);
}

/* Its code has ended, and with it the hook it may have set, which might raise
 * something else instead; finalisers have no hooks. Nor do they run now: in 5.1
 * what they raise is raised by whatever has made the collector run, and here
 * that may be outside of a protected call. */
static void keep_outcome(struct child *child, int status)
{
    lua_State *L = child->L;

    lua_sethook(L, NULL, 0, 0);
    lua_gc(L, LUA_GCSTOP, 0);
    if (status == LUA_OK && (thread_keeps_to_itself(child->thread) ||
                             lua_outcome_put_results(L, 2, child->message)))
        return;
    to_message(L);
    lua_outcome_put_error(L, child->message);
    report_message(L);
}

static void run_state(void *context)
{
    struct child *child = context;
    lua_State *L = child->L;
    int status;

    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, prepare);
    lua_pushlightuserdata(L, child);
    status = lua_pcall(L, 1, LUA_MULTRET, 0);
    message_clear(child->message);
    if (status == LUA_OK)
        status = call_chunk(child);
    keep_outcome(child, status);
}

static void fail_without_memory(struct child *child)
{
    lua_logger_print(LUA_COMPAT_NO_MEMORY, sizeof LUA_COMPAT_NO_MEMORY - 1);
    lua_outcome_put_no_memory(child->message);
}

static void run(struct child *child)
{
    child->L = child->home->L;
    if (lua_compat_run(child->L, run_state, child))
        return;
    lua_interrupt_end(&child->home->interrupt);
    fail_without_memory(child);
}

static void finish(struct child *child)
{
    if (thread_keeps_to_itself(child->thread)) {
        message_release(child->message);
        lua_home_close(child->home);
        party_forget(&child->thread->party);
        return;
    }
    child->thread->estate = child->home;
    (void)mailbox_push(&child->thread->outbox, child->message);
}

void lua_child_run(struct thread *thread)
{
    struct child child = {
        .thread = thread,
        .message = mailbox_pop_owner(&thread->inbox),
    };

    if (thread_settle(thread))
        child.home = lua_home_new();
    if (child.home != NULL)
        run(&child);
    else
        fail_without_memory(&child);
    finish(&child);
}

void lua_child_close_estate(struct thread *thread)
{
    struct lua_home *home = thread->estate;

    /* A child that keeps to itself may still run. */
    if (home == NULL)
        return;
    thread->estate = NULL;
    lua_home_close(home);
    party_forget(&thread->party);
}
