/* SPDX-License-Identifier: MIT */
#include "lua_chunk.h"

#include <string.h>

#include "lua_failure.h"

/* ---- compiling ---- */

/* A function is dumped twice: into nowhere, to see how much it is, and into
 * memory that has been made for it. So the writer makes nothing and leaves the
 * stack alone, which some Luas restore afterwards. */
struct chunk {
    char *bytes;
    size_t size, room;
};

static int take_piece(lua_State *L, const void *data, size_t size,
                      void *context)
{
    struct chunk *chunk = context;

    (void)L;
    if (chunk->bytes != NULL && size > chunk->room - chunk->size)
        return 1;
    if (chunk->bytes != NULL && size > 0)
        memcpy(chunk->bytes + chunk->size, data, size);
    chunk->size += size;
    return 0;
}

/* The function on the top of the stack. */
static void dump(lua_State *L, struct chunk *chunk)
{
    chunk->size = 0;
    /* LuaJIT returns a lack of memory of its own. */
    if (lua_dump(L, take_piece, chunk, 0) != 0)
        lua_compat_raise_no_memory(L);
}

static const char *check_code(lua_State *L, size_t *length)
{
    const char *code = lua_tolstring(L, 1, length);

    if (code == NULL)
        lua_refuse_type(L, 1, "new", "string");
    return code;
}

void lua_chunk_compile(lua_State *L)
{
    size_t length;
    const char *code = check_code(L, &length);
    struct chunk chunk = {.bytes = NULL};
    int top = lua_gettop(L);

    if (luaL_loadbufferx(L, code, length, code, NULL) != LUA_OK)
        lua_error(L);
    dump(L, &chunk);
    chunk.room = chunk.size;
    chunk.bytes = lua_newuserdatauv(L, chunk.room, 0);
    lua_insert(L, -2);
    dump(L, &chunk);
    lua_pushlstring(L, chunk.bytes, chunk.size);
    lua_replace(L, 1);
    lua_settop(L, top);
}

/* ---- loading ---- */

void lua_chunk_load(lua_State *L)
{
    size_t length;
    const char *chunk = lua_tolstring(L, 1, &length);

    if (luaL_loadbufferx(L, chunk, length, "=?", "b") != LUA_OK)
        lua_error(L);
    lua_replace(L, 1);
}
