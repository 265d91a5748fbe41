/* SPDX-License-Identifier: MIT
 *
 * The names of channels.
 */
#include "letters.h"

static struct channel *named;

static void begin_named(void)
{
    letters_begin();
    EXPLORE_CHECK(channel_new(0, "name", 4, &named) == CHANNEL_OK,
                  "a name that is free can be had");
}

static void let_go_of_it(void *unused)
{
    (void)unused;
    handle_release(&named->handle);
}

static void find_it(void *unused)
{
    struct channel *found = channel_find("name", 4);

    (void)unused;
    if (found == NULL)
        return;
    EXPLORE_CHECK(found->name_length == 4, "what is found is whole");
    (void)channel_count(found);
    handle_release(&found->handle);
}

/* The name is taken, or the old channel is gone. */
static void take_its_name(void *unused)
{
    struct channel *made = NULL, *found;
    enum channel_result result = channel_new(0, "name", 4, &made);

    (void)unused;
    if (result == CHANNEL_NAME_TAKEN)
        return;
    EXPLORE_CHECK(result == CHANNEL_OK, "the name is taken, or can be had");
    found = channel_find("name", 4);
    EXPLORE_CHECK(found == made, "a channel is found under its name");
    handle_release(&found->handle);
    handle_release(&made->handle);
}

static void finish_named(void)
{
    explore_join_all();
    EXPLORE_CHECK(channel_find("name", 4) == NULL,
                  "a channel that is gone has no name");
}

static void found_while_let_go(void)
{
    begin_named();
    explore_start("lets go", let_go_of_it, NULL);
    explore_start("finds", find_it, NULL);
    finish_named();
}

static void name_taken_while_let_go(void)
{
    begin_named();
    explore_start("lets go", let_go_of_it, NULL);
    explore_start("takes", take_its_name, NULL);
    finish_named();
}

static void name_taken_by_two(void)
{
    letters_begin();
    explore_start("takes", take_its_name, NULL);
    explore_start("takes", take_its_name, NULL);
    finish_named();
}

static void names_of_three(void)
{
    begin_named();
    explore_start("lets go", let_go_of_it, NULL);
    explore_start("takes", take_its_name, NULL);
    explore_start("finds", find_it, NULL);
    finish_named();
}

const struct explore_scenario scenarios_name[] = {
    {"name.found", found_while_let_go, 5, false, false},
    {"name.taken", name_taken_while_let_go, 3, false, false},
    {"name.taken_by_two", name_taken_by_two, 3, false, false},
    {"name.of_three", names_of_three, 0, false, false},
    {NULL, NULL, 0, false, false},
};
