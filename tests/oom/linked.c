/* SPDX-License-Identifier: MIT
 *
 * The host of run.lua that is linked with the library: the Lua states of
 * attempts and of their children, and the library's own allocations, fail
 * separately, and whatever the library keeps for later is known exactly.
 *
 * For that the two files that keep something are part of this one; they take
 * the place of those in the archive.
 */
#include <stdio.h>

#include "../../runtime/block.c"
#define keep keep_message
#include "../../runtime/message_pool.c"
#undef keep
#include "lua_faults.h"

int luaopen_llthreads2_core(lua_State *L);

void *__real_realloc(void *block, size_t size);
void __real_free(void *block);

/* Whatever lua_close() leaves LeakSanitizer sees. Making a block smaller never
 * fails in the C library. */
static void *lua_memory(void *context, void *block, size_t old, size_t size)
{
    (void)context;
    if (size == 0) {
        __real_free(block);
        return NULL;
    }
    if ((block == NULL || size > old) &&
        faults_strike(FAULT_LUA, __builtin_return_address(0)))
        return NULL;
    return __real_realloc(block, size);
}

lua_State *__real_lua_compat_newstate(lua_Alloc allocate, void *context);
lua_State *__wrap_lua_compat_newstate(lua_Alloc allocate, void *context);

/* LuaJIT does not survive that it cannot make a state. The first chunk of a
 * heap has room for one, so that it does not happen. */
lua_State *__wrap_lua_compat_newstate(lua_Alloc memory, void *context)
{
    lua_State *L;

    if (LUA_COMPAT_51)
        faults_i_am(FAULT_NOBODY);
    L = __real_lua_compat_newstate(memory, context);
    if (LUA_COMPAT_51)
        faults_i_am(FAULT_CHILD);
    return L;
}

/* For the driver. */
lua_State *host_new_state(void)
{
    return __real_lua_compat_newstate(lua_memory, NULL);
}

static void preload(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_llthreads2_core);
    lua_setfield(L, -2, "llthreads2.core");
    lua_pop(L, 2);
}

/* Scenarios, and the code of their children, use these names in each Lua. The
 * compiler of LuaJIT does not survive a lack of memory. */
static const char names[] = "if jit then jit.off() end\n"
                            "load = loadstring\n"
                            "table.unpack = table.unpack or unpack\n"
                            "table.pack = table.pack or function(...)\n"
                            "  return { n = select('#', ...), ... }\n"
                            "end\n";

static void add_names(lua_State *L)
{
    lua_getglobal(L, "loadstring");
    if (!lua_isnil(L, -1) && (luaL_loadstring(L, names) != LUA_OK ||
                              lua_pcall(L, 0, 0, 0) != LUA_OK))
        lua_error(L);
    lua_settop(L, 0);
}

void __real_luaL_openlibs(lua_State *L);
void __wrap_luaL_openlibs(lua_State *L);

/* In children, too: the library that they require must be this program's. */
void __wrap_luaL_openlibs(lua_State *L)
{
    __real_luaL_openlibs(L);
    preload(L);
    add_names(L);
}

static void drop_pieces(void)
{
#ifndef __SANITIZE_ADDRESS__
    unsigned number, i;

    for (number = 0; number < SIZES; number++)
        for (i = 0; i < SLOTS; i++) {
            free(kept[number].slots[i]);
            kept[number].slots[i] = NULL;
            kept[number].count = 0;
        }
    bytes_kept = 0;
#endif
}

/* Below zero where a message was made without a pool and let go with one. */
static void settle_count(int balance)
{
    for (; balance < 0; balance++)
        live_gone(LIVE_MESSAGES);
    for (; balance > 0; balance--)
        live_born(LIVE_MESSAGES);
}

/* All pools are idle: their threads have ended, and no message is left. */
static void drop_pools(void)
{
    struct message_pool *pool, *next;

    if (live_count(LIVE_MESSAGES) != 0)
        return;
    for (pool = all; pool != NULL; pool = next) {
        next = pool->next;
        free_chain(&pool->free);
        collect_returned(pool);
        free_chain(&pool->free);
        settle_count((int)pool->live);
        free(pool);
    }
    all = idle = NULL;
}

void host_drop_kept(void)
{
    drop_pieces();
    drop_pools();
}

bool host_knows_what_is_kept(void)
{
    return true;
}

bool host_excuses(const struct fault_block *block)
{
    (void)block;
    return false;
}

/* linked RUN.LUA ARGUMENTS... */
int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    int i, failed;

    if (L == NULL || argc < 2)
        return 1;
    luaL_openlibs(L);
    luaL_requiref(L, "faults", luaopen_faults, 0);
    lua_settop(L, 0);
    if (luaL_loadfile(L, argv[1]) == LUA_OK) {
        for (i = 2; i < argc; i++)
            lua_pushstring(L, argv[i]);
        failed =
            lua_pcall(L, argc - 2, 1, 0) != LUA_OK || !lua_toboolean(L, -1);
    } else {
        failed = 1;
    }
    if (failed && lua_isstring(L, -1))
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return failed;
}
