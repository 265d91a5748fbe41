/* SPDX-License-Identifier: MIT
 *
 * The states, and what is left in them.
 */
#include <stdio.h>

#include "fuzz.h"
#include "live.h"
#include "lua_handle.h"

/* More is never needed by what the programs make. */
#define LIMIT ((size_t)64 << 20)

/* Inputs between two looks at what is left, and looks until it is the same each
 * time; what may be different all the same is how large the table of all
 * strings is. */
#define PERIOD 64
#define WARM 4
#define SLACK ((size_t)64 << 10)

struct side sender = {.limit = LIMIT}, receiver = {.limit = LIMIT};

void fuzz_broken(const char *sentence, const char *file, int line)
{
    fprintf(stderr, "%s:%d: BROKEN: %s\n", file, line, sentence);
    abort();
}

/* ---- memory ---- */

static void *allocate(void *context, void *block, size_t before, size_t size)
{
    struct side *side = context;

    if (block == NULL)
        before = 0;
    if (size > before && side->used - before + size > side->limit)
        return NULL;
    side->used = side->used - before + size;
    if (side->used > side->peak)
        side->peak = side->used;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

/* ---- handles ---- */

static void destroy_thing(struct handle *handle)
{
    free(handle);
}

static const luaL_Reg nothing[] = {{NULL, NULL}};
static const struct lua_handle_binding thing_binding = {nothing, nothing};
const struct handle_class thing_class = {
    .name = "thing", .destroy = destroy_thing, .binding = &thing_binding};

struct handle *new_thing(void)
{
    struct handle *handle = calloc(1, sizeof *handle);

    MUST(handle != NULL, "there is memory for a handle");
    handle_init(handle, &thing_class);
    return handle;
}

/* ---- misfits ---- */

static const char misfits;

static void make_misfits(lua_State *L)
{
    lua_newtable(L);
    if (luaL_loadstring(L, "return 1") != LUA_OK)
        abort();
    lua_rawseti(L, -2, MISFIT_FUNCTION);
    lua_newthread(L);
    lua_rawseti(L, -2, MISFIT_COROUTINE);
    memset(lua_newuserdatauv(L, sizeof(void *) * 2, 1), 0, sizeof(void *) * 2);
    lua_rawseti(L, -2, MISFIT_USERDATA);
    (void)lua_handle_new(L, &thing_class);
    lua_rawseti(L, -2, MISFIT_EMPTY);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &misfits);
}

void push_misfit(lua_State *L, enum misfit misfit)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &misfits);
    lua_rawgeti(L, -1, misfit);
    lua_remove(L, -2);
}

void misfit_text(lua_State *L, int index, char text[MISFIT_TEXT])
{
    snprintf(text, MISFIT_TEXT, "Un-supported value: %s: %p",
             luaL_typename(L, index), lua_topointer(L, index));
}

int upvalue_count(lua_State *L, int index)
{
    int count = 0;

    while (lua_getupvalue(L, index, count + 1) != NULL) {
        lua_pop(L, 1);
        count++;
    }
    return count;
}

/* ---- the states ---- */

/* Memory that was freed is watched for a while, but not so much of it that each
 * piece is new to the cache. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4:max_malloc_fill_size=64:"
           "malloc_context_size=8:allocator_may_return_null=1";
}

static int panic(lua_State *L)
{
    fprintf(stderr, "an error nobody expects: %s\n",
            luaL_tolstring(L, -1, NULL));
    MUST(false, "outside of protected calls there are no errors");
}

static void side_open(struct side *side)
{
    side->L = lua_compat_newstate(allocate, side);
    if (side->L == NULL)
        abort();
    lua_atpanic(side->L, panic);
    make_misfits(side->L);
}

static void close_all(void)
{
    lua_close(sender.L);
    lua_close(receiver.L);
    MUST(sender.used == 0 && receiver.used == 0,
         "closed states have given all memory back");
}

static void set_collector(lua_State *L, int pause, int multiplier, int step)
{
#if LUA_VERSION_NUM >= 504
    lua_gc(L, LUA_GCINC, pause, multiplier, step);
#else
    (void)step;
    lua_gc(L, LUA_GCSETPAUSE, pause);
    lua_gc(L, LUA_GCSETSTEPMUL, multiplier);
#endif
}

/* Collects garbage all the time, or as Lua does. */
static void side_begin(struct side *side, bool eager)
{
    lua_settop(side->L, 0);
    if (eager)
        set_collector(side->L, 100, 400, 8);
    else
        set_collector(side->L, 200, 100, 13);
}

void sides_begin(bool eager)
{
    if (sender.L == NULL) {
        side_open(&sender);
        side_open(&receiver);
        atexit(close_all);
    }
    side_begin(&sender, eager);
    side_begin(&receiver, eager);
}

static void look_for_rests(struct side *side, unsigned long looks)
{
    lua_gc(side->L, LUA_GCCOLLECT, 0);
    lua_gc(side->L, LUA_GCCOLLECT, 0);
    if (looks <= WARM)
        side->baseline = side->used;
    MUST(side->used <= side->baseline + SLACK,
         "a state uses no more memory than before");
}

void sides_end(void)
{
    static unsigned long inputs;

    lua_settop(sender.L, 0);
    lua_settop(receiver.L, 0);
    MUST(live_count(LIVE_MESSAGES) == 0, "no message is left");
    if (++inputs % PERIOD != 0)
        return;
    look_for_rests(&sender, inputs / PERIOD);
    look_for_rests(&receiver, inputs / PERIOD);
    MUST(live_count(LIVE_HANDLES) == 0, "no handle is left");
    MUST(live_count(LIVE_MAILBOXES) == 0, "no mailbox is left");
}

int side_call(struct side *side, lua_CFunction function, void *argument)
{
    lua_settop(side->L, 0);
    lua_pushcfunction(side->L, function);
    lua_pushlightuserdata(side->L, argument);
    return lua_pcall(side->L, 1, LUA_MULTRET, 0);
}

static int receive(lua_State *L)
{
    const struct message *message = lua_touserdata(L, 1);
    int count;

    lua_settop(L, 0);
    count = codec_decode(L, message);
    MUST(lua_gettop(L) == count, "decoding pushes what it says");
    return count;
}

void side_receive(struct side *side, const struct message *message)
{
    int status = side_call(side, receive, (void *)(uintptr_t)message);

    if (status != LUA_OK)
        fprintf(stderr, "%s\n", lua_tostring(side->L, -1));
    MUST(status == LUA_OK, "what was encoded can be decoded");
    MUST(lua_gettop(side->L) == (int)message->values, "all values arrive");
}
