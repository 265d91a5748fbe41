/* SPDX-License-Identifier: MIT */
#include "lua_home.h"

#include <stdio.h>
#include <string.h>

#include "heap.h"

/* ---- warnings ---- */

static void control_warnings(struct lua_home *home, const char *word)
{
    if (strcmp(word, "on") == 0)
        home->warnings = true;
    else if (strcmp(word, "off") == 0)
        home->warnings = false;
}

/* What the stock interpreter does with them. */
static void warn(void *context, const char *text, int continues)
{
    struct lua_home *home = context;

    if (!home->in_warning && !continues && *text == '@') {
        control_warnings(home, text + 1);
        return;
    }
    if (home->warnings)
        fprintf(stderr, "%s%s%s", home->in_warning ? "" : "Lua warning: ", text,
                continues ? "" : "\n");
    home->in_warning = continues;
}

/* ---- the state ---- */

static struct lua_home *furnish(struct heap *heap)
{
    struct lua_home *home = heap_resize(heap, NULL, 0, sizeof *home);

    if (home == NULL)
        return NULL;
    *home = (struct lua_home){.L = lua_compat_newstate(heap_resize, heap),
                              .heap = heap};
    if (home->L == NULL) {
        (void)heap_resize(heap, home, sizeof *home, 0);
        return NULL;
    }
    lua_setwarnf(home->L, warn, home);
    return home;
}

struct lua_home *lua_home_new(void)
{
    struct heap *heap = heap_new();
    struct lua_home *home;

    if (heap == NULL)
        return NULL;
    home = furnish(heap);
    if (home == NULL)
        heap_destroy(heap);
    return home;
}

void lua_home_close(struct lua_home *home)
{
    struct heap *heap;

    if (home == NULL)
        return;
    heap = home->heap;
    /* Lua 5.4.4 calls finalisers above what is on the stack, and without memory
     * for a larger stack does not call them. */
    lua_settop(home->L, 0);
    lua_close(home->L);
    (void)heap_resize(heap, home, sizeof *home, 0);
    heap_destroy(heap);
}
