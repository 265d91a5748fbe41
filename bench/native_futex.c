/* SPDX-License-Identifier: MIT
 *
 * Ping-pong by two words and nothing else: the floor of a hand-over between
 * threads and back. The words are counted up; who waits for a word to change
 * spins or sleeps on it by the futex of the operating system.
 */
#include "native.h"

#include <ck_pr.h>
#include <lauxlib.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Two words that are far apart, for processors fetch lines in pairs. */
struct word {
    unsigned value;
    char gap[124];
};

/* The answering side notes when it got and when it answered a ping: reading
 * what it noted is ordered by the answer. */
struct game {
    struct word ping, pong;
    lua_Integer rounds;
    bool spins, works;
    double pause;
    int64_t got, answered;
};

static long futex(unsigned *word, int operation, unsigned value)
{
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void post(const struct game *game, struct word *word)
{
    ck_pr_fence_release();
    ck_pr_inc_uint(&word->value);
    if (!game->spins)
        futex(&word->value, FUTEX_WAKE_PRIVATE, 1);
}

/* Waits while the word is `old`. */
static void await(const struct game *game, struct word *word, unsigned old)
{
    while (ck_pr_load_uint(&word->value) == old) {
        if (game->spins)
            ck_pr_stall();
        else
            futex(&word->value, FUTEX_WAIT_PRIVATE, old);
    }
    ck_pr_fence_acquire();
}

static void rest(const struct game *game)
{
    if (game->works)
        native_work(game->pause);
    else if (game->pause > 0)
        native_sleep(game->pause);
}

static void *answer(void *argument)
{
    struct game *game = argument;
    lua_Integer i;

    for (i = 0; i < game->rounds; i++) {
        await(game, &game->ping, (unsigned)i);
        game->got = native_now();
        rest(game);
        game->answered = native_now();
        post(game, &game->pong);
    }
    return NULL;
}

/* The nanoseconds of one round; the rest of the other side does not count. */
static int64_t ask(struct game *game, unsigned round)
{
    int64_t start;

    rest(game);
    start = native_now();
    post(game, &game->ping);
    await(game, &game->pong, round);
    return native_now() - start - (game->answered - game->got);
}

/* futex_ping_pong(rounds, spins [, pause [, works]]): a list of nanoseconds per
 * round. With a pause in milliseconds each side lets the other one fall asleep,
 * asleep itself or, if it `works`, busy. */
static int futex_ping_pong(lua_State *L)
{
    struct game game;
    pthread_t thread;
    lua_Integer i;

    memset(&game, 0, sizeof game);
    game.rounds = luaL_checkinteger(L, 1);
    game.spins = lua_toboolean(L, 2);
    game.pause = luaL_optnumber(L, 3, 0);
    game.works = lua_toboolean(L, 4);
    lua_createtable(L, (int)game.rounds, 0);
    if (pthread_create(&thread, NULL, answer, &game) != 0)
        return luaL_error(L, "cannot start a thread");
    for (i = 0; i < game.rounds; i++) {
        lua_pushinteger(L, ask(&game, (unsigned)i));
        lua_rawseti(L, -2, (int)(i + 1));
    }
    pthread_join(thread, NULL);
    return 1;
}

static const luaL_Reg functions[] = {
    {"futex_ping_pong", futex_ping_pong},
    {NULL, NULL},
};

void native_add_futex(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
