/* SPDX-License-Identifier: MIT
 *
 * Functions to bytes: by address with their upvalues, or by name. See
 * lua_codec.h and lua_builtin.h.
 */
#include "lua_codec_encoder.h"

#include "library.h"

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

    for (i = 1; i <= count; i++) {
        const struct step step = {at, STEP_UPVALUE, i};

        lua_getupvalue(e->L, index, i);
        if (!encoder_put(e, upvalue, &step, depth))
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
        return false;
    memcpy(code, &function, sizeof function);
    code[sizeof function] = upvalues;
    return write_tagged(&e->w, TAG_CFUNCTION, code, sizeof code) &&
           put_upvalues(e, index, upvalues, at, depth + 1);
}

static bool put_closure(struct encoder *e, int index, uint8_t upvalues,
                        const struct step *at, int depth)
{
    enum meeting meeting = encoder_meet(e, index);

    if (meeting != MET_FIRST)
        return meeting == MET_AGAIN;
    return put_function(e, index, upvalues, at, depth);
}

static bool put_builtin(struct encoder *e, const struct lua_builtin *builtin)
{
    uint8_t library = (uint8_t)builtin->library;

    return write_tagged(&e->w, TAG_BUILTIN, &library, sizeof library) &&
           write_text(&e->w, builtin->field, builtin->length);
}

/* Whether all that hangs on a closure can travel: a trial into a message that
 * is thrown away, which knows of nothing that has been met. What fails for
 * another reason fails. */
static bool try_closure(struct encoder *e, int index, uint8_t upvalues,
                        int depth, bool *works)
{
    struct codec_fault fault;
    struct encoder trial;
    struct message *message = message_new();
    int top = lua_gettop(e->L);

    if (message == NULL)
        return encoder_fail(e, CODEC_NO_MEMORY);
    encoder_begin(&trial, e->L, CODEC_STRICT, message, &fault);
    trial.ceiling = e->ceiling;
    trial.is_trial = true;
    *works = put_closure(&trial, index, upvalues, NULL, depth);
    lua_settop(e->L, top);
    encoder_end(&trial);
    message_release(message);
    return *works || fault.problem == CODEC_UNSUPPORTED ||
           encoder_fail(e, fault.problem);
}

/* A closure without one of its upvalues would crash whoever calls it: all of
 * it travels, or none. So the lenient policy ends here. One that has been met
 * travels already; Lua's own may travel by name instead. */
static bool put_whole_closure(struct encoder *e, int index, uint8_t upvalues,
                              const struct step *at, int depth)
{
    const enum codec_policy policy = e->policy;
    struct lua_builtin builtin;
    bool named = lua_builtin_find(e->L, index, &builtin), works, ok;

    if (named && e->is_trial)
        return put_builtin(e, &builtin);
    if ((policy == CODEC_STRICT && !named) ||
        identity_knows(&e->identity, lua_topointer(e->L, index)))
        return put_closure(e, index, upvalues, at, depth);
    if (!try_closure(e, index, upvalues, depth, &works))
        return false;
    if (!works)
        return named ? put_builtin(e, &builtin)
                     : encoder_put_unsupported(e, index);
    e->policy = CODEC_STRICT;
    ok = put_closure(e, index, upvalues, at, depth);
    e->policy = policy;
    return ok;
}

/* An address, and what upvalues there are. */
static bool put_plain(struct encoder *e, int index, const struct step *at,
                      int depth)
{
    uint8_t upvalues = count_upvalues(e->L, index);

    if (upvalues > 0)
        return put_whole_closure(e, index, upvalues, at, depth);
    if (LUA_COMPAT_FUNCTIONS_ARE_OBJECTS)
        return put_closure(e, index, 0, at, depth);
    return put_function(e, index, 0, at, depth);
}

bool encoder_put_function(struct encoder *e, int index, const struct step *at,
                          int depth)
{
    enum lua_compat_environment environment = LUA_COMPAT_OWN;
    struct lua_builtin builtin;

    if (!encoder_has_slots(e))
        return false;
    if (lua_tocfunction(e->L, index) != NULL)
        environment = lua_compat_environment_at(e->L, index);
    if (environment != LUA_COMPAT_OWN && LUA_COMPAT_51 &&
        lua_builtin_find_ffi(e->L, index, &builtin))
        return put_builtin(e, &builtin);
    if (environment == LUA_COMPAT_COMMON)
        return put_plain(e, index, at, depth);
    if (lua_builtin_find(e->L, index, &builtin))
        return put_builtin(e, &builtin);
    if (environment == LUA_COMPAT_PACKAGE)
        return put_plain(e, index, at, depth);
    if (lua_iscfunction(e->L, index))
        return encoder_refuse(e, index, at,
                              "C function that is bound to its state");
    return encoder_refuse(e, index, at, "Lua function");
}
