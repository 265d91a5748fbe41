/* SPDX-License-Identifier: MIT
 *
 * What encoding has to say, found out in another way: by a walk in the order of
 * next() that writes nothing and knows where it is by a text, which gets longer
 * on the way down.
 */
#include <ctype.h>
#include <stdio.h>

#include "fuzz.h"
#include "live.h"
#include "lua_handle.h"

struct oracle {
    lua_State *L;
    enum codec_policy policy;
    /* The stack index of a table: the objects that have been met. */
    int met;
    struct verdict *verdict;
    size_t length;
};

static bool visit(struct oracle *o, int index, int depth);

static bool stop(struct oracle *o, enum codec_problem problem, const char *what)
{
    o->verdict->fails = true;
    o->verdict->problem = problem;
    o->verdict->what = what;
    if (problem != CODEC_UNSUPPORTED)
        o->verdict->place[0] = '\0';
    return false;
}

/* ---- the way ---- */

static void go_down(struct oracle *o, const char *part)
{
    size_t length = strlen(part);

    MUST(o->length + length < sizeof o->verdict->place, "the way has room");
    memcpy(o->verdict->place + o->length, part, length + 1);
    o->length += length;
}

static void go_up(struct oracle *o, size_t length)
{
    o->length = length;
    o->verdict->place[length] = '\0';
}

static bool is_identifier(const char *text, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++)
        if (text[i] != '_' && !isalnum((unsigned char)text[i]))
            return false;
    return length > 0 && length <= 40 && !isdigit((unsigned char)text[0]);
}

static void name_string(const char *text, size_t length, char *part)
{
    size_t i, shown = length > 40 ? 40 : length;

    if (is_identifier(text, length)) {
        sprintf(part, ".%.*s", (int)length, text);
        return;
    }
    part += sprintf(part, "[\"");
    for (i = 0; i < shown; i++)
        *part++ = '?';
    for (i = 0; i < shown; i++)
        if (text[i] >= ' ' && text[i] <= '~')
            part[(long)i - (long)shown] = text[i];
    sprintf(part, length > 40 ? "...\"]" : "\"]");
}

static void name_key(lua_State *L, int index, char *part)
{
    size_t length;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        name_string(text, length, part);
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            sprintf(part, "[%lld]", (long long)lua_tointeger(L, index));
        else
            sprintf(part, "[%.14g]", lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN:
        sprintf(part, lua_toboolean(L, index) ? "[true]" : "[false]");
        break;
    default:
        sprintf(part, "[%s]", luaL_typename(L, index));
    }
}

/* ---- the walk ---- */

/* Whether it has been met, which it has from now on. */
static bool meet(struct oracle *o, int index)
{
    const void *object = lua_topointer(o->L, index);
    bool known = lua_rawgetp(o->L, o->met, object) != LUA_TNIL;

    lua_pop(o->L, 1);
    if (known)
        return true;
    lua_pushboolean(o->L, true);
    lua_rawsetp(o->L, o->met, object);
    return false;
}

static bool visit_field(struct oracle *o, int key, int depth)
{
    size_t length = o->length;
    char part[64];

    go_down(o, length == 0 ? "a key" : ": a key");
    if (!visit(o, key, depth))
        return false;
    go_up(o, length);
    name_key(o->L, key, part);
    go_down(o, part);
    if (!visit(o, key + 1, depth))
        return false;
    go_up(o, length);
    return true;
}

static bool visit_table(struct oracle *o, int index, int depth)
{
    int key = lua_gettop(o->L) + 1;

    if (meet(o, index))
        return true;
    lua_pushnil(o->L);
    while (lua_next(o->L, index)) {
        if (!visit_field(o, key, depth + 1))
            return false;
        lua_settop(o->L, key);
    }
    return true;
}

static bool visit_upvalues(struct oracle *o, int index, int depth)
{
    int top = lua_gettop(o->L), i;
    size_t length = o->length;
    char part[64];

    if (meet(o, index))
        return true;
    for (i = 1; lua_getupvalue(o->L, index, i) != NULL; i++) {
        sprintf(part, "<upvalue %d>", i);
        go_down(o, part);
        if (!visit(o, top + 1, depth + 1))
            return false;
        go_up(o, length);
        lua_settop(o->L, top);
    }
    return true;
}

/* As if there was nothing but this closure. */
static bool try_closure(struct oracle *o, int index, int depth,
                        struct verdict *verdict)
{
    struct oracle trial = {o->L, CODEC_STRICT, 0, verdict, 0};
    int top = lua_gettop(o->L);

    memset(verdict, 0, sizeof *verdict);
    lua_newtable(o->L);
    trial.met = top + 1;
    (void)visit_upvalues(&trial, index, depth);
    lua_settop(o->L, top);
    return !verdict->fails;
}

/* All of a closure travels or nothing of it, where the rest is lenient. */
static bool visit_closure(struct oracle *o, int index, int depth)
{
    static struct verdict verdict;
    bool ok;

    if (o->policy == CODEC_STRICT)
        return visit_upvalues(o, index, depth);
    lua_rawgetp(o->L, o->met, lua_topointer(o->L, index));
    ok = lua_toboolean(o->L, -1);
    lua_pop(o->L, 1);
    if (ok)
        return true;
    if (!try_closure(o, index, depth, &verdict))
        return verdict.problem == CODEC_UNSUPPORTED ||
               stop(o, verdict.problem, "");
    o->policy = CODEC_STRICT;
    ok = visit_upvalues(o, index, depth);
    o->policy = CODEC_LENIENT;
    return ok;
}

static bool visit_function(struct oracle *o, int index, int depth)
{
    if (!lua_iscfunction(o->L, index))
        return o->policy == CODEC_LENIENT ||
               stop(o, CODEC_UNSUPPORTED, "Lua function");
    if (upvalue_count(o->L, index) == 0)
        return true;
    return visit_closure(o, index, depth);
}

static bool visit(struct oracle *o, int index, int depth)
{
    MUST(lua_checkstack(o->L, 10), "there is room on the stack");
    if (depth > CODEC_MAX_DEPTH)
        return stop(o, CODEC_TOO_DEEP, "");
    switch (lua_type(o->L, index)) {
    case LUA_TTABLE:
        return visit_table(o, index, depth);
    case LUA_TFUNCTION:
        return visit_function(o, index, depth);
    case LUA_TTHREAD:
        return o->policy == CODEC_LENIENT ||
               stop(o, CODEC_UNSUPPORTED, "coroutine");
    case LUA_TUSERDATA:
        return o->policy == CODEC_LENIENT ||
               lua_handle_at(o->L, index) != NULL ||
               stop(o, CODEC_UNSUPPORTED, "userdata");
    default:
        return true;
    }
}

void oracle_ask(lua_State *L, int first, int last, enum codec_policy policy,
                struct verdict *verdict)
{
    int top = lua_gettop(L);
    struct oracle o = {L, policy, top + 1, verdict, 0};

    memset(verdict, 0, sizeof *verdict);
    MUST(lua_checkstack(L, 10), "there is room on the stack");
    lua_newtable(L);
    for (; first <= last; first++) {
        verdict->index = first;
        if (!visit(&o, first, 1))
            break;
    }
    lua_settop(L, top);
}

/* ---- the encoder's turn ---- */

/* The beginning of a long way is left out. */
static bool same_place(const char *place, const char *whole)
{
    size_t length = strlen(whole), shown = strlen(place);

    if (length < sizeof((struct codec_fault *)0)->place - 3)
        return strcmp(place, whole) == 0;
    return strncmp(place, "...", 3) == 0 && shown > 100 &&
           strcmp(place + 3, whole + length - (shown - 3)) == 0;
}

static void compare_fault(const struct codec_fault *fault,
                          const struct verdict *verdict)
{
    if (fault->problem != verdict->problem || fault->index != verdict->index ||
        strcmp(fault->what, verdict->what) != 0 ||
        !same_place(fault->place, verdict->place))
        fprintf(stderr, "%d: argument %d%s: %s\ninstead of\n%d: %d%s: %s\n",
                fault->problem, fault->index, fault->place, fault->what,
                verdict->problem, verdict->index, verdict->place,
                verdict->what);
    MUST(fault->problem == verdict->problem, "the problem is the right one");
    MUST(fault->index == verdict->index, "it is the right value");
    MUST(strcmp(fault->what, verdict->what) == 0, "it is what it is said");
    MUST(same_place(fault->place, verdict->place), "it is where it is said");
}

struct message *encode_as_predicted(lua_State *L, enum codec_policy policy,
                                    bool lends)
{
    static struct verdict verdict;
    struct message *message = message_new();
    struct codec_fault fault;
    int top = lua_gettop(L);
    bool ok;

    MUST(message != NULL, "there is memory for a message");
    message->lends = lends;
    oracle_ask(L, 1, top, policy, &verdict);
    ok = codec_encode(L, 1, top, policy, message, &fault);
    MUST(lua_gettop(L) == top, "encoding leaves the stack as it was");
    MUST(ok == !verdict.fails, "what can be sent is sent, and nothing else");
    if (ok)
        return message;
    compare_fault(&fault, &verdict);
    message_release(message);
    return NULL;
}
