/* SPDX-License-Identifier: MIT
 *
 * All scenarios, and what they share.
 */
#ifndef TESTS_SCHEDULES_SCENARIOS_H
#define TESTS_SCHEDULES_SCENARIOS_H

#include "explore.h"

/* Each ends with one without a name; NULL ends the list. */
extern const struct explore_scenario *const scenario_groups[];

extern const struct explore_scenario scenarios_channel[];
extern const struct explore_scenario scenarios_descriptor[];
extern const struct explore_scenario scenarios_select[];
extern const struct explore_scenario scenarios_thread[];
extern const struct explore_scenario scenarios_name[];
extern const struct explore_scenario scenarios_memory[];
extern const struct explore_scenario scenarios_waitpoint[];
extern const struct explore_scenario scenarios_deadlock[];
extern const struct explore_scenario scenarios_deadlock_reach[];
extern const struct explore_scenario scenarios_mixed[];

#endif
