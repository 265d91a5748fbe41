/* SPDX-License-Identifier: MIT
 *
 * A thread object is a full userdata that holds one reference to a struct
 * thread. The object is made first, holding nothing, and the thread second, so
 * that an error in between leaves nothing behind.
 *
 * Programs can reach its metatable. They may give it to other things, take it
 * away and call what is in it, so nothing here trusts in it: an object is known
 * by its mark. And whatever makes Lua values may run finalisers, which may use
 * the same object again: while its results are made it is `joining`.
 */
#include "lua_thread.h"

#include <string.h>

#include "lua_child.h"
#include "lua_chunk.h"
#include "lua_closing.h"
#include "lua_codec.h"
#include "lua_failure.h"
#include "lua_interrupt.h"
#include "lua_mark.h"
#include "lua_outcome.h"
#include "lua_party.h"
#include "thread.h"

/* The address is the key of the metatable in the registry. */
static const char thread_key;

static const char mark;

struct box {
    const void *mark;
    /* NULL: not made yet, or collected. */
    struct thread *thread;
    /* Its results are being made. Nobody else may take them, or collect the
     * object: to the program it is joined. */
    bool joining;
    /* What its thread has been lent lies in the registry, under the address of
     * this structure. */
    bool lent;
};

/* ---- the object ---- */

static void push_metatable(lua_State *L);

/* NULL: something else. */
static struct box *box_at(lua_State *L, int index)
{
    return lua_marked_at(L, index, &mark, sizeof(struct box));
}

static struct box *check_box(lua_State *L, const char *function)
{
    struct box *box = box_at(L, 1);

    if (box == NULL)
        lua_refuse_type(L, 1, function, "llthread");
    if (box->thread == NULL)
        lua_refuse_argument(L, 1, function, "llthread has been collected");
    return box;
}

static struct thread *check_thread(lua_State *L, const char *function)
{
    return check_box(L, function)->thread;
}

/* ---- new ---- */

static struct box *push_object(lua_State *L)
{
    struct box *box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = (struct box){.mark = &mark};
    push_metatable(L);
    lua_setmetatable(L, -2);
    lua_closing_note(L);
    return box;
}

/* What the thread will be lent stays where it is as long as the object. */
static void keep_lent(lua_State *L, struct box *box, int arguments)
{
    int i, kept = 0;

    for (i = 1; i <= arguments; i++) {
        if (!codec_is_lent(L, i))
            continue;
        if (kept++ == 0)
            lua_newtable(L);
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, kept);
    }
    if (kept == 0)
        return;
    lua_rawsetp(L, LUA_REGISTRYINDEX, box);
    box->lent = true;
}

/* The key exists, so that this allocates nothing. */
static void drop_lent(lua_State *L, struct box *box)
{
    if (!box->lent)
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, box);
    box->lent = false;
}

/* Takes code and arguments from the whole stack, pushes the thread object. If
 * an argument cannot be sent, returns false and says why. Raises anything
 * else. */
static bool new_thread(lua_State *L, struct codec_fault *fault)
{
    int arguments = lua_gettop(L);
    struct party *party = lua_party_of(L);
    /* An object that is made now may never be finalised: nobody would wait
     * until the thread has copied what it was lent. */
    bool lends = !lua_is_finalising(L);
    struct message *message;
    struct box *box;

    lua_chunk_compile(L);
    box = push_object(L);
    if (lends)
        keep_lent(L, box, arguments);
    message = codec_encode_new(L, 1, arguments, lends, fault);
    if (message == NULL && fault->problem == CODEC_NO_MEMORY)
        lua_compat_raise_no_memory(L);
    if (message == NULL)
        return false;
    box->thread = thread_new(message);
    if (box->thread == NULL) {
        message_release(message);
        lua_compat_raise_no_memory(L);
    }
    party_set_parent(&box->thread->party, party);
    return true;
}

int lua_thread_new(lua_State *L)
{
    struct codec_fault fault;

    if (new_thread(L, &fault))
        return 1;
    return codec_raise(L, &fault, "new");
}

int lua_thread_try_new(lua_State *L)
{
    struct codec_fault fault;

    if (new_thread(L, &fault))
        return 1;
    lua_pushnil(L);
    if (fault.problem == CODEC_UNSUPPORTED)
        lua_pushinteger(L, fault.index);
    else
        lua_pushnil(L);
    codec_push_fault(L, &fault);
    return 3;
}

/* ---- start ---- */

static int thread_method_start(lua_State *L)
{
    struct thread *thread = check_thread(L, "start");
    bool detached = lua_toboolean(L, 2);
    bool joinable = lua_isnone(L, 3) ? !detached : lua_toboolean(L, 3);
    int error;

    if (thread_state(thread) != THREAD_NEW)
        return lua_fail(L, "Thread already started.");
    error = thread_start(thread, detached, joinable, lua_child_run);
    if (error != 0)
        return lua_fail(L, lua_push_system_error(L, error));
    lua_settop(L, 1);
    return 1;
}

/* ---- join ---- */

/* Why a thread cannot be joined now or ever; NULL: it can. */
static const char *not_joinable(const struct box *box)
{
    const struct thread *thread = box->thread;

    if (thread_state(thread) == THREAD_NEW)
        return "Can't join a thread that hasn't be started.";
    if (thread->detached && !thread->joinable)
        return "Can't join a thread that has been detached.";
    if (thread_state(thread) < THREAD_FINISHED && osthread_is_gone(&thread->os))
        return "Can't join a thread that a fork has left behind.";
    if (box->joining || thread_state(thread) == THREAD_JOINED)
        return "Can't join a thread that has already been joined.";
    return NULL;
}

/* The thread has finished, and lua_outcome_push() is on the top of the stack.
 * Whatever raises here leaves the thread as it is, to be joined again. */
static int collect_results(lua_State *L, struct box *box)
{
    struct mailbox *outbox = &box->thread->outbox;
    struct message *message = mailbox_peek_owner(outbox);
    int below = lua_gettop(L) - 1, status;

    lua_pushlightuserdata(L, message);
    box->joining = true;
    status = lua_pcall(L, 1, LUA_MULTRET, 0);
    box->joining = false;
    if (status != LUA_OK)
        lua_error(L);
    message_release(mailbox_pop_owner(outbox));
    return lua_gettop(L) - below;
}

static int finish_join(lua_State *L, struct box *box)
{
    struct thread *thread = box->thread;
    int count = 2;
    struct acting acting;

    thread_reap(thread);
    drop_lent(L, box);
    if (thread_keeps_to_itself(thread)) {
        lua_pushboolean(L, 1);
        lua_pushinteger(L, 0);
    } else {
        count = collect_results(L, box);
    }
    thread_set_joined(thread);
    party_enter(&acting, lua_party_of(L));
    lua_child_close_estate(thread);
    party_leave(&acting);
    return count;
}

/* Programs pass "0", which the original took; no other string is a time. */
static struct deadline check_join_timeout(lua_State *L, int argument)
{
    size_t length;

    if (lua_type(L, argument) == LUA_TSTRING &&
        strcmp(lua_tolstring(L, argument, &length), "0") == 0 && length == 1)
        return deadline_after(0);
    return lua_check_timeout(L, argument, "join");
}

static int thread_method_join(lua_State *L)
{
    struct box *box;
    struct deadline deadline;
    const char *reason;

    check_box(L, "join");
    deadline = check_join_timeout(L, 2);
    /* Making it may call finalisers, and they that of the thread. */
    lua_pushcfunction(L, lua_outcome_push);
    box = check_box(L, "join");
    reason = not_joinable(box);
    if (reason != NULL)
        return lua_fail(L, reason);
    switch (thread_wait(box->thread, &deadline)) {
    case WAIT_READY:
        return finish_join(L, box);
    case WAIT_TIMEOUT:
        return lua_fail(L, "timeout");
    case WAIT_INTERRUPTED:
        return lua_interrupt_raise(L);
    default:
        return lua_compat_raise_no_memory(L);
    }
}

/* ---- questions ---- */

static int thread_method_alive(lua_State *L)
{
    struct box *box = check_box(L, "alive");
    const char *reason = not_joinable(box);

    if (reason != NULL)
        return lua_fail(L, reason);
    lua_pushboolean(L, thread_state(box->thread) < THREAD_FINISHED);
    return 1;
}

static int thread_method_started(lua_State *L)
{
    lua_pushboolean(L, thread_state(check_thread(L, "started")) != THREAD_NEW);
    return 1;
}

static int thread_method_detached(lua_State *L)
{
    lua_pushboolean(L, check_thread(L, "detached")->detached);
    return 1;
}

static int thread_method_joinable(lua_State *L)
{
    lua_pushboolean(L, check_thread(L, "joinable")->joinable);
    return 1;
}

static int thread_tostring(lua_State *L)
{
    static const char *const names[] = {
        [THREAD_NEW] = "new",         [THREAD_STARTED] = "running",
        [THREAD_RUNNING] = "running", [THREAD_FINISHED] = "finished",
        [THREAD_JOINED] = "joined",
    };
    struct thread *thread = check_thread(L, "tostring");
    const char *name = names[thread_state(thread)];

    if (thread->detached && !thread->joinable)
        name = "detached";
    lua_pushfstring(L, "llthread: %p (%s)", (void *)thread, name);
    return 1;
}

/* ---- interrupt ---- */

static int thread_method_interrupt(lua_State *L)
{
    struct thread *thread = check_thread(L, "interrupt");
    enum interrupt_mode mode = INTERRUPT_ONCE;

    if (!lua_isnoneornil(L, 2))
        mode = lua_toboolean(L, 2) ? INTERRUPT_ALWAYS : INTERRUPT_NONE;
    thread_interrupt(thread, mode);
    return 0;
}

/* ---- the end of the object ---- */

/* An attached thread is waited for, and with it whatever it has left is
 * closed, here. Never raises, as it runs under the collector: `new` has made
 * the party. */
static int thread_collect(lua_State *L)
{
    struct box *box = box_at(L, 1);
    struct thread *thread;
    struct acting acting;

    if (box == NULL || box->thread == NULL || box->joining)
        return 0;
    thread = box->thread;
    box->thread = NULL;
    party_enter(&acting, lua_party_of(L));
    if (thread_state(thread) != THREAD_NEW && !thread->detached)
        thread_reap_last(thread, lua_is_closing(L));
    drop_lent(L, box);
    lua_child_close_estate(thread);
    thread_release(thread);
    party_leave(&acting);
    return 0;
}

/* ---- its metatable ---- */

static const luaL_Reg methods[] = {
    {"start", thread_method_start},
    {"join", thread_method_join},
    {"alive", thread_method_alive},
    {"started", thread_method_started},
    {"detached", thread_method_detached},
    {"joinable", thread_method_joinable},
    {"interrupt", thread_method_interrupt},
    {NULL, NULL},
};

/* `new` may be called in a state that has not required the module, so that the
 * metatable is made when it is first asked for. */
static void push_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &thread_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_closing_prepare(L);
    lua_newtable(L);
    lua_pushliteral(L, "llthread");
    lua_setfield(L, -2, "__name");
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, thread_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, thread_collect);
    lua_setfield(L, -2, "__gc");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &thread_key);
}
