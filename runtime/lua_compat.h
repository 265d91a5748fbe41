/* SPDX-License-Identifier: MIT
 *
 * Lua, whichever it is: 5.1 to 5.5, and LuaJIT, which is a 5.1 here. The rest
 * of the code is written for the interface of 5.4. For the older ones
 * lua-compat-5.3 makes up for most of the difference, this header for the rest.
 * Nothing else asks for the version.
 *
 * What is built with the headers of 5.1 or of LuaJIT runs with both: they have
 * one interface, and share their folders of modules. So the two are told apart
 * when the module runs, never by the compiler.
 *
 * Where there is a difference in what is done, not only in what it is called,
 * there is a function of ours for it, whose name begins with lua_compat_. These
 * belong to the thread that runs the state.
 */
#ifndef RUNTIME_LUA_COMPAT_H
#define RUNTIME_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#if LUA_VERSION_NUM < 501 || LUA_VERSION_NUM > 505
#error "Lua 5.1 to 5.5, or LuaJIT, is needed."
#endif

/* ---- not in every Lua ---- */

/* The functions that we call and that some Lua does not export: a module that
 * has been built for another Lua can be loaded all the same, and then says so
 * itself: lua_compat_check(). Each is named where it is a function and no
 * macro; in front of lua-compat-5.3, which makes macros of some. */
#if LUA_VERSION_NUM == 501
#pragma weak luaL_loadbuffer
#pragma weak luaL_register
#pragma weak lua_call
#pragma weak lua_cpcall
#pragma weak lua_equal
#pragma weak lua_getfenv
#pragma weak lua_lessthan
#pragma weak lua_objlen
#pragma weak lua_pcall
#pragma weak lua_tonumber
#endif

#if LUA_VERSION_NUM <= 502
#pragma weak lua_insert
#pragma weak lua_remove
#pragma weak lua_replace
#endif

#if LUA_VERSION_NUM <= 503
#pragma weak lua_newuserdata
#endif

#if LUA_VERSION_NUM <= 504
#pragma weak luaL_openlibs
#endif

#if LUA_VERSION_NUM >= 502
#pragma weak luaL_buffinitsize
#pragma weak luaL_checkversion_
#pragma weak luaL_getsubtable
#pragma weak luaL_loadbufferx
#pragma weak luaL_prepbuffsize
#pragma weak luaL_pushresultsize
#pragma weak luaL_setfuncs
#pragma weak luaL_tolstring
#pragma weak luaL_traceback
#pragma weak lua_absindex
#pragma weak lua_callk
#pragma weak lua_copy
#pragma weak lua_pcallk
#pragma weak lua_rawgetp
#pragma weak lua_rawlen
#pragma weak lua_rawsetp
#pragma weak lua_setglobal
#pragma weak lua_tointegerx
#pragma weak lua_tonumberx
#endif

#if LUA_VERSION_NUM >= 503
#pragma weak lua_isinteger
#pragma weak lua_rotate
#endif

#if LUA_VERSION_NUM >= 504
#pragma weak lua_newuserdatauv
#pragma weak lua_setwarnf
#endif

#if LUA_VERSION_NUM >= 505
#pragma weak luaL_makeseed
#pragma weak luaL_openselectedlibs
#endif

/* ---- what lua_compat.c does about it ---- */

/* Pushing a C function, or making the stack larger, may raise; functions have
 * environments. */
#define LUA_COMPAT_51 (LUA_VERSION_NUM == 501)

/* An object is finalised once, even if it gets its metatable again. */
#define LUA_COMPAT_FINALISED_ONCE (LUA_VERSION_NUM <= 502)

/* C functions without upvalues are not just their addresses: two of one address
 * may not be equal. */
#define LUA_COMPAT_FUNCTIONS_ARE_OBJECTS LUA_COMPAT_51

/* lua-compat-5.3 is needed; its functions are compiled once. */
#define LUA_COMPAT_53 (LUA_VERSION_NUM < 503)

/* A state is made with a seed. */
#define LUA_COMPAT_55 (LUA_VERSION_NUM >= 505)

/* ---- the interface of 5.4 ---- */

#if LUA_COMPAT_53
#define COMPAT53_PREFIX lua_compat53
#include <compat-5.3.h>
/* Nobody here wants what these return. */
#undef lua_pushlstring
#undef lua_pushstring
#endif

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, size, values) lua_newuserdata(L, size)
#define lua_setwarnf(L, function, context) ((void)(function), (void)(context))
#endif

/* LuaJIT knows it, and 5.1 answers -1, as to all that it does not know. */
#ifndef LUA_GCISRUNNING
#define LUA_GCISRUNNING 9
#endif

/* In a finaliser, what lua_gc() says to LUA_GCISRUNNING: since 5.4.4 Lua tells
 * a collector that waits for the finaliser (-1) from one that the program has
 * stopped (0). */
#if LUA_VERSION_NUM >= 504 && LUA_VERSION_RELEASE_NUM >= 50404
#define LUA_COMPAT_FINALISING (-1)
#else
#define LUA_COMPAT_FINALISING 0
#endif

/* ---- values ---- */

enum lua_compat_number {
    LUA_COMPAT_NO_NUMBER,
    LUA_COMPAT_INTEGER,
    LUA_COMPAT_FLOAT
};

/* What kind of number the value at a stack index is, and which. Where all
 * numbers are floats, one that a short integer says as well counts as that. One
 * function for both: a value is looked up on the stack once or twice, not four
 * times. Never raises. */
static inline enum lua_compat_number lua_compat_number_at(lua_State *L,
                                                          int index,
                                                          lua_Integer *integer,
                                                          lua_Number *number)
{
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index)) {
        *integer = lua_tointeger(L, index);
        return LUA_COMPAT_INTEGER;
    }
    if (lua_type(L, index) != LUA_TNUMBER)
        return LUA_COMPAT_NO_NUMBER;
    *number = lua_tonumber(L, index);
    return LUA_COMPAT_FLOAT;
#else
    if (lua_type(L, index) != LUA_TNUMBER)
        return LUA_COMPAT_NO_NUMBER;
    *number = lua_tonumber(L, index);
    if (!(*number >= INT32_MIN && *number <= INT32_MAX))
        return LUA_COMPAT_FLOAT;
    *integer = (lua_Integer)*number;
    if ((lua_Number)*integer != *number || (*integer == 0 && signbit(*number)))
        return LUA_COMPAT_FLOAT;
    return LUA_COMPAT_INTEGER;
#endif
}

/* Whether it is an integer. Never raises. */
static inline bool lua_compat_integer_at(lua_State *L, int index,
                                         lua_Integer *integer)
{
#if LUA_VERSION_NUM >= 503
    if (!lua_isinteger(L, index))
        return false;
    *integer = lua_tointeger(L, index);
    return true;
#else
    lua_Number number;

    return lua_compat_number_at(L, index, integer, &number) ==
           LUA_COMPAT_INTEGER;
#endif
}

enum lua_compat_environment {
    /* That of everybody: the globals; or there are no environments. */
    LUA_COMPAT_COMMON,
    /* The table `package`: of its own functions, which need it, and of all
     * modules that they have loaded, which do not know. */
    LUA_COMPAT_PACKAGE,
    /* One of its own, which it cannot do without. */
    LUA_COMPAT_OWN
};

/* What a C function at a stack index has for an environment. Needs five free
 * slots. Never raises. */
enum lua_compat_environment lua_compat_environment_at(lua_State *L, int index);

/* Pushes the field of a table that has this name, or nil. Takes a search, but
 * makes no string: pushing one, even one that exists, may collect garbage, run
 * finalisers and raise. Needs three free slots. Never raises. */
void lua_compat_find_field(lua_State *L, int table, const char *name);

/* ---- memory ---- */

/* What Lua says when memory runs out. */
#define LUA_COMPAT_NO_MEMORY "not enough memory"

/* Raises that. */
int lua_compat_raise_no_memory(lua_State *L);

/* Whether what a protected call has raised, which is on the top of the stack,
 * is that. Before 5.4 a lack of memory that is raised again has the status of
 * any other error. Never raises. */
bool lua_compat_is_no_memory(lua_State *L, int status);

/* lua_newstate(), with a seed where it takes one. */
lua_State *lua_compat_newstate(lua_Alloc allocate, void *context);

/* lua_checkstack(), as it is since 5.2: never raises. */
bool lua_compat_checkstack(lua_State *L, int slots);

/* Calls a function that runs the state in a C program, outside of any protected
 * call. It uses nothing that raises, save pushing C functions and what the
 * other functions here make up for. Where that does raise the call is
 * protected: false if it has raised, and either way the stack is empty then. */
bool lua_compat_run(lua_State *L, void (*function)(void *context),
                    void *context);

/* Pushes a userdata that this function finalises: in 5.1 tables have no
 * finalisers. Returns its memory. May raise for want of memory. */
void *lua_compat_push_finalised(lua_State *L, size_t size,
                                lua_CFunction finaliser);

/* In the finaliser of the userdata at index 1: there will be another
 * finalisation in the next cycle, of it or of one like it. May raise for want
 * of memory where that takes any. */
void lua_compat_finalise_again(lua_State *L);

/* ---- which Lua runs ---- */

/* Raises if this is not the Lua that the module was built for, or if a part of
 * it is missing. The first call of a module, since no other can be trusted: it
 * makes do with luaL_error(), which every Lua has, and which takes the same. */
void lua_compat_check(lua_State *L);

#endif
