/* SPDX-License-Identifier: MIT
 *
 * The host of run.lua that is preloaded into the stock interpreter, where
 * `require "faults"` finds it once more: all memory of the process fails, that
 * of the interpreter's own states and of the C library included.
 */
#include <dlfcn.h>
#include <string.h>

#include "lua_faults.h"
#include "message.h"

lua_State *host_new_state(void)
{
    return luaL_newstate();
}

void host_drop_kept(void)
{
}

bool host_knows_what_is_kept(void)
{
    return false;
}

/* Pieces that are kept for the next message or state; messages that are (those
 * that are not let go core.live() knows); what the dynamic linker keeps
 * together with the stacks of threads that have ended. */
bool host_excuses(const struct fault_block *block)
{
    Dl_info info;

    return block->size >= (size_t)32 << 10 ||
           block->size == sizeof(struct message) ||
           (dladdr(block->caller, &info) != 0 &&
            strstr(info.dli_fname, "/ld-linux") != NULL);
}
