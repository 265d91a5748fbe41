/* SPDX-License-Identifier: MIT
 *
 * The descriptor that shows a condition: whether it agrees with what it shows,
 * whoever changes that, and whoever is stopped.
 */
#include "pollable.h"

#include <errno.h>
#include <sys/resource.h>

#include "support/check.h"
#include "support/crowd.h"
#include "support/descriptors.h"
#include "support/step.h"
#include "support/stress.h"

/* The same under other names, for systems that have pipes only. */
#define POLLABLE_PIPE
#define pollable_init pipe_init
#define pollable_destroy pipe_destroy
#define pollable_open pipe_open
#define pollable_update pipe_update
void pollable_init(struct pollable *pollable);
void pollable_destroy(struct pollable *pollable);
int pollable_open(struct pollable *pollable, bool (*condition)(const void *),
                  const void *thing);
void pollable_update(struct pollable *pollable, bool (*condition)(const void *),
                     const void *thing);
#include "../channels/pollable.c"
#undef pollable_init
#undef pollable_destroy
#undef pollable_open
#undef pollable_update

struct kind {
    int descriptors;
    void (*init)(struct pollable *);
    void (*destroy)(struct pollable *);
    int (*open)(struct pollable *, bool (*)(const void *), const void *);
    void (*update)(struct pollable *, bool (*)(const void *), const void *);
};

static const struct kind own_kind = {
#ifdef __linux__
    1,
#else
    2,
#endif
    pollable_init, pollable_destroy, pollable_open, pollable_update};
static const struct kind pipe_kind = {2, pipe_init, pipe_destroy, pipe_open,
                                      pipe_update};
static const struct kind *kind;

/* What is shown is whether the level is above zero. */
static atomic_int level;
static struct pollable shown;

static bool is_high(const void *thing)
{
    return atomic_load((const atomic_int *)thing) > 0;
}

static void begin(int from)
{
    atomic_store(&level, from);
    kind->init(&shown);
}

static int open_shown(void)
{
    return kind->open(&shown, is_high, &level);
}

static void update(void)
{
    kind->update(&shown, is_high, &level);
}

static void change(int by)
{
    atomic_fetch_add(&level, by);
    update();
}

static bool agrees(void)
{
    return is_readable(open_shown()) == is_high(&level);
}

static void end(void)
{
    CHECK(agrees(), "in the end the descriptor agrees");
    kind->destroy(&shown);
}

/* ---- validation ---- */

static void nothing_is_opened_before_it_is_asked_for(void)
{
    int before = count_open();

    begin(1);
    update();
    CHECK_NUMBER(count_open(), before, "nothing is opened unasked");
    kind->destroy(&shown);
    CHECK(count_open() == before && is_open(0), "or closed");
}

static void one_descriptor_is_opened(void)
{
    int before = count_open(), descriptor;

    begin(0);
    descriptor = open_shown();
    CHECK(descriptor >= 0 && is_open(descriptor), "a descriptor is opened");
    CHECK_NUMBER(open_shown(), descriptor, "and only one");
    CHECK_NUMBER(count_open(), before + kind->descriptors,
                 "with what belongs to it");
    CHECK(fcntl(descriptor, F_GETFD) & FD_CLOEXEC &&
              fcntl(shown.write_end, F_GETFD) & FD_CLOEXEC,
          "which other programs do not inherit");
    CHECK(fcntl(descriptor, F_GETFL) & O_NONBLOCK &&
              fcntl(shown.write_end, F_GETFL) & O_NONBLOCK,
          "and which never blocks");
    end();
    CHECK_NUMBER(count_open(), before, "it is closed in the end");
}

static void it_is_readable_while_the_condition_holds(void)
{
    unsigned i;

    begin(1);
    CHECK(is_readable(open_shown()), "it may be readable from the beginning");
    for (i = 0; i < 100; i++)
        change(1);
    CHECK(is_readable(open_shown()), "it stays readable, however often");
    for (i = 0; i < 100; i++)
        change(-1);
    CHECK(is_readable(open_shown()), "to the last");
    change(-1);
    CHECK(!is_readable(open_shown()), "then it is not");
    change(1);
    CHECK(is_readable(open_shown()), "until it is again");
    end();
    begin(0);
    CHECK(!is_readable(open_shown()), "it need not be from the beginning");
    end();
}

/* So that writing never blocks, and one read makes it unreadable. */
static void one_unit_is_in_it(void)
{
    uint64_t unit[2] = {0, 0};
    unsigned i;

    begin(1);
    for (i = 0; i < 5; i++)
        (void)open_shown();
    for (i = 0; i < 5; i++)
        change(1);
    CHECK(read(open_shown(), unit, sizeof unit) == sizeof *unit && unit[0] == 1,
          "there is one unit in it");
    CHECK(write(shown.write_end, unit, sizeof *unit) == sizeof *unit,
          "which can be put back");
    end();
}

/* All numbers below the next free one are taken. */
static void leave_room_for(int descriptors, struct rlimit *before)
{
    int next = dup(0);
    struct rlimit limit;

    close(next);
    getrlimit(RLIMIT_NOFILE, before);
    limit = *before;
    limit.rlim_cur = (rlim_t)next + (rlim_t)descriptors;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void descriptors_may_run_out(void)
{
    int before = count_open(), room, failed;
    struct rlimit limit;

    begin(1);
    for (room = 0; room < kind->descriptors; room++) {
        leave_room_for(room, &limit);
        failed = open_shown();
        update();
        setrlimit(RLIMIT_NOFILE, &limit);
        CHECK_NUMBER(failed, -EMFILE, "who gets no descriptor is told why");
        CHECK_NUMBER(count_open(), before, "and nothing is left open");
    }
    CHECK(is_readable(open_shown()), "later it works");
    end();
}

/* ---- between two instructions ---- */

static int run_by, stop_by, opened, opened_elsewhere;

static void run_change(void *argument)
{
    (void)argument;
    change(run_by);
}

static void stop_change(void *argument)
{
    (void)argument;
    change(stop_by);
}

/* Who is stopped may have something to show still; what the other one has
 * changed shows at once. */
static void stop_change_and_look(void *argument)
{
    stop_change(argument);
    CHECK(agrees(), "who has changed the condition has made it show");
}

static void run_open(void *argument)
{
    (void)argument;
    opened = open_shown();
}

/* Somebody else's changes come while the descriptor is made to agree; if it has
 * to wait, it waits for ever. */
static void play_changes(const char *name, int from, int by, int other)
{
    struct step_tour tour;

    run_by = by;
    stop_by = other;
    for (tour = step_tour(name); step_on_tour(&tour);) {
        begin(from);
        (void)open_shown();
        step_meet(tour.n, run_change, stop_change_and_look, NULL);
        end();
    }
}

static void changes_can_come_at_any_time(void)
{
    play_changes("up, down", 0, 1, -1);
    play_changes("down, up", 1, -1, 1);
}

static void changes_can_come_while_it_is_opened(void)
{
    struct step_tour tour;

    for (tour = step_tour("open"); step_on_tour(&tour);) {
        begin((int)tour.n % 2);
        stop_by = level == 0 ? 1 : -1;
        step_meet(tour.n, run_open, stop_change, NULL);
        end();
    }
}

static pthread_t opener;
static atomic_bool has_opened;

static void *open_elsewhere(void *argument)
{
    opened_elsewhere = open_shown();
    atomic_store(&has_opened, true);
    return argument;
}

/* Only who opens it waits for who opens it. */
static void start_opener(void *argument)
{
    (void)argument;
    has_opened = false;
    opener = check_start(open_elsewhere, NULL);
    CHECK_EVENTUALLY(has_opened || ck_pr_load_uint(&shown.word) & LOCKWORD_HELD,
                     "another thread opens it, too");
}

static void others_can_open_it_at_any_time(void)
{
    int before = count_open();
    struct step_tour tour;

    for (tour = step_tour("openers"); step_on_tour(&tour);) {
        begin((int)tour.n % 2);
        step_meet(tour.n, run_open, start_opener, NULL);
        check_join(opener);
        CHECK(opened >= 0 && opened == opened_elsewhere,
              "all who open it get the same descriptor");
        end();
        CHECK_NUMBER(count_open(), before, "and no other is left open");
    }
}

/* ---- crowds ---- */

static void change_often(struct guest *guest)
{
    unsigned i;

    meet();
    for (i = 0; i < 50; i++) {
        change((int)random_below(&guest->random, 2) * 2 - 1);
        if (random_one_in(&guest->random, 4))
            random_pause(&guest->random);
    }
}

static void it_agrees_whenever_all_are_quiet(void)
{
    struct stress s = stress_begin("quiet", 500);

    begin(0);
    (void)open_shown();
    for (; stress_goes_on(&s); s.round++) {
        atomic_store(&level, 0);
        crowd_play(change_often, &s.random);
        CHECK(agrees(), "it agrees when nobody changes anything any more");
    }
    end();
}

/* All open it at once, some change the condition before or after. */
static int got[CROWD];

static void open_at_once(struct guest *guest)
{
    meet();
    if (random_one_in(&guest->random, 2))
        change(1);
    got[guest->number] = open_shown();
    if (random_one_in(&guest->random, 2))
        change(-1);
}

static void all_open_the_same(void)
{
    struct stress s = stress_begin("all open", 500);
    int before = count_open();
    unsigned i;

    for (; stress_goes_on(&s); s.round++) {
        begin((int)s.round % 2);
        crowd_play(open_at_once, &s.random);
        for (i = 0; i < CROWD; i++)
            if (got[i] < 0 || got[i] != open_shown())
                CHECK(false, "all who open it get the same descriptor");
        end();
        CHECK_NUMBER(count_open(), before, "and no other is left open");
    }
}

/* Half of the crowd raises the level, and half of it sleeps until it is high,
 * and lowers it. Whoever missed a change would sleep on. */
static atomic_uint lowered;
#define RISES (CROWD / 2 * STRESS_SCALED(200))

static bool lower(void)
{
    int is = atomic_load(&level);

    while (is > 0)
        if (atomic_compare_exchange_weak(&level, &is, is - 1)) {
            update();
            return true;
        }
    return false;
}

static void raise_often(struct random *random)
{
    unsigned i;

    for (i = 0; i < STRESS_SCALED(200); i++) {
        change(1);
        if (random_one_in(random, 2))
            random_pause(random);
    }
}

static void lower_often(int descriptor)
{
    while (atomic_load(&lowered) < RISES) {
        wait_readable(descriptor);
        if (lower() && atomic_fetch_add(&lowered, 1) + 1 == RISES)
            /* Lets the others go. */
            change(CROWD);
    }
}

static void raise_or_lower(struct guest *guest)
{
    int descriptor = open_shown();

    meet();
    if (guest->number % 2 == 0)
        raise_often(&guest->random);
    else
        lower_often(descriptor);
}

static void who_polls_misses_no_change(void)
{
    struct stress s = stress_begin("poll", 500);

    for (; stress_goes_on(&s); s.round++) {
        lowered = 0;
        begin(0);
        crowd_play(raise_or_lower, &s.random);
        CHECK(lowered >= RISES, "who polls finds all there is");
        end();
    }
}

/* ---- all of it ---- */

static void check_both(const char *name, const char *name_with_pipe,
                       void (*part)(void))
{
    kind = &own_kind;
    check_part(name, part);
    kind = &pipe_kind;
    check_part(name_with_pipe, part);
}

#define BOTH(name, part) check_both(name, name " (pipe)", part)

static void all(void)
{
    BOTH("nothing is opened before it is asked for",
         nothing_is_opened_before_it_is_asked_for);
    BOTH("one descriptor is opened", one_descriptor_is_opened);
    BOTH("it is readable while the condition holds",
         it_is_readable_while_the_condition_holds);
    BOTH("one unit is in it", one_unit_is_in_it);
    BOTH("descriptors may run out", descriptors_may_run_out);
    if (step_works()) {
        BOTH("changes can come at any time", changes_can_come_at_any_time);
        BOTH("changes can come while it is opened",
             changes_can_come_while_it_is_opened);
        BOTH("others can open it at any time", others_can_open_it_at_any_time);
    }
    BOTH("it agrees whenever all are quiet", it_agrees_whenever_all_are_quiet);
    BOTH("all open the same", all_open_the_same);
    BOTH("who polls misses no change", who_polls_misses_no_change);
}

int main(void)
{
    return check_program("pollable", all);
}
