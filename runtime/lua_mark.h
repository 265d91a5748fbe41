/* SPDX-License-Identifier: MIT
 *
 * How a userdata of ours is known: it begins with a mark, an address that
 * nobody else's userdata begins with. Programs can give its metatable to other
 * things, and asking for one costs more than all the rest of a small message.
 */
#ifndef RUNTIME_LUA_MARK_H
#define RUNTIME_LUA_MARK_H

#include <stddef.h>

#include "lua_compat.h"

/* The userdata at a stack index if it has this size and begins with this mark;
 * NULL: something else. Never raises. The thread that runs the state. */
static inline void *lua_marked_at(lua_State *L, int index, const void *mark,
                                  size_t size)
{
    const void **box = lua_touserdata(L, index);

    if (box == NULL || lua_rawlen(L, index) != size || *box != mark)
        return NULL;
    return box;
}

#endif
