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
    scenarios_descriptor,
    scenarios_select,
    scenarios_thread,
    scenarios_name,
    scenarios_memory,
    scenarios_waitpoint,
    scenarios_mixed,
    scenarios_deadlock,
    scenarios_deadlock_reach,
    NULL,
};
