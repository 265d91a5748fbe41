/* SPDX-License-Identifier: MIT
 *
 * What is chosen in a schedule: at random; or one thing after the other, until
 * all have been chosen.
 */
#include <stdio.h>
#include <string.h>

#include "inside.h"

#define MOST_CHOICES (2 * EXPLORE_STEPS)

static const struct explore_plan *plan;

/* Of an exhaustive run: what was chosen, and among how many. The first `fixed`
 * are to be chosen again. */
static struct {
    unsigned char pick, options;
} path[MOST_CHOICES];
static unsigned depth, fixed, preemptions;

/* Of a random one. */
static struct random source;

void explore_choices_reset(const struct explore_plan *the_plan)
{
    plan = the_plan;
    depth = preemptions = 0;
    source.state = plan->seed;
}

/* In a range so small that no division is needed. */
unsigned explore_random_below(unsigned limit)
{
    return (unsigned)(((random_next(&source) >> 32) * limit) >> 32);
}

unsigned explore_choose(unsigned options)
{
    if (options <= 1)
        return 0;
    if (plan->random)
        return explore_random_below(options);
    if (depth == MOST_CHOICES)
        explore_fail("too many choices");
    if (depth >= fixed)
        path[depth].pick = 0;
    path[depth].options = (unsigned char)options;
    return path[depth++].pick;
}

bool explore_may_preempt(void)
{
    return preemptions < plan->bound;
}

void explore_note_preemption(void)
{
    preemptions++;
}

/* ---- all schedules ---- */

void explore_begin(void)
{
    depth = fixed = 0;
}

bool explore_next(void)
{
    while (depth > 0 && path[depth - 1].pick + 1 >= path[depth - 1].options)
        depth--;
    if (depth == 0)
        return false;
    path[depth - 1].pick++;
    fixed = depth;
    return true;
}

void explore_choices_keep(void)
{
    if (fixed < depth)
        fixed = depth;
}

/* ---- a schedule as text ---- */

void explore_write_schedule(const struct explore_plan *the_plan, char *text,
                            size_t size)
{
    size_t used;
    unsigned i;

    if (the_plan->random) {
        snprintf(text, size, "random:%llx", (unsigned long long)the_plan->seed);
        return;
    }
    used = (size_t)snprintf(text, size,
                            "bound=%u,buffers=%d,looks=%d:", the_plan->bound,
                            the_plan->buffers, the_plan->looks);
    for (i = 0; i < depth && used < size; i++)
        if (path[i].pick > 0)
            used += (size_t)snprintf(text + used, size - used, "%u.%u,", i,
                                     path[i].pick);
}

static bool read_path(const char *text)
{
    unsigned at, pick;
    int used;

    memset(path, 0, sizeof path);
    fixed = depth = 0;
    for (; *text != '\0'; text += used) {
        if (sscanf(text, "%u.%u,%n", &at, &pick, &used) != 2 ||
            at >= MOST_CHOICES)
            return false;
        path[at].pick = (unsigned char)pick;
        fixed = at + 1;
    }
    return true;
}

bool explore_read_schedule(struct explore_plan *the_plan, const char *text)
{
    unsigned long long seed;
    unsigned bound;
    int buffers, looking, used = 0;

    if (sscanf(text, "random:%llx", &seed) == 1) {
        the_plan->random = true;
        the_plan->seed = seed;
        return true;
    }
    if (sscanf(text, "bound=%u,buffers=%d,looks=%d:%n", &bound, &buffers,
               &looking, &used) != 3)
        return false;
    the_plan->bound = bound;
    the_plan->buffers = buffers;
    the_plan->looks = looking;
    return read_path(text + used);
}
