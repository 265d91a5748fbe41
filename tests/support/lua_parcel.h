/* SPDX-License-Identifier: MIT
 *
 * Parcels (support/parcel.h) as Lua values.
 */
#ifndef TESTS_SUPPORT_LUA_PARCEL_H
#define TESTS_SUPPORT_LUA_PARCEL_H

#include "lua_handle.h"

static const struct lua_handle_binding parcel_binding;

#define PARCEL_BINDING (&parcel_binding)
#include "parcel.h"

/* parcel:number() */
static inline int parcel_method_number(lua_State *L)
{
    struct handle *handle = lua_handle_at(L, 1);

    lua_pushinteger(L, ((struct parcel *)handle)->number);
    return 1;
}

/* Two userdata are equal if they hold the same parcel. */
static inline int parcel_equal(lua_State *L)
{
    lua_pushboolean(L, lua_handle_at(L, 1) == lua_handle_at(L, 2));
    return 1;
}

static const luaL_Reg parcel_methods[] = {
    {"number", parcel_method_number},
    {NULL, NULL},
};

static const luaL_Reg parcel_metamethods[] = {
    {"__eq", parcel_equal},
    {NULL, NULL},
};

static const struct lua_handle_binding parcel_binding = {
    .methods = parcel_methods,
    .metamethods = parcel_metamethods,
};

/* parcel(number): a new one. */
static inline int lua_parcel_new(lua_State *L)
{
    struct handle **box = lua_handle_new(L, &parcel_class);

    *box = parcel_new((unsigned)luaL_checkinteger(L, 1));
    return 1;
}

#endif
