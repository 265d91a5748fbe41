/* SPDX-License-Identifier: MIT
 *
 * The descriptor of a channel: it shows whether a receive would wait.
 */
#include "one_channel.h"
#include "pollable.h"

/* ---- that of a channel ---- */

static int descriptor;

static void open_descriptor(void *unused)
{
    (void)unused;
    descriptor = channel_descriptor(channel);
}

static void check_descriptor(void)
{
    explore_join_all();
    EXPLORE_CHECK(explore_readable(channel_descriptor(channel)) ==
                      channel_is_ready(channel),
                  "a descriptor shows whether a receive would wait");
    finish();
}

static void descriptor_opened_while_sent(void)
{
    begin(0);
    explore_start("opens", open_descriptor, NULL);
    explore_start("sender", send_one, number(0));
    check_descriptor();
}

static void descriptor_opened_twice(void)
{
    int first;

    begin(0);
    explore_start("opens", open_descriptor, NULL);
    explore_start("sender", send_one, number(0));
    first = channel_descriptor(channel);
    explore_join(1);
    EXPLORE_CHECK(first == descriptor, "there is one descriptor");
    check_descriptor();
}

static void descriptor_while_used(void)
{
    begin(1);
    open_descriptor(NULL);
    explore_start("sender", send_two, number(0));
    explore_start("receiver", receive_two, NULL);
    check_descriptor();
}

static void descriptor_of_two_receivers(void)
{
    begin(0);
    open_descriptor(NULL);
    send_one(number(0));
    explore_start("receiver", try_to_receive, NULL);
    explore_start("sender", send_one, number(1));
    check_descriptor();
}

static void descriptor_while_closed(void)
{
    begin(0);
    explore_start("opens", open_descriptor, NULL);
    explore_start("closes", close_it, NULL);
    check_descriptor();
}

static void descriptor_while_returned(void)
{
    begin(0);
    ledger.unordered = true;
    open_descriptor(NULL);
    send_one(number(0));
    explore_start("returns", return_once, NULL);
    explore_start("closes", close_it, NULL);
    check_descriptor();
}

/* ---- a descriptor of its own ---- */

static struct pollable pollable;
static unsigned shown;

static bool is_shown(const void *unused)
{
    (void)unused;
    return ck_pr_load_uint(&shown) & 1;
}

static void change_twice(void *unused)
{
    unsigned i;

    (void)unused;
    for (i = 0; i < 2; i++) {
        ck_pr_add_uint(&shown, 1);
        pollable_update(&pollable, is_shown, NULL);
    }
}

static void change_once(void *unused)
{
    (void)unused;
    ck_pr_add_uint(&shown, 1);
    pollable_update(&pollable, is_shown, NULL);
}

static void a_descriptor_agrees(void)
{
    pollable_init(&pollable);
    explore_start("changes", change_twice, NULL);
    explore_start("changes", change_once, NULL);
    descriptor = pollable_open(&pollable, is_shown, NULL);
    explore_join_all();
    EXPLORE_CHECK(explore_readable(descriptor) == ((shown & 1) != 0),
                  "the descriptor agrees with the condition");
    pollable_destroy(&pollable);
}

/* ---- all of them ---- */

const struct explore_scenario scenarios_descriptor[] = {
    {"descriptor.opened_while_sent", descriptor_opened_while_sent, 3, false,
     false},
    {"descriptor.opened_twice", descriptor_opened_twice, 2, false, false},
    {"descriptor.while_used", descriptor_while_used, 2, false, false},
    {"descriptor.try_receive", descriptor_of_two_receivers, 2, false, false},
    {"descriptor.closed", descriptor_while_closed, 3, false, false},
    {"descriptor.returned", descriptor_while_returned, 3, false, false},
    {"pollable.agrees", a_descriptor_agrees, 3, false, false},
    {NULL, NULL, 0, false, false},
};
