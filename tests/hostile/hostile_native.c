/* SPDX-License-Identifier: MIT
 *
 * A Lua module for specs: processes and signals, as a host program uses them
 * that knows nothing of threads.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lua_compat.h"

static atomic_int caught;

static void count(int number)
{
    (void)number;
    atomic_fetch_add(&caught, 1);
}

static int check_signal(lua_State *L)
{
    static const char *const names[] = {"USR1", "ALRM", "URG",
                                        "PIPE", "CHLD", NULL};
    static const int numbers[] = {SIGUSR1, SIGALRM, SIGURG, SIGPIPE, SIGCHLD};

    return numbers[luaL_checkoption(L, 1, NULL, names)];
}

/* fork(): 0 in the new process, its number in the old one. */
static int native_fork(lua_State *L)
{
    lua_pushinteger(L, fork());
    return 1;
}

/* wait(pid): the exit code, or 128 plus the signal's number. */
static int native_wait(lua_State *L)
{
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return luaL_error(L, "waitpid: %s", strerror(errno));
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status)
                                         : 128 + WTERMSIG(status));
    return 1;
}

/* exec(program, argument): does not return. */
static int native_exec(lua_State *L)
{
    const char *program = luaL_checkstring(L, 1);

    execlp(program, program, luaL_optstring(L, 2, NULL), (char *)NULL);
    return luaL_error(L, "exec: %s", strerror(errno));
}

/* alarm(seconds): the process is killed after them. */
static int native_alarm(lua_State *L)
{
    signal(SIGALRM, SIG_DFL);
    alarm((unsigned)luaL_checkinteger(L, 1));
    return 0;
}

/* catch(name): from now on such signals are only counted; they end what waits
 * in a system call. */
static int native_catch(lua_State *L)
{
    struct sigaction action = {.sa_flags = 0};

    action.sa_handler = count;
    sigemptyset(&action.sa_mask);
    sigaction(check_signal(L), &action, NULL);
    return 0;
}

/* caught(): how many came. */
static int native_caught(lua_State *L)
{
    lua_pushinteger(L, caught);
    return 1;
}

/* block(name): in the calling thread and those that it starts. */
static int native_block(lua_State *L)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, check_signal(L));
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return 0;
}

/* raise(name): for the process. */
static int native_raise(lua_State *L)
{
    kill(getpid(), check_signal(L));
    return 0;
}

/* timer(microseconds): SIGALRM again and again; 0 ends it. */
static int native_timer(lua_State *L)
{
    suseconds_t period = (suseconds_t)luaL_checkinteger(L, 1);
    struct itimerval timer = {{0, period}, {0, period}};

    setitimer(ITIMER_REAL, &timer, NULL);
    return 0;
}

static void *storm(void *threads)
{
    int i;

    for (i = 0; i < 2000; i++) {
        pthread_kill(*(pthread_t *)threads, SIGUSR1);
        usleep(100);
    }
    return NULL;
}

/* storm(function): calls it while the calling thread gets signals without
 * end, for 0.2 s at least; returns whether any came meanwhile. */
static int native_storm(lua_State *L)
{
    pthread_t self = pthread_self(), other;
    int before = caught;

    if (pthread_create(&other, NULL, storm, &self) != 0)
        return luaL_error(L, "no thread");
    while (caught == before)
        usleep(10);
    before = caught;
    lua_settop(L, 1);
    lua_call(L, 0, 0);
    lua_pushboolean(L, caught > before);
    pthread_join(other, NULL);
    return 1;
}

/* count(): 1, 2, 3, ...; a function that keeps something. */
static int native_count(lua_State *L)
{
    lua_pushinteger(L, 1 + lua_tointeger(L, lua_upvalueindex(1)));
    lua_copy(L, -1, lua_upvalueindex(1));
    return 1;
}

static const luaL_Reg functions[] = {
    {"fork", native_fork},
    {"wait", native_wait},
    {"exec", native_exec},
    {"alarm", native_alarm},
    {"catch", native_catch},
    {"caught", native_caught},
    {"block", native_block},
    {"raise", native_raise},
    {"timer", native_timer},
    {"storm", native_storm},
    {NULL, NULL},
};

__attribute__((visibility("default"))) int luaopen_hostile_native(lua_State *L);

int luaopen_hostile_native(lua_State *L)
{
    luaL_newlib(L, functions);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, native_count, 1);
    lua_setfield(L, -2, "count");
    return 1;
}
