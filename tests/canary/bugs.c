/* SPDX-License-Identifier: MIT
 *
 * Bugs, one for each kind of error that a sanitizer must find. A run in which
 * it does not is worth nothing, so the tests fail unless these are reported:
 * in a program, as the C tests are, and in a module that the interpreter loads,
 * as the specs do.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/by_hand.h"
#include "lua_compat.h"
#include "mailbox.h"

/* What the compiler cannot see through it neither reports nor leaves out. */
static volatile int one = 1;
static char *volatile block;

static void heap_overflow(void)
{
    block = malloc(8);
    block[7 + one] = 1;
    free(block);
}

static void signed_overflow(void)
{
    volatile int most = INT_MAX;

    most = most + one;
}

static void leak(void)
{
    block = malloc(77);
    block = NULL;
}

static void never_written(void)
{
    block = malloc(8);
    if (block[one] == 1)
        one = 1;
    free(block);
}

/* The message is the receiver's as soon as it has been pushed. */
static void *use_after_push(void *mailbox)
{
    struct message *message = message_new();

    mailbox_push(mailbox, message);
    message->label = 1;
    return NULL;
}

/* Whichever thread comes first, nothing orders the write and the read. */
static void race(void)
{
    struct mailbox mailbox;
    struct deadline never = deadline_never();
    struct message *message;
    pthread_t sender;
    volatile unsigned label;

    if (waiter_setup() != 0)
        return;
    mailbox_init(&mailbox);
    if (pthread_create(&sender, NULL, use_after_push, &mailbox) != 0)
        return;
    wait_at_mailbox(&mailbox, &never);
    message = mailbox_pop_owner(&mailbox);
    label = message->label;
    (void)label;
    pthread_join(sender, NULL);
    message_release(message);
    mailbox_destroy(&mailbox);
}

static const struct bug {
    const char *name;
    void (*commit)(void);
} bugs[] = {
    {"heap_overflow", heap_overflow},
    {"signed_overflow", signed_overflow},
    {"leak", leak},
    {"never_written", never_written},
    {"race", race},
};

static int commit(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof bugs / sizeof *bugs; i++) {
        if (strcmp(name, bugs[i].name) == 0) {
            bugs[i].commit();
            return 0;
        }
    }
    fprintf(stderr, "no such bug: %s\n", name);
    return 1;
}

static int lua_commit(lua_State *L)
{
    lua_pushinteger(L, commit(luaL_checkstring(L, 1)));
    return 1;
}

__attribute__((visibility("default"))) int luaopen_bugs(lua_State *L);

int luaopen_bugs(lua_State *L)
{
    lua_pushcfunction(L, lua_commit);
    return 1;
}

int main(int argc, char **argv)
{
    return argc == 2 ? commit(argv[1]) : 1;
}
