/* SPDX-License-Identifier: MIT */
#include "lua_logger.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define HEADER "Error from thread: "

/* The logger's place in the registry of its state. */
static const char logger_key;

void lua_logger_set(lua_State *L)
{
    lua_rawsetp(L, LUA_REGISTRYINDEX, &logger_key);
}

/* Drops what has been written from the front of the parts; how much is left. */
static size_t advance(struct iovec *parts, int count, size_t written)
{
    size_t left = 0, here;
    int i;

    for (i = 0; i < count; i++) {
        here = written < parts[i].iov_len ? written : parts[i].iov_len;
        parts[i].iov_base = (char *)parts[i].iov_base + here;
        parts[i].iov_len -= here;
        written -= here;
        left += parts[i].iov_len;
    }
    return left;
}

/* One system call for all parts, so that the reports of several threads, and
 * of other processes on the same stream, do not mix. What the stream does not
 * take is given up. */
static void write_all(struct iovec *parts, int count)
{
    size_t left = 1;
    ssize_t written;

    while (left > 0) {
        written = writev(STDERR_FILENO, parts, count);
        if (written > 0)
            left = advance(parts, count, (size_t)written);
        else if (written == 0 || errno != EINTR)
            return;
    }
}

/* Nobody may read the stream any more. That is no reason to end the process,
 * as the signal does that a write then sends to its thread: it is held back,
 * and taken. One that was there already stays. */
static void write_unharmed(struct iovec *parts, int count)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe, old, pending;
    bool was_pending;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &old);
    fflush(stderr);
    write_all(parts, count);
    while (!was_pending && sigtimedwait(&pipe, NULL, &at_once) < 0 &&
           errno == EINTR)
        ;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void lua_logger_print(const char *message, size_t length)
{
    struct iovec parts[] = {
        {(void *)(uintptr_t)HEADER, sizeof HEADER - 1},
        {(void *)(uintptr_t)message, length},
        {(void *)(uintptr_t) "\n", 1},
    };

    flockfile(stderr);
    write_unharmed(parts, 3);
    funlockfile(stderr);
}

static void print_top(lua_State *L)
{
    size_t length;
    const char *message = lua_tolstring(L, -1, &length);

    lua_logger_print(message, length);
}

/* Whether a logger that ran out of memory has come as far as to log anything
 * nobody knows: better twice than not at all. */
void lua_logger_report(lua_State *L)
{
    bool no_memory;
    int status;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &logger_key) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        print_top(L);
        return;
    }
    lua_pushliteral(L, HEADER);
    lua_pushvalue(L, -3);
    lua_concat(L, 2);
    lua_gc(L, LUA_GCRESTART, 0);
    status = lua_pcall(L, 1, 0, 0);
    if (status == LUA_OK)
        return;
    no_memory = lua_compat_is_no_memory(L, status);
    lua_pop(L, 1);
    if (no_memory)
        print_top(L);
}
