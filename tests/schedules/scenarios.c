/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include <stddef.h>

#include "channel.h"

/* What Lua knows of channels: nothing here. */
const struct lua_handle_binding {
    char unused;
} lua_channel_binding;

const struct explore_scenario *const scenario_groups[] = {
    scenarios_channel,
    scenarios_select,
    scenarios_thread,
    scenarios_rest,
    scenarios_mixed,
    scenarios_deadlock,
    NULL,
};
