/* SPDX-License-Identifier: MIT
 *
 * Lua values to bytes. See lua_codec.h.
 */
#include "lua_codec_encoder.h"

#include <stdio.h>

#include "lua_handle.h"

static bool encode_other(struct encoder *e, int index, const struct step *at,
                         int depth);

bool encoder_fail(struct encoder *e, enum codec_problem problem)
{
    e->fault->problem = problem;
    return false;
}

void encoder_begin(struct encoder *e, lua_State *L, enum codec_policy policy,
                   struct message *message, struct codec_fault *fault)
{
    e->L = L;
    writer_open(&e->w, message);
    fault->problem = CODEC_NO_MEMORY;
    fault->what = "";
    fault->place[0] = '\0';
    e->fault = fault;
    e->policy = policy;
    e->is_trial = false;
    e->ceiling = lua_gettop(L) + CODEC_SLOTS;
    identity_init(&e->identity);
    e->knows_texts = false;
}

void encoder_end(struct encoder *e)
{
    writer_close(&e->w);
    e->w.message->objects = e->identity.count;
    if (e->knows_texts)
        e->w.message->texts = e->texts.places;
    identity_destroy(&e->identity);
}

/* By many slots at once: it is a protected call in some Luas. */
bool encoder_grow_stack(struct encoder *e)
{
    if (!lua_compat_checkstack(e->L, 10 * ENCODER_SLOTS))
        return false;
    e->ceiling = lua_gettop(e->L) + 10 * ENCODER_SLOTS;
    return true;
}

/* ---- values without parts ---- */

static inline bool put_number(struct encoder *e, int index)
{
    lua_Integer integer = 0;
    lua_Number number;

    if (lua_compat_number_at(e->L, index, &integer, &number) ==
        LUA_COMPAT_FLOAT)
        return write_tagged(&e->w, TAG_FLOAT, &number, sizeof number);
    return write_integer(&e->w, integer);
}

static bool put_known_text(struct encoder *e, const char *text, size_t length)
{
    uint8_t place;

    switch (texts_meet(&e->texts, text, &place)) {
    case TEXTS_KEPT:
        return write_tagged(&e->w, TAG_KEPT, &place, sizeof place);
    case TEXTS_SEND_AND_KEEP:
        return write_tagged(&e->w, TAG_KEEP, &place, sizeof place) &&
               write_text(&e->w, text, length);
    default:
        return write_text(&e->w, text, length);
    }
}

static inline bool put_string(struct encoder *e, int index)
{
    size_t length;
    const char *text = lua_tolstring(e->L, index, &length);

    if (e->knows_texts)
        return put_known_text(e, text, length);
    return write_text(&e->w, text, length);
}

static bool put_lightuserdata(struct encoder *e, int index)
{
    void *pointer = lua_touserdata(e->L, index);

    return write_tagged(&e->w, TAG_LIGHTUSERDATA, &pointer, sizeof pointer);
}

static bool put_handle(struct encoder *e, struct handle *handle)
{
    uint32_t number;

    return message_keep(e->w.message, handle, &number) &&
           write_tagged(&e->w, TAG_HANDLE, &number, sizeof number);
}

/* ---- all of them ---- */

/* What is met most is inlined where values are met one after the other. */
static inline bool encode_value(struct encoder *e, int index,
                                const struct step *at, int depth)
{
    if (depth > CODEC_MAX_DEPTH)
        return encoder_fail(e, CODEC_TOO_DEEP);
    switch (lua_type(e->L, index)) {
    case LUA_TNUMBER:
        return put_number(e, index);
    case LUA_TSTRING:
        return put_string(e, index);
    case LUA_TBOOLEAN:
        return write_tag(&e->w,
                         lua_toboolean(e->L, index) ? TAG_TRUE : TAG_FALSE);
    default:
        return encode_other(e, index, at, depth);
    }
}

/* ---- values that cannot travel ---- */

/* The name is the one that programs match in results. */
bool encoder_put_unsupported(struct encoder *e, int index)
{
    char text[80];
    int length =
        snprintf(text, sizeof text, "Un-supported value: %s: %p",
                 luaL_typename(e->L, index), lua_topointer(e->L, index));

    return write_text(&e->w, text, (size_t)length);
}

bool encoder_refuse(struct encoder *e, int index, const struct step *at,
                    const char *what)
{
    if (e->policy == CODEC_LENIENT)
        return encoder_put_unsupported(e, index);
    e->fault->what = what;
    step_describe(e->L, at, e->fault->place, sizeof e->fault->place);
    return encoder_fail(e, CODEC_UNSUPPORTED);
}

static bool put_userdata(struct encoder *e, int index, const struct step *at)
{
    struct handle *handle = lua_handle_at(e->L, index);

    if (handle == NULL)
        return encoder_refuse(e, index, at, "userdata");
    return put_handle(e, handle);
}

/* ---- things with an identity ---- */

enum meeting encoder_meet(struct encoder *e, int index)
{
    uint32_t number;

    switch (
        identity_number(&e->identity, lua_topointer(e->L, index), &number)) {
    case IDENTITY_NEW:
        if (number == 1) {
            texts_init(&e->texts);
            e->knows_texts = true;
        }
        return MET_FIRST;
    case IDENTITY_KNOWN:
        e->w.message->shared = true;
        return write_tagged(&e->w, TAG_REFERENCE, &number, sizeof number)
                   ? MET_AGAIN
                   : MET_FAILED;
    default:
        return MET_FAILED;
    }
}

/* ---- tables ---- */

/* A walk over a table: through an array while the keys come as 1, 2, 3, ...,
 * some holes allowed, through a hash from the first other key on. */
struct walk {
    struct table_sizes sizes;
    /* Values in the array that are not nil. */
    uint64_t filled;
    uint64_t border;
};

/* Holes are filled with nil as long as the array does not get much emptier
 * than those that Lua makes, or is short. This keeps the length of a table with
 * holes, which Lua finds by where its array part ends. */
static bool may_follow(const struct walk *walk, uint64_t key)
{
    uint64_t next = (uint64_t)walk->sizes.array + 1;

    return key > next && key < UINT32_MAX && key <= walk->border &&
           key <= 8 * walk->filled + 64;
}

static bool put_holes(struct encoder *e, struct walk *walk, uint64_t key)
{
    for (; walk->sizes.array + 1 < key; walk->sizes.array++)
        if (!write_tag(&e->w, TAG_NIL))
            return false;
    return true;
}

/* Whether the key goes on with the array. */
static inline bool is_place(struct encoder *e, struct walk *walk, int index,
                            uint64_t *key)
{
    lua_Integer integer;

    if (!lua_compat_integer_at(e->L, index, &integer))
        return false;
    *key = (uint64_t)integer;
    return (*key == walk->sizes.array + UINT64_C(1) && *key < UINT32_MAX) ||
           may_follow(walk, *key);
}

/* Numbers are what long lists are made of. */
static inline bool put_element(struct encoder *e, int index,
                               const struct step *at, int depth)
{
    lua_Integer integer;
    lua_Number number;

    if (depth > CODEC_MAX_DEPTH)
        return encoder_fail(e, CODEC_TOO_DEEP);
    switch (lua_compat_number_at(e->L, index, &integer, &number)) {
    case LUA_COMPAT_INTEGER:
        return write_integer(&e->w, integer);
    case LUA_COMPAT_FLOAT:
        return write_tagged(&e->w, TAG_FLOAT, &number, sizeof number);
    default:
        return encode_value(e, index, at, depth);
    }
}

/* Leaves the first field that does not belong to the array, and whether there
 * is one. */
static bool put_array(struct encoder *e, struct walk *walk, int index,
                      const struct step *at, int depth, bool *more)
{
    const int key = at->index, value = key + 1;
    uint64_t place;

    while ((*more = lua_next(e->L, index)) && is_place(e, walk, key, &place)) {
        if (!put_holes(e, walk, place) || !put_element(e, value, at, depth))
            return false;
        walk->sizes.array++;
        walk->filled++;
        lua_settop(e->L, key);
    }
    return true;
}

/* From the field on that lies on the stack. */
static bool put_hash(struct encoder *e, struct walk *walk, int index,
                     const struct step *at, int depth)
{
    const int key = at->index, value = key + 1;
    const struct step to_key = {at->above, STEP_KEY, key};

    do {
        if (++walk->sizes.hash == 0 || !encode_value(e, key, &to_key, depth) ||
            !encode_value(e, value, at, depth))
            return false;
        lua_settop(e->L, key);
    } while (lua_next(e->L, index));
    return true;
}

/* The content of the table, which is at this depth. */
static bool put_fields(struct encoder *e, struct walk *walk, int index,
                       const struct step *at, int depth)
{
    const struct step step = {at, STEP_FIELD, lua_gettop(e->L) + 1};
    bool more;

    lua_pushnil(e->L);
    return put_array(e, walk, index, &step, depth, &more) &&
           (!more || put_hash(e, walk, index, &step, depth));
}

static bool put_table(struct encoder *e, int index, const struct step *at,
                      int depth)
{
    struct walk walk = {.border = lua_rawlen(e->L, index)};
    enum meeting meeting = encoder_meet(e, index);
    size_t content;

    if (meeting != MET_FIRST)
        return meeting == MET_AGAIN;
    if (!encoder_has_slots(e) ||
        !write_tagged(&e->w, TAG_TABLE, &walk.sizes, sizeof walk.sizes))
        return false;
    content = writer_place(&e->w);
    if (!put_fields(e, &walk, index, at, depth + 1))
        return false;
    memcpy(e->w.message->bytes + content - sizeof walk.sizes, &walk.sizes,
           sizeof walk.sizes);
    return true;
}

/* ---- values with parts, and rare ones ---- */

static bool encode_other(struct encoder *e, int index, const struct step *at,
                         int depth)
{
    switch (lua_type(e->L, index)) {
    case LUA_TTABLE:
        return put_table(e, index, at, depth);
    case LUA_TNIL:
        return write_tag(&e->w, TAG_NIL);
    case LUA_TLIGHTUSERDATA:
        return put_lightuserdata(e, index);
    case LUA_TFUNCTION:
        return encoder_put_function(e, index, at, depth);
    case LUA_TTHREAD:
        return encoder_refuse(e, index, at, "coroutine");
    case LUA_TUSERDATA:
        return put_userdata(e, index, at);
    default:
        return encoder_refuse(e, index, at, luaL_typename(e->L, index));
    }
}

bool encoder_put(struct encoder *e, int index, const struct step *at, int depth)
{
    return encode_value(e, index, at, depth);
}

/* ---- messages ---- */

bool codec_is_lent(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING &&
           lua_rawlen(L, index) >= CODEC_LENT;
}

static bool lend(struct encoder *e, int index)
{
    size_t length;
    const char *text = lua_tolstring(e->L, index, &length);
    uint32_t number;

    return message_lend(e->w.message, text, length, &number) &&
           write_tagged(&e->w, TAG_LENT, &number, sizeof number);
}

static bool encode_outermost(struct encoder *e, int index)
{
    if (e->w.message->lends && codec_is_lent(e->L, index))
        return lend(e, index);
    return encode_value(e, index, NULL, 1);
}

bool codec_encode(lua_State *L, int first, int last, enum codec_policy policy,
                  struct message *message, struct codec_fault *fault)
{
    struct encoder e;
    int top = lua_gettop(L), index;
    bool ok = true;

    encoder_begin(&e, L, policy, message, fault);
    for (index = first; ok && index <= last; index++) {
        fault->index = index;
        ok = encode_outermost(&e, index);
    }
    message->values = (uint32_t)(index - first);
    encoder_end(&e);
    if (!ok)
        lua_settop(L, top);
    return ok;
}
