/* SPDX-License-Identifier: MIT
 *
 * An attempt runs in a state and a thread of its own, both new: what one
 * attempt does to them no other sees. When it is over, so are its children; and
 * all blocks that it has allocated have been freed.
 */
#include "lua_faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds for one attempt, reached only by what hangs. */
#define PATIENCE 20

/* What an attempt is asked for, and what it answers. It may have to pass
 * through a pipe. */
struct attempt {
    struct fault_plan plan;
    const char *program, *scenario;
    size_t program_size, scenario_size;
    char name[128];
    unsigned hits;
    unsigned long failed[FAULT_KINDS];
    /* Every check has held; the first call has raised. */
    bool good, raised;
    char text[2048];
};

/* The one that runs. */
static struct attempt *current;

static void complain(struct attempt *attempt, const char *text)
{
    size_t length = strlen(attempt->text);

    attempt->good = false;
    snprintf(attempt->text + length, sizeof attempt->text - length, "%s%s",
             length == 0 ? "" : "\n", text);
}

/* ---- when all goes wrong ---- */

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

static void last_words(int number)
{
    say(number == SIGALRM ? "\noom: hangs in: " : "\noom: crashes in: ");
    say(current == NULL ? "the driver" : current->name);
    say("\n");
    _exit(number == SIGALRM ? 3 : 4);
}

static void expect_the_worst(void)
{
    signal(SIGALRM, last_words);
    signal(SIGABRT, last_words);
#ifndef __SANITIZE_ADDRESS__
    signal(SIGSEGV, last_words);
    signal(SIGBUS, last_words);
#endif
}

static int panic(lua_State *L)
{
    say("oom: PANIC: ");
    say(lua_tostring(L, -1) == NULL ? "?" : lua_tostring(L, -1));
    return 0;
}

/* ---- threads and descriptors ---- */

static unsigned count_files(const char *folder)
{
    DIR *files = opendir(folder);
    unsigned number = 0;

    while (files != NULL && readdir(files) != NULL)
        number++;
    if (files != NULL)
        closedir(files);
    return number;
}

static unsigned count_threads(void)
{
    return count_files("/proc/self/task");
}

/* Detached threads end when they like. */
static bool only_so_many_threads(unsigned number)
{
    unsigned looks;

    for (looks = 0; count_threads() > number; looks++) {
        if (looks > PATIENCE * 10000 / 2)
            return false;
        usleep(100);
    }
    return true;
}

/* ---- in the attempt ---- */

/* faults.call(f, ...): calls it with the plan in force. Returns how many calls
 * have failed, and what pcall() returns. */
static int call(lua_State *L)
{
    int status;

    if (current->plan.n > 0)
        faults_arm(&current->plan);
    status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    current->hits = faults_disarm();
    current->raised = status != LUA_OK;
    lua_pushboolean(L, status == LUA_OK);
    lua_insert(L, 1);
    lua_pushinteger(L, current->hits);
    lua_insert(L, 1);
    return lua_gettop(L);
}

/* faults.here(): a C function without upvalues, which may travel. */
static int here(lua_State *L)
{
    (void)L;
    faults_here();
    return 0;
}

/* faults.reports(): what was written to stderr since the last call. */
static int reports(lua_State *L)
{
    size_t length;
    const char *text = faults_reports(&length);

    lua_pushlstring(L, text, length);
    return 1;
}

/* faults.settle(n): waits until the process has no more than n threads. */
static int settle(lua_State *L)
{
    lua_pushboolean(L, only_so_many_threads((unsigned)luaL_checkinteger(L, 1)));
    return 1;
}

/* faults.before(kind, count): what it was called with for this kind by the last
 * attempt; 0 at first. */
static int before(lua_State *L)
{
    static struct {
        char kind[16];
        lua_Integer count;
    } counts[16];
    const char *kind = luaL_checkstring(L, 1);
    unsigned i = 0;

    while (*counts[i].kind != '\0' && strcmp(counts[i].kind, kind) != 0)
        i++;
    snprintf(counts[i].kind, sizeof counts[i].kind, "%s", kind);
    lua_pushinteger(L, counts[i].count);
    counts[i].count = luaL_checkinteger(L, 2);
    return 1;
}

static int threads(lua_State *L)
{
    lua_pushinteger(L, count_threads());
    return 1;
}

static int run_program(lua_State *L)
{
    struct attempt *attempt = lua_touserdata(L, 1);

    luaL_openlibs(L);
    luaL_requiref(L, "faults", luaopen_faults, 0);
    lua_settop(L, 0);
    luaL_checkstack(L, 10, NULL);
    if (luaL_loadbufferx(L, attempt->program, attempt->program_size, "=attempt",
                         NULL) != LUA_OK)
        return lua_error(L);
    luaL_requiref(L, "faults", luaopen_faults, 0);
    if (luaL_loadbufferx(L, attempt->scenario, attempt->scenario_size,
                         "=scenario", NULL) != LUA_OK)
        return lua_error(L);
    lua_pushboolean(L, attempt->plan.side == FAULT_CHILD);
    lua_call(L, 3, 0);
    return 0;
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static void *attempt_main(void *context)
{
    struct attempt *attempt = context;
    lua_State *L;

    faults_i_am(FAULT_PARENT);
    L = host_new_state();
    if (L == NULL) {
        complain(attempt, "no state for the attempt");
        return NULL;
    }
    lua_atpanic(L, panic);
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, run_program);
    lua_pushlightuserdata(L, attempt);
    if (lua_pcall(L, 1, 0, 1) != LUA_OK)
        complain(attempt, lua_tostring(L, -1));
    (void)faults_disarm();
    lua_close(L);
    return NULL;
}

/* ---- around the attempt ---- */

static void describe(char *text, size_t size, const char *what, void *caller,
                     size_t bytes)
{
    Dl_info info = {.dli_fname = "?"};

    (void)dladdr(caller, &info);
    snprintf(text, size, "%s %zu bytes, %s+0x%zx (%s)", what, bytes,
             info.dli_fname, (size_t)((char *)caller - (char *)info.dli_fbase),
             info.dli_sname == NULL ? "?" : info.dli_sname);
}

/* Where it is not known what the library keeps, the number must not grow. */
static void check_blocks(struct attempt *attempt)
{
    static unsigned before;
    struct fault_block left[4];
    unsigned number = faults_left(left, 4, host_excuses), kept = before, i;
    char text[512];

    if (!host_knows_what_is_kept()) {
        before = number;
        if (number <= kept)
            return;
    }
    for (i = 0; i < number && i < 4; i++) {
        describe(text, sizeof text, "leaked:", left[i].caller, left[i].size);
        complain(attempt, text);
    }
    if (number > 4)
        complain(attempt, "and more");
}

static void make_attempt(struct attempt *attempt, bool first)
{
    unsigned files = count_files("/proc/self/fd"), alive = count_threads();
    unsigned long before[FAULT_KINDS];
    pthread_t thread;
    int kind;

    for (kind = 0; kind < FAULT_KINDS; kind++)
        before[kind] = faults_failed((enum fault_kind)kind);
    current = attempt;
    attempt->good = true;
    attempt->text[0] = '\0';
    host_drop_kept();
    alarm(PATIENCE);
    faults_watch(host_knows_what_is_kept());
    if (pthread_create(&thread, NULL, attempt_main, attempt) != 0)
        abort();
    pthread_join(thread, NULL);
    if (!only_so_many_threads(alive))
        complain(attempt, "threads are left");
    host_drop_kept();
    /* What a process allocates once is never freed. */
    if (!first || host_knows_what_is_kept())
        check_blocks(attempt);
    alarm(0);
    /* Without memory 5.1 and LuaJIT leave files open that they load. */
    if (!LUA_COMPAT_51 && count_files("/proc/self/fd") != files)
        complain(attempt, "descriptors are left");
    for (kind = 0; kind < FAULT_KINDS; kind++)
        attempt->failed[kind] =
            faults_failed((enum fault_kind)kind) - before[kind];
    if (!attempt->good && attempt->hits > 0) {
        char text[512];

        describe(text, sizeof text, "failed first:", faults_last_caller(), 0);
        complain(attempt, text);
    }
    current = NULL;
}

/* In a process that has not used the library yet. */
static void make_attempt_apart(struct attempt *attempt)
{
    int ends[2], status;
    pid_t process;

    attempt->good = false;
    attempt->hits = 1;
    strcpy(attempt->text, "the process ended without an answer");
    if (pipe(ends) != 0 || (process = fork()) < 0)
        abort();
    if (process == 0) {
        close(ends[0]);
        make_attempt(attempt, true);
        (void)!write(ends[1], attempt, sizeof *attempt);
        _exit(0);
    }
    close(ends[1]);
    (void)!read(ends[0], attempt, sizeof *attempt);
    close(ends[0]);
    waitpid(process, &status, 0);
}

static const char *const kind_names[FAULT_KINDS] = {"lua", "heap", "memory",
                                                    "system"};

/* faults.attempt{name=, program=, scenario=, side=, n=, for_good=, gated=,
 * apart=}: returns a table. */
static int make(lua_State *L)
{
    static const char *const sides[] = {
        [FAULT_CHILD] = "child", [FAULT_PARENT] = "parent", NULL};
    struct attempt attempt = {.good = false};
    int kind;

    lua_getfield(L, 1, "name");
    snprintf(attempt.name, sizeof attempt.name, "%s", luaL_checkstring(L, -1));
    lua_getfield(L, 1, "program");
    attempt.program = luaL_checklstring(L, -1, &attempt.program_size);
    lua_getfield(L, 1, "scenario");
    attempt.scenario = luaL_checklstring(L, -1, &attempt.scenario_size);
    lua_getfield(L, 1, "side");
    attempt.plan.side = (enum fault_side)luaL_checkoption(L, -1, NULL, sides);
    lua_getfield(L, 1, "n");
    attempt.plan.n = (unsigned long)luaL_checkinteger(L, -1);
    lua_getfield(L, 1, "for_good");
    attempt.plan.for_good = lua_toboolean(L, -1);
    lua_getfield(L, 1, "gated");
    attempt.plan.gated = lua_toboolean(L, -1);
    lua_getfield(L, 1, "apart");
    if (lua_toboolean(L, -1))
        make_attempt_apart(&attempt);
    else
        make_attempt(&attempt, false);

    lua_newtable(L);
    lua_pushboolean(L, attempt.good);
    lua_setfield(L, -2, "good");
    lua_pushboolean(L, attempt.raised);
    lua_setfield(L, -2, "raised");
    lua_pushinteger(L, attempt.hits);
    lua_setfield(L, -2, "hits");
    lua_pushstring(L, attempt.text);
    lua_setfield(L, -2, "text");
    for (kind = 0; kind < FAULT_KINDS; kind++) {
        lua_pushinteger(L, (lua_Integer)attempt.failed[kind]);
        lua_setfield(L, -2, kind_names[kind]);
    }
    return 1;
}

/* faults.begin(): the calling thread is the driver's. */
static int begin(lua_State *L)
{
    (void)L;
    faults_i_am(FAULT_NOBODY);
    expect_the_worst();
    return 0;
}

static const luaL_Reg functions[] = {
    {"begin", begin},     {"attempt", make},    {"call", call},
    {"here", here},       {"reports", reports}, {"settle", settle},
    {"threads", threads}, {"before", before},   {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_faults(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushboolean(L, host_knows_what_is_kept());
    lua_setfield(L, -2, "linked");
    return 1;
}
