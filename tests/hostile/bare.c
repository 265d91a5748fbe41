/* SPDX-License-Identifier: MIT
 *
 * A program that is linked with a part of Lua only. Opens the module, which is
 * its argument, and prints why that fails.
 */
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    void *module = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    lua_CFunction open_core = NULL;

    if (module == NULL)
        return 1;
    *(void **)&open_core = dlsym(module, "luaopen_llthreads2_core");
    lua_pushcfunction(L, open_core);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        puts(lua_tostring(L, -1));
    lua_close(L);
    return 0;
}
