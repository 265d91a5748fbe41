/* SPDX-License-Identifier: MIT */
#include "lua_party.h"

/* The address is the key of the party in the registry: a light userdata or,
 * of a state that has it for itself, a full one. */
static const char party_key;

void lua_party_set(lua_State *L, struct party *party)
{
    lua_pushlightuserdata(L, party);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &party_key);
}

/* NULL: it has none yet. */
static struct party *party_if_any(lua_State *L)
{
    struct party *party;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &party_key);
    party = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return party;
}

static int collect(lua_State *L)
{
    party_gone(lua_touserdata(L, 1));
    return 0;
}

static struct party *make(lua_State *L)
{
    struct party *party = lua_compat_push_finalised(L, sizeof *party, collect);

    *party = (struct party){.link = NULL};
    lua_rawsetp(L, LUA_REGISTRYINDEX, &party_key);
    party_born(party, NULL, NULL);
    party_rise(party);
    return party;
}

struct party *lua_party_of(lua_State *L)
{
    struct party *party = party_if_any(L);

    return party != NULL ? party : make(L);
}
