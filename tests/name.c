/* SPDX-License-Identifier: MIT
 *
 * The names of channels: who has one, who finds it, and for how long.
 */
#define CROWD 6

#include "name.h"

#include <sched.h>

#include "support/check.h"
#include "support/crowd.h"
#include "support/deadlines.h"
#include "support/no_memory.h"
#include "support/stamps.h"
#include "support/step.h"
#include "support/stress.h"

/* ---- channels with names ---- */

static struct channel *with_name(const char *name, size_t length)
{
    struct channel *channel;

    if (channel_new(0, name, length, &channel) == CHANNEL_OK)
        return channel;
    CHECK(false, "a free name can be taken");
    abort();
}

static bool is_taken(const char *name, size_t length)
{
    struct channel *channel;
    enum channel_result result = channel_new(0, name, length, &channel);

    if (result == CHANNEL_OK)
        handle_release(&channel->handle);
    return result == CHANNEL_NAME_TAKEN;
}

/* Whether it is this channel that is found, which is let go again. */
static bool finds(const struct channel *channel, const char *name,
                  size_t length)
{
    struct channel *found = channel_find(name, length);

    if (found != NULL)
        handle_release(&found->handle);
    return found == channel;
}

static void drop(struct channel *channel)
{
    handle_release(&channel->handle);
}

static void nothing_is_left(void)
{
    CHECK(live_count(LIVE_HANDLES) == 0 && live_count(LIVE_MAILBOXES) == 0,
          "no channel is left");
}

/* ---- validation ---- */

static void a_name_is_found_while_its_channel_lives(void)
{
    char name[] = "jobs";
    struct channel *channel, *found;

    CHECK(channel_find("jobs", 4) == NULL, "a name that nobody has is unknown");
    channel = with_name(name, 4);
    name[0] = 'J';
    CHECK(channel->name_length == 4 && memcmp(channel->name, "jobs", 4) == 0,
          "a channel has its name for itself");
    found = channel_find("jobs", 4);
    CHECK(found == channel, "a name leads to its channel");
    drop(channel);
    CHECK(finds(found, "jobs", 4), "who has found it keeps it alive");
    drop(found);
    CHECK(channel_find("jobs", 4) == NULL, "a name keeps nothing alive");
    nothing_is_left();
}

static void a_name_is_for_one_channel(void)
{
    struct channel *one = with_name("one", 3), *other;

    CHECK(is_taken("one", 3) && finds(one, "one", 3),
          "a name that is taken stays with who has it");
    CHECK_NUMBER(live_count(LIVE_HANDLES), 1, "and no other channel is made");
    other = with_name("other", 5);
    CHECK(finds(one, "one", 3) && finds(other, "other", 5),
          "names do not get into each other's way");
    drop(one);
    one = with_name("one", 3);
    CHECK(finds(one, "one", 3), "a name can be taken again when it is free");
    drop(one);
    drop(other);
    nothing_is_left();
}

static void a_channel_needs_no_name(void)
{
    struct channel *one = with_name(NULL, 0), *other = with_name(NULL, 0);

    CHECK(one->name == NULL && other->name == NULL,
          "any number of channels may have no name");
    CHECK(channel_find("", 0) == NULL, "which is not the empty name");
    drop(one);
    drop(other);
    nothing_is_left();
}

#define LONG ((size_t)1 << 20)

/* No two of them are the same, though some begin, or end, or print alike. */
static void any_bytes_are_a_name(void)
{
    static char a_million[LONG], another_million[LONG];
    const struct {
        const char *bytes;
        size_t length;
    } names[] = {
        {"", 0},
        {"\0", 1},
        {"\0\0", 2},
        {"a", 1},
        {"a\0", 2},
        {"a\0b", 3},
        {"a\0c", 3},
        {"\0a", 2},
        {"ab", 2},
        {"b", 1},
        {"A", 1},
        {"\xff\xfe", 2},
        {"a\nb", 3},
        {a_million, LONG},
        {a_million, LONG - 1},
        {another_million, LONG},
    };
    struct channel *channels[sizeof names / sizeof *names];
    size_t count = sizeof names / sizeof *names, i;

    memset(a_million, 'm', LONG);
    memset(another_million, 'm', LONG);
    another_million[LONG - 1] = 'n';
    for (i = 0; i < count; i++)
        channels[i] = with_name(names[i].bytes, names[i].length);
    for (i = 0; i < count; i++) {
        CHECK(finds(channels[i], names[i].bytes, names[i].length),
              "any bytes are a name, and no others are the same");
        CHECK(is_taken(names[i].bytes, names[i].length),
              "which only one channel can have");
    }
    for (i = 0; i < count; i++) {
        drop(channels[i]);
        CHECK(channel_find(names[i].bytes, names[i].length) == NULL,
              "and which is free when that is gone");
    }
    nothing_is_left();
}

/* A message in flight keeps it alive, if need be in a channel with a name. */
static void a_name_lives_on_in_a_message(void)
{
    struct channel *outer = with_name("outer", 5);
    struct channel *inner = with_name("inner", 5);
    struct message *message = message_new();
    uint32_t number;

    (void)message_keep(message, &inner->handle, &number);
    drop(inner);
    (void)channel_send(outer, message, &at_once);
    CHECK(finds(inner, "inner", 5), "a channel in a message can be found");
    drop(outer);
    CHECK(channel_find("outer", 5) == NULL && channel_find("inner", 5) == NULL,
          "but not when the message is gone with its channel");
    nothing_is_left();
}

static void closing_does_not_free_a_name(void)
{
    struct channel *channel = with_name("closed", 6);

    channel_close(channel);
    CHECK(finds(channel, "closed", 6) && is_taken("closed", 6),
          "a closed channel has its name as long as it lives");
    drop(channel);
    nothing_is_left();
}

static void memory_may_run_out(void)
{
    struct channel *channel, *first;
    unsigned long n;
    bool failed = true;

    if (!no_memory_works())
        return;
    first = with_name("first", 5);
    for (n = 1; failed; n++) {
        no_memory_from(n);
        if (channel_new(0, "name", 4, &channel) == CHANNEL_OK)
            drop(channel);
        failed = no_memory_end();
        CHECK(channel_find("name", 4) == NULL && finds(first, "first", 5),
              "nothing is registered if there is no memory for it");
    }
    CHECK(n > 4, "channel, name and entry need memory each");
    no_memory_from(1);
    CHECK(finds(first, "first", 5), "finding needs none");
    (void)no_memory_end();
    drop(first);
    nothing_is_left();
}

/* ---- what channel_new() and destroy() do, by hand ---- */

static struct channel named(const char *name)
{
    struct channel channel = {.name = (char *)(uintptr_t)name,
                              .name_length = strlen(name)};

    handle_init(&channel.handle, &channel_class);
    return channel;
}

/* A channel without references, which has not left yet. */
static void a_dying_channel_is_gone(void)
{
    struct channel dying = named("name"), heir = named("name"),
                   rival = named("name");

    CHECK(name_register(&dying) == CHANNEL_OK, "a channel can be registered");
    (void)refcount_give(&dying.handle.references);
    CHECK(name_find("name", 4) == NULL, "a dying channel is found by nobody");
    CHECK(name_register(&heir) == CHANNEL_OK, "and its name can be taken");
    CHECK(name_find("name", 4) == &heir, "by another channel");
    CHECK(name_register(&rival) == CHANNEL_NAME_TAKEN, "but only by one");
    CHECK_NUMBER(heir.handle.references.holders, 2,
                 "which leaves no trace on that one");
    name_forget(&dying);
    CHECK(name_find("name", 4) == &heir, "who leaves takes its own name only");
    name_forget(&rival);
    CHECK(name_find("name", 4) == &heir, "as does who never had it");
    name_forget(&heir);
    CHECK(name_find("name", 4) == NULL, "then it is free");
    live_gone(LIVE_HANDLES);
    live_gone(LIVE_HANDLES);
    live_gone(LIVE_HANDLES);
}

/* ---- between two instructions ---- */

static struct channel *leaving;

/* What another thread does meanwhile. It may have to wait for the register, but
 * not for anything else. */
static pthread_t other_thread;
static atomic_bool other_is_through;

static void *other_main(void *what)
{
    (void)check_body(what);
    atomic_store(&other_is_through, true);
    return NULL;
}

static void start_other(void *what)
{
    unsigned turns;

    other_is_through = false;
    other_thread = check_start(other_main, what);
    for (turns = 0; turns < 1000 && !other_is_through; turns++)
        sched_yield();
}

/* The last reference is given back: another thread looks for the name, and if
 * it finds nothing, takes it. */
static struct channel *heir;

static void drop_leaving(void)
{
    drop(leaving);
}

static void run_drop(void *argument)
{
    (void)argument;
    drop_leaving();
}

static void inherit(void)
{
    heir = channel_find("name", 4);
    if (heir == NULL)
        heir = with_name("name", 4);
    else if (memcmp(heir->name, "name", 4) != 0)
        CHECK(false, "a channel that is found is whole");
}

static void a_name_can_be_inherited_at_any_time(void)
{
    void (*other)(void) = inherit;
    struct step_tour tour;

    for (tour = step_tour("heir"); step_on_tour(&tour);) {
        leaving = with_name("name", 4);
        step_meet(tour.n, run_drop, start_other, &other);
        check_join(other_thread);
        CHECK(finds(heir, "name", 4) && is_taken("name", 4),
              "who has a channel of a name is who is found by it");
        drop(heir);
        CHECK(channel_find("name", 4) == NULL, "and leaves the name free");
        nothing_is_left();
    }
}

/* A name is looked for: another thread gives the last reference back. Either
 * the channel is found, and lives, or it is not. */
static struct channel *looked_up;

static void run_find(void *argument)
{
    (void)argument;
    looked_up = channel_find("name", 4);
}

static void a_channel_can_leave_at_any_time(void)
{
    void (*other)(void) = drop_leaving;
    struct step_tour tour;

    for (tour = step_tour("leave"); step_on_tour(&tour);) {
        leaving = with_name("name", 4);
        step_meet(tour.n, run_find, start_other, &other);
        check_join(other_thread);
        CHECK_NUMBER(live_count(LIVE_HANDLES), looked_up != NULL,
                     "a channel that is found lives");
        if (looked_up != NULL && live_count(LIVE_HANDLES) == 1)
            drop(looked_up);
        nothing_is_left();
    }
}

/* ---- crowds ---- */

/* Few names for many threads. */
static const struct {
    const char *bytes;
    size_t length;
} names[] = {{"", 0}, {"a", 1}, {"a\0", 2}, {"ab", 2}};

/* While this thread has the channel nobody else can have another one of the
 * name. */
static void check_sole(const struct channel *channel, unsigned i)
{
    if (channel->name_length != names[i].length ||
        memcmp(channel->name, names[i].bytes, names[i].length) != 0)
        CHECK(false, "a channel that is found has the name");
    if (!finds(channel, names[i].bytes, names[i].length))
        CHECK(false, "no two living channels have the same name");
}

static atomic_uint made, found;

static struct channel *make_or_find(struct guest *guest, unsigned i)
{
    struct channel *channel = NULL;

    if (random_one_in(&guest->random, 2)) {
        channel = channel_find(names[i].bytes, names[i].length);
        atomic_fetch_add(&found, channel != NULL);
    } else if (channel_new(0, names[i].bytes, names[i].length, &channel) ==
               CHANNEL_OK) {
        atomic_fetch_add(&made, 1);
    }
    return channel;
}

static void come_and_go(struct guest *guest)
{
    struct channel *channel;
    unsigned i, round;

    for (round = 0; round < STRESS_SCALED(500); round++) {
        i = random_below(&guest->random, 4);
        channel = make_or_find(guest, i);
        if (channel == NULL)
            continue;
        check_sole(channel, i);
        /* Or the others may be through before anybody else runs. */
        if (random_one_in(&guest->random, 2))
            sched_yield();
        if (random_one_in(&guest->random, 10) &&
            !is_taken(names[i].bytes, names[i].length))
            CHECK(false, "the name of a living channel is taken");
        check_sole(channel, i);
        drop(channel);
    }
}

static void a_name_has_one_living_channel_at_any_time(void)
{
    struct stress s = stress_begin("crowd", 400);
    unsigned i;

    /* Sooner or later one finds what another has made, or the test hangs. */
    for (; stress_goes_on(&s) || made == 0 || found == 0; s.round++) {
        crowd_play(come_and_go, &s.random);
        for (i = 0; i < 4; i++)
            CHECK(channel_find(names[i].bytes, names[i].length) == NULL,
                  "a name is free when its channel is gone");
        nothing_is_left();
    }
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a name is found while its channel lives",
               a_name_is_found_while_its_channel_lives);
    check_part("a name is for one channel", a_name_is_for_one_channel);
    check_part("a channel needs no name", a_channel_needs_no_name);
    check_part("any bytes are a name", any_bytes_are_a_name);
    check_part("a name lives on in a message", a_name_lives_on_in_a_message);
    check_part("closing does not free a name", closing_does_not_free_a_name);
    check_part("memory may run out", memory_may_run_out);
    check_part("a dying channel is gone", a_dying_channel_is_gone);
    if (step_works()) {
        check_part("a name can be inherited at any time",
                   a_name_can_be_inherited_at_any_time);
        check_part("a channel can leave at any time",
                   a_channel_can_leave_at_any_time);
    }
    check_part("a name has one living channel at any time",
               a_name_has_one_living_channel_at_any_time);
}

int main(void)
{
    return check_program("name", all);
}
