/* SPDX-License-Identifier: MIT
 *
 * Where in a nested value an encoder is: `.jobs[3].callback`.
 */
#ifndef RUNTIME_LUA_CODEC_PLACE_H
#define RUNTIME_LUA_CODEC_PLACE_H

#include <stddef.h>

#include "lua_compat.h"

enum step_kind {
    /* Into the value of a field, whose key lies at a stack index. */
    STEP_FIELD,
    /* Into a key, which lies at a stack index. */
    STEP_KEY,
    /* Into the upvalue of this number. */
    STEP_UPVALUE
};

/* One step down; they form a chain on the C stack of the encoder. */
struct step {
    const struct step *above;
    enum step_kind kind;
    int index;
};

/* Writes the way to `last` (NULL: the value itself, "") into `place`. The
 * beginning gives way to "..." if there is no room. Never raises. */
void step_describe(lua_State *L, const struct step *last, char *place,
                   size_t size);

#endif
