/* SPDX-License-Identifier: MIT
 *
 * Runs all scenarios: exhaustively where that is possible, then at random until
 * the time is up or the number of schedules is reached. As many processes as
 * there are processors share the work.
 *
 *     --list              names the scenarios
 *     --only=TEXT         only those whose name contains it
 *     --schedules=N       that many, the exhaustive ones among them
 *     --seconds=N         for so long at random
 *     --exhaustive=N      at most so many of one exhaustive run
 *     --deeper=N          N preemptions more than the scenario says, or less
 *     --seed=N            of the random ones
 *     --workers=N         so many processes
 *     --replay=SCHEDULE   once more the schedule that a failure has printed,
 *                         with every step
 *     --hunt=NAME         until something fails, which is what should happen:
 *                         a bug called NAME has been planted
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../support/random.h"
#include "explore.h"
#include "scenarios.h"

#define MOST_SCENARIOS 128
#define RUNS 4
#define CHUNK 256
#define HUNTED 3000000

static struct {
    const char *only, *replay, *hunt;
    uint64_t schedules, exhaustive, seed;
    double seconds;
    int deeper;
    unsigned workers;
    bool list;
} options;

static const struct explore_scenario *scenarios[MOST_SCENARIOS];
static unsigned scenario_count;

/* What the processes share. */
struct result {
    uint64_t schedules, steps;
    double seconds;
    bool complete;
};

static struct shared {
    unsigned next_run;
    uint64_t next_chunk, schedules;
    bool failed;
    struct result exhaustive[MOST_SCENARIOS][RUNS], random[MOST_SCENARIOS];
} * shared;

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- scenarios ---- */

static void find_scenarios(void)
{
    const struct explore_scenario *const *group = scenario_groups;
    const struct explore_scenario *scenario;

    for (; *group != NULL; group++)
        for (scenario = *group; scenario->name != NULL; scenario++) {
            if (options.only != NULL &&
                strstr(scenario->name, options.only) == NULL)
                continue;
            if (scenario_count < MOST_SCENARIOS)
                scenarios[scenario_count++] = scenario;
        }
}

static const struct explore_scenario *find_scenario(const char *name,
                                                    size_t length)
{
    unsigned i;

    for (i = 0; i < scenario_count; i++)
        if (strlen(scenarios[i]->name) == length &&
            memcmp(scenarios[i]->name, name, length) == 0)
            return scenarios[i];
    return NULL;
}

static uint64_t seed_of(const struct explore_scenario *scenario,
                        uint64_t number)
{
    uint64_t seed = random_mixed(options.seed + 1);
    const char *name;

    for (name = scenario->name; *name != '\0'; name++)
        seed = random_mixed(seed * 31 + (unsigned char)*name);
    return random_mixed(seed + number * RANDOM_STEP);
}

static unsigned bound_of(const struct explore_scenario *it)
{
    int bound = (int)it->bound + options.deeper;

    return bound < 1 ? 1 : (unsigned)bound;
}

/* The exhaustive runs of a scenario: plain, with store buffers, looking again,
 * and both. */
static struct explore_plan exhaustive_plan(const struct explore_scenario *it,
                                           unsigned run)
{
    return (struct explore_plan){.scenario = it,
                                 .bound = bound_of(it),
                                 .buffers = run & 1,
                                 .looks = (run & 2) != 0};
}

/* ---- failures ---- */

static void report(const struct explore_plan *plan, uint64_t number)
{
    static char schedule[1 << 14];
    char reason[sizeof explore_reason];

    strcpy(reason, explore_reason);
    explore_write_schedule(plan, schedule, sizeof schedule);
    explore_trace(plan);
    fprintf(stderr,
            "FAILED: %s\n  %s\n  schedule %llu of this process; SEED=%llu\n"
            "  again: --replay=%s/%s\n",
            plan->scenario->name, reason, (unsigned long long)number,
            (unsigned long long)options.seed, plan->scenario->name, schedule);
    if (strcmp(reason, explore_reason) != 0)
        fprintf(stderr, "  but the second time: %s\n", explore_reason);
}

static int replay(const char *text)
{
    const char *slash = strchr(text, '/');
    struct explore_plan plan = {0};

    plan.scenario =
        slash == NULL ? NULL : find_scenario(text, (size_t)(slash - text));
    if (plan.scenario == NULL || !explore_read_schedule(&plan, slash + 1)) {
        fprintf(stderr, "no such schedule: %s\n", text);
        return 2;
    }
    explore_trace(&plan);
    fprintf(stderr, "%s: %s\n", plan.scenario->name,
            explore_reason[0] == '\0' ? "nothing fails" : explore_reason);
    return explore_reason[0] == '\0' ? 0 : 1;
}

/* ---- running ---- */

/* Schedules of this process. */
static uint64_t run_here;

static bool run_one(const struct explore_plan *plan, struct result *result)
{
    bool good = explore_run(plan);

    run_here++;
    result->schedules++;
    result->steps += explore_steps();
    return good;
}

/* False: something failed. */
static bool run_exhaustive(const struct explore_plan *plan, uint64_t most,
                           struct result *result)
{
    double start = seconds_now();

    explore_begin();
    do {
        if (!run_one(plan, result))
            return false;
        result->complete = !explore_next();
    } while (!result->complete && result->schedules < most &&
             ((result->schedules & 1023) != 0 || !shared->failed));
    result->seconds += seconds_now() - start;
    return true;
}

static bool run_random(const struct explore_scenario *scenario, uint64_t first,
                       uint64_t count, struct result *result,
                       struct explore_plan *plan)
{
    double start = seconds_now();
    uint64_t i;

    *plan = (struct explore_plan){.scenario = scenario, .random = true};
    for (i = 0; i < count; i++) {
        plan->seed = seed_of(scenario, first + i);
        if (!run_one(plan, result))
            return false;
    }
    result->seconds += seconds_now() - start;
    return true;
}

static void fail(const struct explore_plan *plan)
{
    if (!__atomic_exchange_n(&shared->failed, true, __ATOMIC_SEQ_CST))
        report(plan, run_here);
    _exit(1);
}

static void work_exhaustively(void)
{
    unsigned number, run;

    for (;;) {
        const struct explore_scenario *scenario;
        struct explore_plan plan;
        struct result *result;

        number = __atomic_fetch_add(&shared->next_run, 1, __ATOMIC_SEQ_CST);
        if (number >= scenario_count * RUNS || shared->failed)
            return;
        scenario = scenarios[number / RUNS];
        run = number % RUNS;
        if (scenario->bound == 0)
            continue;
        plan = exhaustive_plan(scenario, run);
        result = &shared->exhaustive[number / RUNS][run];
        if (!run_exhaustive(&plan, options.exhaustive, result))
            fail(&plan);
        __atomic_fetch_add(&shared->schedules, result->schedules,
                           __ATOMIC_SEQ_CST);
    }
}

static void add_up(struct result *sum, const struct result *part)
{
    __atomic_fetch_add(&sum->schedules, part->schedules, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&sum->steps, part->steps, __ATOMIC_SEQ_CST);
    sum->seconds += part->seconds;
}

static void work_randomly(double end)
{
    while (!shared->failed) {
        struct result result = {0};
        struct explore_plan plan;
        uint64_t chunk;
        unsigned number;

        if (options.schedules > 0 ? shared->schedules >= options.schedules
                                  : seconds_now() >= end)
            return;
        chunk = __atomic_fetch_add(&shared->next_chunk, 1, __ATOMIC_SEQ_CST);
        number = (unsigned)(chunk % scenario_count);
        if (!run_random(scenarios[number], chunk / scenario_count * CHUNK,
                        CHUNK, &result, &plan))
            fail(&plan);
        add_up(&shared->random[number], &result);
        __atomic_fetch_add(&shared->schedules, CHUNK, __ATOMIC_SEQ_CST);
    }
}

static bool run_workers(void)
{
    unsigned i;
    int status;
    bool good = true;

    fflush(stdout);
    for (i = 0; i < options.workers; i++)
        if (fork() == 0) {
            work_exhaustively();
            work_randomly(seconds_now() + options.seconds);
            _exit(0);
        }
    for (i = 0; i < options.workers; i++) {
        wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            good = false;
    }
    return good;
}

/* ---- what is printed ---- */

static void print_row(const char *name, const char *how,
                      const struct result *result)
{
    printf("  %-38s %-26s %11llu %12llu %8.2f\n", name, how,
           (unsigned long long)result->schedules,
           (unsigned long long)result->steps, result->seconds);
}

static void print_exhaustive(unsigned number)
{
    static const char *const names[RUNS] = {"", ", buffers", ", looks",
                                            ", both"};
    char how[64];
    unsigned run;

    for (run = 0; run < RUNS; run++) {
        const struct result *result = &shared->exhaustive[number][run];

        if (result->schedules == 0)
            continue;
        snprintf(how, sizeof how, "%s %u%s",
                 result->complete ? "all of bound" : "some of bound",
                 bound_of(scenarios[number]), names[run]);
        print_row(scenarios[number]->name, how, result);
    }
}

static void print_results(double seconds, bool good)
{
    struct result all = {0}, random = {0};
    unsigned i, run;

    printf("  %-38s %-26s %11s %12s %8s\n", "scenario", "", "schedules",
           "steps", "seconds");
    for (i = 0; i < scenario_count; i++) {
        print_exhaustive(i);
        if (shared->random[i].schedules > 0)
            print_row(scenarios[i]->name, "random", &shared->random[i]);
        add_up(&random, &shared->random[i]);
        for (run = 0; run < RUNS; run++)
            add_up(&all, &shared->exhaustive[i][run]);
    }
    printf(
        "schedules: %s: %llu (%llu exhaustive, %llu random), %llu steps, "
        "%u scenarios, %.1f s with %u processes, %.0f schedules a second; "
        "SEED=%llu\n",
        good ? "all good" : "FAILED",
        (unsigned long long)all.schedules + random.schedules,
        (unsigned long long)all.schedules, (unsigned long long)random.schedules,
        (unsigned long long)all.steps + random.steps, scenario_count, seconds,
        options.workers, (double)(all.schedules + random.schedules) / seconds,
        (unsigned long long)options.seed);
}

/* ---- looking for a planted bug ---- */

static int found(const struct explore_plan *plan, double start)
{
    static char schedule[1 << 14];

    explore_write_schedule(plan, schedule, sizeof schedule);
    printf("  %-28s found at schedule %8llu, %5.2f s: %s\n    %s\n",
           options.hunt, (unsigned long long)run_here, seconds_now() - start,
           plan->scenario->name, explore_reason);
    return 0;
}

static int hunt(void)
{
    double start = seconds_now();
    uint64_t most, first = 0;
    struct explore_plan plan;
    unsigned i, run;

    for (most = 200; run_here < HUNTED; first += most, most *= 4)
        for (i = 0; i < scenario_count; i++) {
            struct result result = {0};

            for (run = 0; run < 2 && scenarios[i]->bound > 0; run++) {
                plan = exhaustive_plan(scenarios[i], run);
                result = (struct result){0};
                if (!run_exhaustive(&plan, most, &result))
                    return found(&plan, start);
            }
            if (!run_random(scenarios[i], first, most, &result, &plan))
                return found(&plan, start);
        }
    printf("  %-28s NOT FOUND in %llu schedules; SEED=%llu\n", options.hunt,
           (unsigned long long)run_here, (unsigned long long)options.seed);
    return 1;
}

/* ---- the command line ---- */

static bool is_option(const char *text, const char *name, const char **value)
{
    size_t length = strlen(name);

    if (strncmp(text, name, length) != 0 || text[length] != '=')
        return false;
    *value = text + length + 1;
    return true;
}

static void read_options(int count, char **arguments)
{
    const char *value = NULL;
    int i;

    for (i = 1; i < count; i++) {
        const char *text = arguments[i];

        if (strcmp(text, "--list") == 0)
            options.list = true;
        else if (is_option(text, "--only", &value))
            options.only = value;
        else if (is_option(text, "--replay", &value))
            options.replay = value;
        else if (is_option(text, "--hunt", &value))
            options.hunt = value;
        else if (is_option(text, "--schedules", &value))
            options.schedules = strtoull(value, NULL, 0);
        else if (is_option(text, "--exhaustive", &value))
            options.exhaustive = strtoull(value, NULL, 0);
        else if (is_option(text, "--seconds", &value))
            options.seconds = strtod(value, NULL);
        else if (is_option(text, "--seed", &value))
            options.seed = strtoull(value, NULL, 0);
        else if (is_option(text, "--deeper", &value))
            options.deeper = (int)strtol(value, NULL, 0);
        else if (is_option(text, "--workers", &value))
            options.workers = (unsigned)strtoul(value, NULL, 0);
        else {
            fprintf(stderr, "unknown option: %s\n", text);
            exit(2);
        }
    }
}

static void set_defaults(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    options.workers = processors > 0 ? (unsigned)processors : 1;
    options.seconds = 10;
    options.exhaustive = 100000;
    options.seed = (uint64_t)time(NULL) % 1000000007;
}

int main(int count, char **arguments)
{
    double start = seconds_now();
    unsigned i;
    bool good;

    set_defaults();
    read_options(count, arguments);
    find_scenarios();
    if (scenario_count == 0) {
        fprintf(stderr, "no such scenario\n");
        return 2;
    }
    if (options.list) {
        for (i = 0; i < scenario_count; i++)
            puts(scenarios[i]->name);
        return 0;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 2;
    explore_prepare();
    if (options.replay != NULL)
        return replay(options.replay);
    if (options.hunt != NULL)
        return hunt();
    good = run_workers();
    print_results(seconds_now() - start, good);
    return good ? 0 : 1;
}
