/* SPDX-License-Identifier: MIT
 *
 * The encoder of runtime/lua_codec.h, as its parts see it: lua_codec_encode.c
 * knows all values but functions, lua_codec_functions.c those.
 *
 * What is put is written into the message; false: the fault says why not. The
 * index of a value is one of the stack, `at` the step that led to it, `depth`
 * how deep it lies. None of them raises, or changes the stack, save that it is
 * not cleared up after a failure.
 */
#ifndef RUNTIME_LUA_CODEC_ENCODER_H
#define RUNTIME_LUA_CODEC_ENCODER_H

#include "identity.h"
#include "lua_builtin.h"
#include "lua_codec.h"
#include "lua_codec_place.h"
#include "lua_codec_texts.h"
#include "lua_codec_writer.h"

/* What fails without a word about it fails for want of memory. */
struct encoder {
    lua_State *L;
    struct writer w;
    struct codec_fault *fault;
    enum codec_policy policy;
    /* Only whether something can be encoded is asked. */
    bool is_trial;
    /* The stack index up to which there is room for certain. */
    int ceiling;
    struct identity identity;
    /* From the second table on: in one table names do not repeat. */
    bool knows_texts;
    struct texts texts;
};

/* Opens the message for writing, and closes it. */
void encoder_begin(struct encoder *e, lua_State *L, enum codec_policy policy,
                   struct message *message, struct codec_fault *fault);
void encoder_end(struct encoder *e);

/* The slots that a value needs, leaving aside its parts. */
#define ENCODER_SLOTS LUA_BUILTIN_SLOTS

/* Makes sure of them. */
bool encoder_grow_stack(struct encoder *e);

static inline bool encoder_has_slots(struct encoder *e)
{
    return lua_gettop(e->L) + ENCODER_SLOTS <= e->ceiling ||
           encoder_grow_stack(e);
}

/* Notes the problem. Returns false. */
bool encoder_fail(struct encoder *e, enum codec_problem problem);

/* Any value. */
bool encoder_put(struct encoder *e, int index, const struct step *at,
                 int depth);

/* A function. */
bool encoder_put_function(struct encoder *e, int index, const struct step *at,
                          int depth);

/* A value that cannot travel: what it is instead, or the end. */
bool encoder_refuse(struct encoder *e, int index, const struct step *at,
                    const char *what);
bool encoder_put_unsupported(struct encoder *e, int index);

enum meeting {
    MET_FIRST,
    /* A reference has been written instead. */
    MET_AGAIN,
    MET_FAILED
};

/* Gives a thing with an identity its number. */
enum meeting encoder_meet(struct encoder *e, int index);

#endif
