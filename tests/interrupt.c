/* SPDX-License-Identifier: MIT
 *
 * What Lua code cannot bring about of an interrupt: a hook that is left in a
 * coroutine when the code of the thread has ended.
 */
#include "lua_interrupt.h"
#include "support/check.h"
#include "support/scene.h"

/* A finaliser may go on with it then, in any thread. */
static void run_after_the_end(lua_State *co)
{
    if (luaL_loadstring(co, "for i = 1, 100 do end return 7") != LUA_OK)
        abort();
    CHECK(lua_pcall(co, 0, 1, 0) == LUA_OK && lua_tointeger(co, -1) == 7,
          "what runs after the end is not interrupted");
    CHECK(lua_gethook(co) == NULL, "and has no hook any more");
}

static void body(struct thread *thread)
{
    struct lua_interrupt interrupt;
    lua_State *L = luaL_newstate(), *co;

    message_release(mailbox_pop_owner(&thread->inbox));
    (void)thread_settle(thread);
    lua_interrupt_prepare(&interrupt, L);
    lua_interrupt_begin(&interrupt, L, thread);
    /* It inherits the hook. */
    co = lua_newthread(L);
    CHECK(lua_gethook(co) != NULL, "an interrupt sets a hook");
    lua_interrupt_end(&interrupt);
    CHECK(lua_gethook(L) == NULL, "the end takes the hook away");
    run_after_the_end(co);
    lua_close(L);
    scene.began = true;
}

static void a_hook_may_be_left_behind(void)
{
    struct thread *thread = scene_new();

    thread_interrupt(thread, INTERRUPT_ALWAYS);
    CHECK_NUMBER(thread_start(thread, false, true, body), 0, "a thread starts");
    CHECK_EVENTUALLY(scene.began, "and runs its body");
    scene_end(thread);
    scene_check_all_gone();
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a hook may be left behind", a_hook_may_be_left_behind);
}

int main(void)
{
    return check_program("interrupt", all);
}
