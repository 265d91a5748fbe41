/* SPDX-License-Identifier: MIT
 *
 * Two Lua states, and values that travel between them in a message.
 */
#ifndef TESTS_SUPPORT_STATES_H
#define TESTS_SUPPORT_STATES_H

#include "check.h"
#include "lua_codec.h"
#include "lua_compat.h"

/* ---- what is not the same in every Lua ---- */

/* Integers are another kind of number than floats. */
#define HAS_INTEGERS (LUA_VERSION_NUM >= 503)

/* As many values as a message may well have, with room on the stack of a
 * function for a quarter more; twice as many find no room. */
#if LUA_COMPAT_51
#define MANY_VALUES 6000
#else
#define MANY_VALUES 600000
#endif

/* What an error for want of memory is that the library raises. */
#if LUA_VERSION_NUM < 504
#define RAISED_NO_MEMORY LUA_ERRRUN
#else
#define RAISED_NO_MEMORY LUA_ERRMEM
#endif

/* By the names that chunks use. */
static const char state_names[] = "unpack = table.unpack or unpack\n"
                                  "pack = table.pack or function(...)\n"
                                  "  return {n = select('#', ...), ...}\n"
                                  "end\n"
                                  "mininteger = math.mininteger or -2^63\n"
                                  "maxinteger = math.maxinteger or 2^63\n";

/* ---- memory that is counted, and may run out ---- */

/* 5.2 does not call a finaliser that it has no memory for, nor later on. */
#define STATES_LOSE_FINALISERS (LUA_VERSION_NUM == 502)

/* No test needs a larger block; a message that lies may ask for one. */
#define MEMORY_LARGEST ((size_t)256 << 20)

struct memory {
    /* That there are. */
    unsigned long blocks;
    unsigned long allocations;
    /* The allocation that fails, counted from 1; 0: none. */
    unsigned long fails;
    /* Those after it fail, too. */
    bool for_good;
    /* One has failed. */
    bool failed;
};

static inline bool memory_is_out(struct memory *memory)
{
    memory->allocations++;
    if (memory->fails == 0 || memory->allocations < memory->fails ||
        (memory->allocations > memory->fails && !memory->for_good))
        return false;
    memory->failed = true;
    return true;
}

/* Making a block smaller must not fail. */
static inline void *memory_allocate(void *context, void *block, size_t before,
                                    size_t size)
{
    struct memory *memory = context;

    if (size == 0) {
        memory->blocks -= block != NULL;
        free(block);
        return NULL;
    }
    if (size > MEMORY_LARGEST)
        return NULL;
    if ((block == NULL || size > before) && memory_is_out(memory))
        return NULL;
    memory->blocks += block == NULL;
    return realloc(block, size);
}

static inline void memory_fail(struct memory *memory, unsigned long n,
                               bool for_good)
{
    *memory = (struct memory){
        .blocks = memory->blocks, .fails = n, .for_good = for_good};
}

/* ---- states ---- */

static inline int state_decode(lua_State *L)
{
    const struct message *message = lua_touserdata(L, 1);
    int count;

    lua_settop(L, 0);
    count = codec_decode(L, message);
    CHECK_NUMBER(lua_gettop(L), count, "decoding pushes what it says");
    return count;
}

/* In 5.1 pushing a C function takes memory, and there may be none: states of
 * these tests keep one. */
static const char state_decode_key;

static inline void state_push_decode(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &state_decode_key) == LUA_TFUNCTION)
        return;
    lua_pop(L, 1);
    lua_pushcfunction(L, state_decode);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_decode_key);
}

static struct memory from_memory, to_memory;
static lua_State *from, *to;

/* Replaces the whole stack by what a chunk makes of it. */
static inline void state_run(lua_State *L, const char *chunk)
{
    if (luaL_loadstring(L, chunk) != LUA_OK) {
        CHECK_TEXT(lua_tostring(L, -1), "", "a chunk of a test is correct");
        abort();
    }
    lua_insert(L, 1);
    if (lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0) != LUA_OK)
        CHECK_TEXT(luaL_tolstring(L, -1, NULL), "",
                   "a chunk of a test raises no error");
}

static inline lua_State *state_new(struct memory *memory)
{
    lua_State *L;

    *memory = (struct memory){0};
    L = lua_compat_newstate(memory_allocate, memory);
    if (L == NULL)
        abort();
    luaL_openlibs(L);
    state_run(L, state_names);
    state_push_decode(L);
    lua_settop(L, 0);
    return L;
}

static inline void states_open(void)
{
    from = state_new(&from_memory);
    to = state_new(&to_memory);
}

static inline void states_close(void)
{
    lua_close(from);
    lua_close(to);
}

/* Leaves nothing but the values of the expressions. */
static inline void state_evaluate(lua_State *L, const char *expressions)
{
    lua_settop(L, 0);
    lua_pushfstring(L, "return %s", expressions);
    state_run(L, lua_tostring(L, 1));
}

/* Twice: the first time finds what is to be finalised. */
static inline void state_collect(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
}

/* ---- travel ---- */

/* Encodes all that is on the stack, which stays as it is. */
static inline struct message *
encode_with(lua_State *L, enum codec_policy policy, struct codec_fault *fault)
{
    struct message *message = message_new();
    int top = lua_gettop(L);

    if (!codec_encode(L, 1, top, policy, message, fault)) {
        message_release(message);
        message = NULL;
    }
    CHECK_NUMBER(lua_gettop(L), top, "encoding leaves the stack as it was");
    return message;
}

static inline struct message *encode(lua_State *L)
{
    struct codec_fault fault;
    struct message *message = encode_with(L, CODEC_STRICT, &fault);

    if (message == NULL) {
        codec_push_fault(L, &fault);
        CHECK_TEXT(lua_tostring(L, -1), "", "what a test sends can travel");
        abort();
    }
    return message;
}

/* Encodes the expressions with no memory at all, and no protected call around
 * it; how much memory of the sender that has taken. */
static inline unsigned long allocations_to_encode(const char *expressions)
{
    unsigned long allocations;

    state_evaluate(from, expressions);
    memory_fail(&from_memory, 1, true);
    message_release(encode(from));
    allocations = from_memory.allocations;
    memory_fail(&from_memory, 0, false);
    lua_settop(from, 0);
    return allocations;
}

/* Replaces the whole stack by the values, or by the error. */
static inline int decode(lua_State *L, const struct message *message)
{
    lua_settop(L, 0);
    state_push_decode(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)message);
    return lua_pcall(L, 1, LUA_MULTRET, 0);
}

/* With these bytes in the place of the message's own. They end where their
 * memory ends, so that reading on is seen by whoever watches memory. */
static inline int decode_instead(lua_State *L, struct message *message,
                                 const unsigned char *bytes, size_t size)
{
    unsigned char *kept = message->bytes, *exact = malloc(size > 0 ? size : 1);
    size_t kept_size = message->size;
    int status;

    memcpy(exact, bytes, size);
    message->bytes = exact;
    message->size = size;
    status = decode(L, message);
    message->bytes = kept;
    message->size = kept_size;
    free(exact);
    return status;
}

/* Bytes that no encoder has written, of one value, with so many places for
 * strings that come again. */
static inline int decode_written(lua_State *L, const unsigned char *bytes,
                                 size_t size, uint8_t places)
{
    struct message *message = message_new();
    int status;

    message->values = 1;
    message->texts = places;
    status = decode_instead(L, message, bytes, size);
    message_release(message);
    return status;
}

/* What arrives of all that is on the stack of `from` is all that is on the
 * stack of `to`. */
static inline void travel(void)
{
    struct message *message = encode(from);
    int count = lua_gettop(from);

    CHECK_NUMBER(message->values, count, "a message knows its values");
    CHECK_NUMBER(decode(to, message), LUA_OK,
                 "what was encoded can be decoded");
    CHECK_NUMBER(lua_gettop(to), count, "as many values arrive as were sent");
    message_release(message);
}

/* Whether the condition holds for what is on the stack, which is `...`; the
 * first values are a, b, c, d. */
static inline bool state_holds(lua_State *L, const char *condition)
{
    bool holds;

    luaL_checkstack(L, 4, NULL);
    lua_pushfstring(L, "local a, b, c, d = ... return %s", condition);
    lua_insert(L, 1);
    if (luaL_loadstring(L, lua_tostring(L, 1)) != LUA_OK)
        CHECK_TEXT(lua_tostring(L, -1), "", "a condition is correct");
    lua_replace(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    holds = lua_toboolean(L, -1);
    lua_settop(L, 0);
    return holds;
}

/* Sends the expressions; whether the condition holds for what arrives. */
static inline bool arrives(const char *expressions, const char *condition)
{
    bool holds;

    state_evaluate(from, expressions);
    travel();
    holds = state_holds(to, condition);
    lua_settop(from, 0);
    return holds;
}

/* ---- deep values ---- */

static inline int state_call_me(lua_State *L)
{
    return lua_gettop(L);
}

/* A function with these upvalues. */
static inline int state_make(lua_State *L)
{
    lua_pushcclosure(L, state_call_me, lua_gettop(L));
    return 1;
}

/* Defines make(...), and for values that lie in n others: nest(n, leaf),
 * nest_keys(n, leaf), nest_upvalues(n, leaf). */
static inline void state_add_nests(lua_State *L)
{
    lua_register(L, "make", state_make);
    state_run(L, "function nest(n, leaf)\n"
                 "  for _ = 1, n do leaf = {leaf} end\n"
                 "  return leaf\n"
                 "end\n"
                 "function nest_keys(n, leaf)\n"
                 "  for _ = 1, n do leaf = {[leaf] = true} end\n"
                 "  return leaf\n"
                 "end\n"
                 "function nest_upvalues(n, leaf)\n"
                 "  for _ = 1, n do leaf = make(leaf) end\n"
                 "  return leaf\n"
                 "end\n");
}

#define SENDS(expressions, condition, sentence)                                \
    CHECK(arrives((expressions), (condition)), (sentence))

#endif
