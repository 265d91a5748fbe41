/* SPDX-License-Identifier: MIT */
#include "lua_handle.h"

#include "lua_closing.h"
#include "lua_mark.h"
#include "lua_party.h"

static const char mark;

struct box {
    const void *mark;
    struct holding holding;
    unsigned uses;
};

static struct box *box_at(lua_State *L, int index)
{
    return lua_marked_at(L, index, &mark, sizeof(struct box));
}

static int collect(lua_State *L)
{
    struct box *box = box_at(L, 1);
    struct handle *handle;

    if (box == NULL || box->uses > 0)
        return 0;
    handle = box->holding.handle;
    box->holding.handle = NULL;
    party_let_go(&box->holding);
    if (handle != NULL)
        handle_release(handle);
    return 0;
}

static void push_new_metatable(lua_State *L, const struct handle_class *class)
{
    const struct lua_handle_binding *binding = class->binding;

    lua_closing_prepare(L);
    lua_newtable(L);
    lua_pushstring(L, class->name);
    lua_setfield(L, -2, "__name");
    lua_newtable(L);
    luaL_setfuncs(L, binding->methods, 0);
    lua_setfield(L, -2, "__index");
    luaL_setfuncs(L, binding->metamethods, 0);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, binding);
}

struct handle **lua_handle_new(lua_State *L, const struct handle_class *class)
{
    struct party *party = lua_party_of(L);
    struct box *box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = (struct box){.mark = &mark};
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, class->binding) != LUA_TTABLE) {
        lua_pop(L, 1);
        push_new_metatable(L, class);
    }
    lua_setmetatable(L, -2);
    /* Only now will it be collected by us. */
    party_hold(party, &box->holding);
    lua_closing_note(L);
    return &box->holding.handle;
}

struct handle *lua_handle_at(lua_State *L, int index)
{
    struct box *box = box_at(L, index);

    return box == NULL ? NULL : box->holding.handle;
}

bool lua_handle_is_spent(lua_State *L, int index)
{
    struct box *box = box_at(L, index);

    return box != NULL && box->holding.handle == NULL;
}

unsigned *lua_handle_uses(lua_State *L, int index)
{
    struct box *box = lua_touserdata(L, index);

    return &box->uses;
}

void lua_handle_push(lua_State *L, struct handle *handle)
{
    struct handle **box = lua_handle_new(L, handle->class);

    handle_retain(handle);
    *box = handle;
}
