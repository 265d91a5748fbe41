/* SPDX-License-Identifier: MIT
 *
 * Lua values to bytes. See lua_codec.h.
 */
#include "lua_codec.h"

#include <lauxlib.h>
#include <stdio.h>

#include "identity.h"
#include "library.h"
#include "lua_argument.h"
#include "lua_codec_format.h"
#include "lua_codec_place.h"
#include "lua_handle.h"

struct encoder {
    lua_State *L;
    struct message *message;
    struct codec_fault *fault;
    enum codec_policy policy;
    struct identity identity;
};

static bool encode_value(struct encoder *e, int index, const struct step *at,
                         int depth);

static bool fail(struct encoder *e, enum codec_problem problem)
{
    e->fault->problem = problem;
    return false;
}

/* ---- writing ---- */

static bool put_tagged(struct encoder *e, enum tag tag, const void *data,
                       size_t size)
{
    unsigned char *place = message_extend(e->message, 1 + size);

    if (place == NULL)
        return fail(e, CODEC_NO_MEMORY);
    *place = (unsigned char)tag;
    memcpy(place + 1, data, size);
    return true;
}

static bool put_tag(struct encoder *e, unsigned tag)
{
    unsigned char *place = message_extend(e->message, 1);

    if (place == NULL)
        return fail(e, CODEC_NO_MEMORY);
    *place = (unsigned char)tag;
    return true;
}

/* ---- values without parts ---- */

static bool put_integer(struct encoder *e, lua_Integer integer)
{
    int32_t small = (int32_t)integer;

    if (integer >= 0 && integer < 128)
        return put_tag(e, TAG_SMALL_INTEGER + (unsigned)integer);
    if (small == integer)
        return put_tagged(e, TAG_INTEGER32, &small, sizeof small);
    return put_tagged(e, TAG_INTEGER64, &integer, sizeof integer);
}

static bool put_number(struct encoder *e, int index)
{
    lua_Number number;

    if (lua_isinteger(e->L, index))
        return put_integer(e, lua_tointeger(e->L, index));
    number = lua_tonumber(e->L, index);
    return put_tagged(e, TAG_FLOAT, &number, sizeof number);
}

static bool put_text(struct encoder *e, const char *text, size_t length)
{
    uint64_t length64 = length;
    uint32_t length32 = (uint32_t)length;
    uint8_t length8 = (uint8_t)length;
    unsigned char *place;
    bool ok;

    if (length8 == length)
        ok = put_tagged(e, TAG_STRING8, &length8, sizeof length8);
    else if (length32 == length)
        ok = put_tagged(e, TAG_STRING32, &length32, sizeof length32);
    else
        ok = put_tagged(e, TAG_STRING64, &length64, sizeof length64);
    if (!ok)
        return false;
    place = message_extend(e->message, length);
    if (place == NULL)
        return fail(e, CODEC_NO_MEMORY);
    memcpy(place, text, length);
    return true;
}

static bool put_string(struct encoder *e, int index)
{
    size_t length;
    const char *text = lua_tolstring(e->L, index, &length);

    return put_text(e, text, length);
}

static bool put_handle(struct encoder *e, struct handle *handle)
{
    uint32_t number;

    if (!message_keep(e->message, handle, &number))
        return fail(e, CODEC_NO_MEMORY);
    return put_tagged(e, TAG_HANDLE, &number, sizeof number);
}

/* ---- values that cannot travel ---- */

/* The name is the one that programs match in results. */
static bool put_unsupported_text(struct encoder *e, int index)
{
    char text[80];
    int length =
        snprintf(text, sizeof text, "Un-supported value: %s: %p",
                 luaL_typename(e->L, index), lua_topointer(e->L, index));

    return put_text(e, text, (size_t)length);
}

static bool refuse(struct encoder *e, int index, const struct step *at,
                   const char *what)
{
    if (e->policy == CODEC_LENIENT)
        return put_unsupported_text(e, index);
    e->fault->what = what;
    step_describe(e->L, at, e->fault->place, sizeof e->fault->place);
    return fail(e, CODEC_UNSUPPORTED);
}

static bool put_userdata(struct encoder *e, int index, const struct step *at)
{
    struct handle *handle = lua_handle_at(e->L, index);

    if (handle == NULL)
        return refuse(e, index, at, "userdata");
    return put_handle(e, handle);
}

/* ---- things with an identity ---- */

enum meeting {
    MET_FIRST,
    /* A reference has been written instead. */
    MET_AGAIN,
    MET_FAILED
};

static enum meeting meet(struct encoder *e, int index)
{
    uint32_t number;

    switch (
        identity_number(&e->identity, lua_topointer(e->L, index), &number)) {
    case IDENTITY_NEW:
        return MET_FIRST;
    case IDENTITY_KNOWN:
        e->message->shared = true;
        return put_tagged(e, TAG_REFERENCE, &number, sizeof number)
                   ? MET_AGAIN
                   : MET_FAILED;
    default:
        (void)fail(e, CODEC_NO_MEMORY);
        return MET_FAILED;
    }
}

/* ---- tables ---- */

/* A walk over a table: in array mode while the keys come as 1, 2, 3, ..., some
 * holes allowed, in hash mode from the first other key on. */
struct walk {
    struct table_sizes sizes;
    /* Values in array mode that are not nil. */
    lua_Unsigned filled;
    lua_Unsigned border;
};

/* Holes are filled with nil as long as the array does not get much emptier
 * than those that Lua makes, or is short. This keeps the length of a table with
 * holes, which Lua finds by where its array part ends. */
static bool fits_array(const struct walk *walk, lua_Unsigned key)
{
    lua_Unsigned next = (lua_Unsigned)walk->sizes.array + 1;

    if (walk->sizes.hash > 0 || key < next || key >= UINT32_MAX)
        return false;
    return key == next || (key <= walk->border && key <= 8 * walk->filled + 64);
}

static bool put_holes(struct encoder *e, struct walk *walk, lua_Unsigned key)
{
    for (; walk->sizes.array + 1 < key; walk->sizes.array++)
        if (!put_tag(e, TAG_NIL))
            return false;
    walk->sizes.array++;
    walk->filled++;
    return true;
}

static bool put_key(struct encoder *e, struct walk *walk, int key,
                    const struct step *at, int depth)
{
    const struct step step = {at, STEP_KEY, key};

    if (lua_isinteger(e->L, key) &&
        fits_array(walk, (lua_Unsigned)lua_tointeger(e->L, key)))
        return put_holes(e, walk, (lua_Unsigned)lua_tointeger(e->L, key));
    if (walk->sizes.hash == UINT32_MAX)
        return fail(e, CODEC_NO_MEMORY);
    walk->sizes.hash++;
    return encode_value(e, key, &step, depth);
}

static bool put_fields(struct encoder *e, struct walk *walk, int index,
                       const struct step *at, int depth)
{
    int key = lua_gettop(e->L) + 1, value = key + 1;
    const struct step step = {at, STEP_FIELD, key};

    lua_pushnil(e->L);
    while (lua_next(e->L, index)) {
        if (!put_key(e, walk, key, at, depth) ||
            !encode_value(e, value, &step, depth))
            return false;
        lua_settop(e->L, key);
    }
    return true;
}

static bool put_table(struct encoder *e, int index, const struct step *at,
                      int depth)
{
    struct walk walk = {.border = lua_rawlen(e->L, index)};
    enum meeting meeting = meet(e, index);
    size_t sizes_at;

    if (meeting != MET_FIRST)
        return meeting == MET_AGAIN;
    if (!lua_checkstack(e->L, 4))
        return fail(e, CODEC_NO_MEMORY);
    if (!put_tagged(e, TAG_TABLE, &walk.sizes, sizeof walk.sizes))
        return false;
    sizes_at = e->message->size - sizeof walk.sizes;
    if (!put_fields(e, &walk, index, at, depth + 1))
        return false;
    memcpy(e->message->bytes + sizes_at, &walk.sizes, sizeof walk.sizes);
    return true;
}

/* ---- C functions ---- */

/* At most 255, the limit of lua_pushcclosure. */
static uint8_t count_upvalues(lua_State *L, int index)
{
    uint8_t count = 0;

    while (lua_getupvalue(L, index, count + 1) != NULL) {
        lua_pop(L, 1);
        count++;
    }
    return count;
}

static bool put_upvalues(struct encoder *e, int index, uint8_t count,
                         const struct step *at, int depth)
{
    int i, upvalue = lua_gettop(e->L) + 1;

    if (!lua_checkstack(e->L, 4))
        return fail(e, CODEC_NO_MEMORY);
    for (i = 1; i <= count; i++) {
        const struct step step = {at, STEP_UPVALUE, i};

        lua_getupvalue(e->L, index, i);
        if (!encode_value(e, upvalue, &step, depth))
            return false;
        lua_settop(e->L, upvalue - 1);
    }
    return true;
}

static bool put_function(struct encoder *e, int index, uint8_t upvalues,
                         const struct step *at, int depth)
{
    lua_CFunction function = lua_tocfunction(e->L, index);
    unsigned char code[sizeof function + 1];

    if (!library_pin((const void *)(uintptr_t)function))
        return fail(e, CODEC_NO_MEMORY);
    memcpy(code, &function, sizeof function);
    code[sizeof function] = upvalues;
    return put_tagged(e, TAG_CFUNCTION, code, sizeof code) &&
           put_upvalues(e, index, upvalues, at, depth + 1);
}

static bool put_closure(struct encoder *e, int index, uint8_t upvalues,
                        const struct step *at, int depth)
{
    enum meeting meeting = meet(e, index);

    if (meeting != MET_FIRST)
        return meeting == MET_AGAIN;
    return put_function(e, index, upvalues, at, depth);
}

/* Whether all that hangs on a closure can travel: a trial into a message that
 * is thrown away. *works is true also if something else than an unsupported
 * value fails, which will happen again. */
static bool try_closure(struct encoder *e, int index, int depth, bool *works)
{
    struct codec_fault fault = {CODEC_UNSUPPORTED, 0, "", ""};
    struct encoder trial = {e->L, message_new(), &fault, CODEC_STRICT, {0}};
    int top = lua_gettop(e->L);

    if (trial.message == NULL)
        return fail(e, CODEC_NO_MEMORY);
    identity_init(&trial.identity);
    *works = encode_value(&trial, index, NULL, depth) ||
             fault.problem != CODEC_UNSUPPORTED;
    lua_settop(e->L, top);
    identity_destroy(&trial.identity);
    message_release(trial.message);
    return true;
}

/* A closure without one of its upvalues would crash whoever calls it: all of
 * it travels, or none. So the lenient policy ends here. */
static bool put_whole_closure(struct encoder *e, int index, uint8_t upvalues,
                              const struct step *at, int depth)
{
    bool works, ok;

    if (e->policy == CODEC_STRICT)
        return put_closure(e, index, upvalues, at, depth);
    if (!try_closure(e, index, depth, &works))
        return false;
    if (!works)
        return put_unsupported_text(e, index);
    e->policy = CODEC_STRICT;
    ok = put_closure(e, index, upvalues, at, depth);
    e->policy = CODEC_LENIENT;
    return ok;
}

static bool put_any_function(struct encoder *e, int index,
                             const struct step *at, int depth)
{
    uint8_t upvalues;

    if (!lua_iscfunction(e->L, index))
        return refuse(e, index, at, "Lua function");
    upvalues = count_upvalues(e->L, index);
    if (upvalues == 0)
        return put_function(e, index, 0, at, depth);
    return put_whole_closure(e, index, upvalues, at, depth);
}

/* ---- all of them ---- */

static bool encode_value(struct encoder *e, int index, const struct step *at,
                         int depth)
{
    void *pointer;

    if (depth > CODEC_MAX_DEPTH)
        return fail(e, CODEC_TOO_DEEP);
    switch (lua_type(e->L, index)) {
    case LUA_TNIL:
        return put_tag(e, TAG_NIL);
    case LUA_TBOOLEAN:
        return put_tag(e, lua_toboolean(e->L, index) ? TAG_TRUE : TAG_FALSE);
    case LUA_TNUMBER:
        return put_number(e, index);
    case LUA_TSTRING:
        return put_string(e, index);
    case LUA_TTABLE:
        return put_table(e, index, at, depth);
    case LUA_TLIGHTUSERDATA:
        pointer = lua_touserdata(e->L, index);
        return put_tagged(e, TAG_LIGHTUSERDATA, &pointer, sizeof pointer);
    case LUA_TFUNCTION:
        return put_any_function(e, index, at, depth);
    case LUA_TTHREAD:
        return refuse(e, index, at, "coroutine");
    default:
        return put_userdata(e, index, at);
    }
}

bool codec_encode(lua_State *L, int first, int last, enum codec_policy policy,
                  struct message *message, struct codec_fault *fault)
{
    struct encoder e = {L, message, fault, policy, {0}};
    int top = lua_gettop(L);
    bool ok = true;

    fault->what = "";
    fault->place[0] = '\0';
    identity_init(&e.identity);
    if (!lua_checkstack(L, 8))
        ok = fail(&e, CODEC_NO_MEMORY);
    for (; ok && first <= last; first++) {
        fault->index = first;
        ok = encode_value(&e, first, NULL, 1);
        message->values++;
    }
    message->objects = e.identity.count;
    identity_destroy(&e.identity);
    lua_settop(L, top);
    return ok;
}

void codec_push_fault(lua_State *L, const struct codec_fault *fault)
{
    switch (fault->problem) {
    case CODEC_TOO_DEEP:
        lua_pushfstring(L, "Hit maximum copy depth (%d > %d).",
                        CODEC_MAX_DEPTH + 1, CODEC_MAX_DEPTH);
        break;
    case CODEC_NO_MEMORY:
        lua_pushliteral(L, "not enough memory");
        break;
    case CODEC_UNSUPPORTED:
        if (fault->place[0] == '\0')
            lua_pushfstring(L, "%s cannot be sent", fault->what);
        else
            lua_pushfstring(L, "at %s: %s cannot be sent", fault->place,
                            fault->what);
        break;
    }
}

int codec_raise(lua_State *L, const struct codec_fault *fault,
                const char *function)
{
    const char *why;

    codec_push_fault(L, fault);
    why = lua_tostring(L, -1);
    switch (fault->problem) {
    case CODEC_UNSUPPORTED:
        return lua_refuse_argument(L, fault->index, function, why);
    case CODEC_TOO_DEEP:
        return luaL_error(L, "%s", why);
    default:
        return lua_error(L);
    }
}
