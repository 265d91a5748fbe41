/* SPDX-License-Identifier: MIT
 *
 * Two graphs of values are walked through side by side. Objects get numbers as
 * they are met, on each side for itself: the graphs are the same if the numbers
 * are.
 *
 * Both states may be one; so each function leaves both stacks as they were.
 */
#include <stdio.h>

#include "fuzz.h"
#include "lua_handle.h"

struct pair {
    lua_State *a, *b;
    /* The stack indices of tables from objects to numbers. */
    int a_met, b_met;
    lua_Integer met;
    enum codec_policy policy;
};

static void same(struct pair *p, int a, int b);

/* The number of the object; 0: it has none. */
static lua_Integer number_of(lua_State *L, int met, int index)
{
    lua_Integer number;

    lua_rawgetp(L, met, lua_topointer(L, index));
    number = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number;
}

static void give_number(lua_State *L, int met, int index, lua_Integer number)
{
    lua_pushinteger(L, number);
    lua_rawsetp(L, met, lua_topointer(L, index));
}

/* Whether both are met for the first time. */
static bool meet(struct pair *p, int a, int b)
{
    lua_Integer number = number_of(p->a, p->a_met, a);

    MUST(number == number_of(p->b, p->b_met, b),
         "what was one thing is one thing, what were two are two");
    if (number > 0)
        return false;
    p->met++;
    give_number(p->a, p->a_met, a, p->met);
    give_number(p->b, p->b_met, b, p->met);
    return true;
}

/* ---- values that cannot travel ---- */

/* Whether its place is taken by a text. */
static bool is_replaced(struct pair *p, int a)
{
    int type = lua_type(p->a, a);

    if (p->policy != CODEC_LENIENT)
        return false;
    if (type == LUA_TFUNCTION && lua_iscfunction(p->a, a))
        return upvalue_count(p->a, a) > 0 && contains_misfit(p->a, a);
    return type == LUA_TFUNCTION || type == LUA_TTHREAD ||
           (type == LUA_TUSERDATA && lua_handle_at(p->a, a) == NULL);
}

static void same_text(struct pair *p, int a, int b)
{
    char text[MISFIT_TEXT];

    misfit_text(p->a, a, text);
    MUST(lua_type(p->b, b) == LUA_TSTRING &&
             strcmp(lua_tostring(p->b, b), text) == 0,
         "what cannot travel becomes a text that says so");
}

/* ---- values without parts ---- */

static void same_number(struct pair *p, int a, int b)
{
    lua_Number na, nb;

    MUST(lua_isinteger(p->a, a) == lua_isinteger(p->b, b),
         "integers and floats are apart");
    if (lua_isinteger(p->a, a)) {
        MUST(lua_tointeger(p->a, a) == lua_tointeger(p->b, b),
             "an integer is the same");
        return;
    }
    na = lua_tonumber(p->a, a);
    nb = lua_tonumber(p->b, b);
    MUST(memcmp(&na, &nb, sizeof na) == 0, "a float is the same bit by bit");
}

static void same_string(struct pair *p, int a, int b)
{
    size_t la, lb;
    const char *ta = lua_tolstring(p->a, a, &la);
    const char *tb = lua_tolstring(p->b, b, &lb);

    MUST(la == lb && memcmp(ta, tb, la) == 0, "a string is the same");
}

/* ---- fields ---- */

static bool is_same_object_key(struct pair *p, int a, int b)
{
    if (lua_type(p->a, a) != lua_type(p->b, b))
        return false;
    if (lua_isuserdata(p->a, a))
        return lua_handle_at(p->a, a) == lua_handle_at(p->b, b);
    return label_of(p->a, a) != 0 && label_of(p->a, a) == label_of(p->b, b);
}

/* Pushes the field of `b` whose key is an object like the one in `a`. */
static void find_field(struct pair *p, int key, int b)
{
    int other = lua_gettop(p->b) + 1;

    lua_pushnil(p->b);
    while (lua_next(p->b, b)) {
        if (is_same_object_key(p, key, other))
            return;
        lua_settop(p->b, other);
    }
    MUST(false, "each field is there");
}

/* Pushes a key without parts onto `b`. */
static void push_key(struct pair *p, int key)
{
    char text[MISFIT_TEXT];
    const char *string;
    size_t length;

    if (is_replaced(p, key)) {
        misfit_text(p->a, key, text);
        lua_pushstring(p->b, text);
        return;
    }
    switch (lua_type(p->a, key)) {
    case LUA_TBOOLEAN:
        lua_pushboolean(p->b, lua_toboolean(p->a, key));
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(p->a, key))
            lua_pushinteger(p->b, lua_tointeger(p->a, key));
        else
            lua_pushnumber(p->b, lua_tonumber(p->a, key));
        break;
    case LUA_TSTRING:
        string = lua_tolstring(p->a, key, &length);
        lua_pushlstring(p->b, string, length);
        break;
    case LUA_TLIGHTUSERDATA:
        lua_pushlightuserdata(p->b, lua_touserdata(p->a, key));
        break;
    default:
        lua_pushcfunction(p->b, lua_tocfunction(p->a, key));
    }
}

static bool is_object(struct pair *p, int index)
{
    switch (lua_type(p->a, index)) {
    case LUA_TTABLE:
    case LUA_TUSERDATA:
        return true;
    case LUA_TFUNCTION:
        return upvalue_count(p->a, index) > 0;
    default:
        return false;
    }
}

static void same_field(struct pair *p, int key, int b)
{
    int top = lua_gettop(p->b);

    if (is_object(p, key) && !is_replaced(p, key)) {
        find_field(p, key, b);
        same(p, key, top + 1);
    } else {
        push_key(p, key);
        lua_pushvalue(p->b, -1);
        lua_rawget(p->b, b);
    }
    same(p, key + 1, top + 2);
    lua_settop(p->b, top);
}

static size_t count_fields(lua_State *L, int index)
{
    size_t count = 0;

    lua_pushnil(L);
    for (; lua_next(L, index); count++)
        lua_pop(L, 1);
    return count;
}

static void same_table(struct pair *p, int a, int b)
{
    int key = lua_gettop(p->a) + 1;

    if (!meet(p, a, b))
        return;
    MUST(lua_getmetatable(p->b, b) == 0, "metatables stay behind");
    MUST(count_fields(p->a, a) == count_fields(p->b, b),
         "there are as many fields");
    lua_pushnil(p->a);
    while (lua_next(p->a, a)) {
        same_field(p, key, b);
        lua_settop(p->a, key);
    }
}

static void same_function(struct pair *p, int a, int b)
{
    int a_top = lua_gettop(p->a), b_top, i, count = upvalue_count(p->a, a);

    MUST(lua_tocfunction(p->a, a) == lua_tocfunction(p->b, b),
         "a function is the same");
    MUST(upvalue_count(p->b, b) == count, "it has all its upvalues");
    if (count == 0 || !meet(p, a, b))
        return;
    for (i = 1; i <= count; i++) {
        lua_getupvalue(p->a, a, i);
        b_top = lua_gettop(p->b);
        lua_getupvalue(p->b, b, i);
        same(p, a_top + 1, b_top + 1);
        lua_settop(p->b, b_top);
        lua_settop(p->a, a_top);
    }
}

static void same(struct pair *p, int a, int b)
{
    MUST(lua_checkstack(p->a, 20) && lua_checkstack(p->b, 20),
         "there is room on the stack");
    if (is_replaced(p, a)) {
        same_text(p, a, b);
        return;
    }
    MUST(lua_type(p->a, a) == lua_type(p->b, b), "a value has its type");
    switch (lua_type(p->a, a)) {
    case LUA_TBOOLEAN:
        MUST(lua_toboolean(p->a, a) == lua_toboolean(p->b, b),
             "a boolean is the same");
        break;
    case LUA_TNUMBER:
        same_number(p, a, b);
        break;
    case LUA_TSTRING:
        same_string(p, a, b);
        break;
    case LUA_TTABLE:
        same_table(p, a, b);
        break;
    case LUA_TFUNCTION:
        same_function(p, a, b);
        break;
    case LUA_TLIGHTUSERDATA:
        MUST(lua_touserdata(p->a, a) == lua_touserdata(p->b, b),
             "an address is the same");
        break;
    case LUA_TUSERDATA:
        MUST(lua_handle_at(p->a, a) != NULL &&
                 lua_handle_at(p->a, a) == lua_handle_at(p->b, b),
             "a handle is the same");
        break;
    default:
        break;
    }
}

static int new_table(lua_State *L)
{
    MUST(lua_checkstack(L, 20), "there is room on the stack");
    lua_newtable(L);
    return lua_gettop(L);
}

void must_be_same(lua_State *a, int last, lua_State *b, int first,
                  enum codec_policy policy)
{
    struct pair p = {.a = a, .b = b, .policy = policy};
    int a_top = lua_gettop(a), b_top = lua_gettop(b), i;

    p.a_met = new_table(a);
    p.b_met = new_table(b);
    for (i = 0; i < last; i++)
        same(&p, i + 1, first + i);
    lua_settop(b, b_top);
    lua_settop(a, a_top);
}
