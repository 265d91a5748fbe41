/* SPDX-License-Identifier: MIT
 *
 * Walks through all that values contain, at any depth: a queue instead of
 * recursion.
 */
#include "fuzz.h"
#include "lua_handle.h"

static const char LABEL[] = "\1label";

/* Three tables on the stack: which objects have been met, those that are still
 * to be looked at, and tables that are keys. */
struct search {
    lua_State *L;
    int met, queue, keys;
    lua_Integer queued, done, key_count;
    /* Something that cannot travel has been seen. */
    bool misfit;
};

static void search_begin(struct search *s, lua_State *L)
{
    *s = (struct search){.L = L};
    MUST(lua_checkstack(L, 300), "there is room on the stack");
    lua_newtable(L);
    s->met = lua_gettop(L);
    lua_newtable(L);
    s->queue = lua_gettop(L);
    lua_newtable(L);
    s->keys = lua_gettop(L);
}

static bool is_misfit(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TTHREAD:
        return true;
    case LUA_TFUNCTION:
        return !lua_iscfunction(L, index);
    case LUA_TUSERDATA:
        return lua_handle_at(L, index) == NULL;
    default:
        return false;
    }
}

static bool has_parts(lua_State *L, int index)
{
    return lua_istable(L, index) || lua_iscfunction(L, index);
}

/* Takes note of a value. */
static void search_note(struct search *s, int index)
{
    const void *object = lua_topointer(s->L, index);
    bool known;

    s->misfit = s->misfit || is_misfit(s->L, index);
    if (!has_parts(s->L, index))
        return;
    known = lua_rawgetp(s->L, s->met, object) != LUA_TNIL;
    lua_pop(s->L, 1);
    if (known)
        return;
    lua_pushboolean(s->L, true);
    lua_rawsetp(s->L, s->met, object);
    lua_pushvalue(s->L, index);
    lua_rawseti(s->L, s->queue, (int)++s->queued);
}

static void note_fields(struct search *s, int table)
{
    int key = lua_gettop(s->L) + 1;

    lua_pushnil(s->L);
    while (lua_next(s->L, table)) {
        search_note(s, key);
        search_note(s, key + 1);
        if (lua_istable(s->L, key)) {
            lua_pushvalue(s->L, key);
            lua_rawseti(s->L, s->keys, (int)++s->key_count);
        }
        lua_settop(s->L, key);
    }
}

static void note_upvalues(struct search *s, int function)
{
    int i;

    for (i = 1; lua_getupvalue(s->L, function, i) != NULL; i++) {
        search_note(s, lua_gettop(s->L));
        lua_pop(s->L, 1);
    }
}

static void search_all(struct search *s)
{
    int top = lua_gettop(s->L);

    while (s->done < s->queued) {
        lua_rawgeti(s->L, s->queue, (int)++s->done);
        if (lua_istable(s->L, top + 1))
            note_fields(s, top + 1);
        else
            note_upvalues(s, top + 1);
        lua_settop(s->L, top);
    }
}

static void give_labels(struct search *s)
{
    lua_Integer i;

    for (i = 1; i <= s->key_count; i++) {
        lua_rawgeti(s->L, s->keys, (int)i);
        lua_pushstring(s->L, LABEL);
        lua_pushinteger(s->L, i);
        lua_rawset(s->L, -3);
        lua_pop(s->L, 1);
    }
}

void label_keys(lua_State *L)
{
    struct search s;
    int top = lua_gettop(L), i;

    search_begin(&s, L);
    for (i = 1; i <= top; i++)
        search_note(&s, i);
    search_all(&s);
    give_labels(&s);
    lua_settop(L, top);
}

lua_Integer label_of(lua_State *L, int index)
{
    lua_Integer label = 0;
    int top = lua_gettop(L), absolute = lua_absindex(L, index);

    if (lua_istable(L, absolute)) {
        lua_pushstring(L, LABEL);
        lua_rawget(L, absolute);
        label = lua_tointeger(L, -1);
    } else if (lua_iscfunction(L, absolute) &&
               lua_getupvalue(L, absolute, 1) != NULL) {
        label = lua_tointeger(L, -1);
    }
    lua_settop(L, top);
    return label;
}

bool contains_misfit(lua_State *L, int index)
{
    struct search s;
    int top = lua_gettop(L), absolute = lua_absindex(L, index);

    search_begin(&s, L);
    search_note(&s, absolute);
    search_all(&s);
    lua_settop(L, top);
    return s.misfit;
}
