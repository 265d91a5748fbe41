/* SPDX-License-Identifier: MIT */
#include "lua_interrupt.h"

#include "lua_closing.h"

/* The place of the struct lua_interrupt of a state in its registry. */
static const char interrupt_key;

static void call_hook(lua_State *L, lua_Debug *ar);

/* NULL in a state that runs no code a thread was made for, or no longer:
 * finalisers may run later, in another thread. */
static struct lua_interrupt *interrupt_of(lua_State *L)
{
    struct lua_interrupt *interrupt;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &interrupt_key);
    interrupt = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return interrupt == NULL || interrupt->L == NULL ? NULL : interrupt;
}

int lua_interrupt_raise(lua_State *L)
{
    return luaL_error(L, "%s", INTERRUPTED_ERROR);
}

/* ---- setting and giving back the hook ---- */

static void set_hook(lua_State *L, struct lua_old_hook *old)
{
    if (lua_gethook(L) != call_hook) {
        old->L = L;
        old->function = lua_gethook(L);
        old->mask = lua_gethookmask(L);
        old->count = lua_gethookcount(L);
    }
    /* Also if it is there: where a signal comes while LuaJIT changes what looks
     * for hooks, nothing looks for this one. */
    lua_sethook(L, call_hook, LUA_MASKCALL | LUA_MASKCOUNT, 1);
}

/* In a coroutine that inherited our hook, the one it would have inherited. */
static void give_back_hook(lua_State *L, struct lua_interrupt *interrupt)
{
    const struct lua_old_hook *old = &interrupt->main;

    if (L == interrupt->other.L) {
        old = &interrupt->other;
        /* Hooks change, and coroutines go: the next time it may be another. */
        interrupt->other.L = NULL;
    }
    interrupt->restoring = 1;
    lua_sethook(L, old->function, old->mask, old->count);
    interrupt->restoring = 0;
}

/* In the signal handler, or called by the child for itself. */
static void nudged(void *context)
{
    struct lua_interrupt *interrupt = context;
    lua_State *L = interrupt->L;

    if (L != NULL && !interrupt->restoring)
        set_hook(L, &interrupt->main);
}

/* ---- the hook ---- */

static void raise_here(lua_State *L)
{
    luaL_where(L, 0);
    lua_pushliteral(L, INTERRUPTED_ERROR);
    lua_concat(L, 2);
    lua_error(L);
}

static void call_hook(lua_State *L, lua_Debug *ar)
{
    struct lua_interrupt *interrupt = interrupt_of(L);

    (void)ar;
    if (interrupt == NULL) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    /* LuaJIT calls it in a message handler, too, where an error would only take
     * the place of the one that is handled. It stays for what comes then. */
    if (lua_status(L) == LUA_ERRERR)
        return;
    give_back_hook(L, interrupt);
    if (!waiter_take_interrupt())
        return;
    /* Still there: a permanent one, or the next. */
    if (waiter_has_interrupt())
        set_hook(L, L == interrupt->L ? &interrupt->main : &interrupt->other);
    raise_here(L);
}

/* ---- the sentinel ---- */

static void reach_coroutine(lua_State *L, struct lua_interrupt *interrupt)
{
    if (!waiter_has_interrupt())
        return;
    nudged(interrupt);
    if (L != interrupt->L)
        set_hook(L, &interrupt->other);
}

/* A state that is closed by the code it runs (os.exit can do that) must not get
 * a hook any more. */
static int sentinel_collected(lua_State *L)
{
    struct lua_interrupt *interrupt = interrupt_of(L);

    if (interrupt == NULL)
        return 0;
    if (lua_is_closing(L)) {
        lua_interrupt_end(interrupt);
        return 0;
    }
    reach_coroutine(L, interrupt);
    lua_compat_finalise_again(L);
    return 0;
}

/* ---- for the child ---- */

void lua_interrupt_prepare(struct lua_interrupt *interrupt, lua_State *L)
{
    *interrupt = (struct lua_interrupt){.L = NULL};
    lua_pushlightuserdata(L, interrupt);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &interrupt_key);
    (void)lua_compat_push_finalised(L, 0, sentinel_collected);
    lua_pop(L, 1);
}

void lua_interrupt_begin(struct lua_interrupt *interrupt, lua_State *L,
                         struct thread *thread)
{
    interrupt->L = L;
    thread_accept_interrupts(thread, nudged, interrupt);
}

void lua_interrupt_end(struct lua_interrupt *interrupt)
{
    lua_State *L = interrupt->L;

    if (L == NULL)
        return;
    /* No signal sets the hook any more; it may be set already. */
    interrupt->L = NULL;
    thread_refuse_interrupts();
    if (lua_gethook(L) == call_hook)
        give_back_hook(L, interrupt);
}
