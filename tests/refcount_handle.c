/* SPDX-License-Identifier: MIT
 *
 * Counts of holders, and the handles that are made of them: a thing is
 * destroyed once, by whoever lets go last, after everybody has finished.
 */
#include "handle.h"
#include "refcount.h"
#include "support/check.h"
#include "support/crowd.h"
#include "support/stress.h"

#define ALIVE 0x600d
#define DEAD 0xdead

/* ---- a kind of handle ---- */

struct counter {
    struct handle handle;
    volatile unsigned mark;
    /* Each thread adds to its own. */
    unsigned long added[CROWD];
};

static atomic_uint destroyed;
static unsigned long last_sum;

static void destroy_counter(struct handle *handle)
{
    struct counter *counter = (struct counter *)handle;
    unsigned i;

    CHECK(counter->mark == ALIVE, "a handle is destroyed only once");
    counter->mark = DEAD;
    last_sum = 0;
    for (i = 0; i < CROWD; i++)
        last_sum += counter->added[i];
    atomic_fetch_add(&destroyed, 1);
    free(counter);
}

static const struct handle_class counter_class = {
    .name = "counter",
    .destroy = destroy_counter,
};

static struct counter *new_counter(void)
{
    struct counter *counter = calloc(1, sizeof *counter);

    counter->mark = ALIVE;
    handle_init(&counter->handle, &counter_class);
    return counter;
}

/* ---- validation ---- */

static void count_holders(void)
{
    struct refcount count;
    int i;

    refcount_init(&count);
    CHECK(refcount_give(&count), "the first holder is the last if alone");

    refcount_init(&count);
    for (i = 0; i < 1000; i++)
        refcount_take(&count);
    for (i = 0; i < 1000; i++)
        CHECK(!refcount_give(&count),
              "who gives back while others hold is not the last");
    CHECK(refcount_give(&count),
          "who gives back when nobody holds is the last");
}

static void count_up_and_down(void)
{
    struct refcount count;

    refcount_init(&count);
    refcount_take(&count);
    CHECK(!refcount_give(&count), "a reference can be given back");
    refcount_take(&count);
    CHECK(!refcount_give(&count), "and another taken, and given back");
    CHECK(refcount_give(&count), "and the first one is still there");
}

static void who_has_no_reference_may_get_one(void)
{
    struct refcount count;

    refcount_init(&count);
    CHECK(refcount_is_sole(&count), "a new thing has one holder");
    CHECK(refcount_take_if_any(&count), "what somebody holds can be taken");
    CHECK(!refcount_is_sole(&count), "and then has two");
    CHECK(!refcount_give(&count) && refcount_is_sole(&count),
          "and one when it is given back");
    CHECK(refcount_give(&count), "who gives that back is the last");
    CHECK(!refcount_take_if_any(&count), "what nobody holds cannot be taken");
    CHECK(!refcount_is_sole(&count), "and has no sole holder");
}

static void a_handle_lives_while_it_is_held(void)
{
    struct counter *counter = new_counter();

    destroyed = 0;
    CHECK(counter->handle.class == &counter_class, "a handle has its class");
    CHECK_NUMBER(live_count(LIVE_HANDLES), 1, "a new handle is counted");
    handle_retain(&counter->handle);
    handle_release(&counter->handle);
    CHECK_NUMBER(destroyed, 0, "a handle that is held is not destroyed");
    CHECK_NUMBER(live_count(LIVE_HANDLES), 1,
                 "retain and release do not change the count of handles");
    handle_release(&counter->handle);
    CHECK_NUMBER(destroyed, 1, "the last release destroys the handle");
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0,
                 "a destroyed handle is not counted any more");
}

static void handles_have_counts_of_their_own(void)
{
    struct counter *one = new_counter(), *other = new_counter();

    destroyed = 0;
    handle_retain(&one->handle);
    CHECK_NUMBER(live_count(LIVE_HANDLES), 2, "each handle is counted");
    handle_release(&other->handle);
    CHECK_NUMBER(destroyed, 1, "releasing one handle does not touch another");
    handle_release(&one->handle);
    handle_release(&one->handle);
    CHECK_NUMBER(destroyed, 2, "each handle is destroyed by its own release");
}

/* destroy() is called when nobody holds it any more: it cannot be revived. */
static bool revived;

static void try_to_revive(struct handle *handle)
{
    revived = handle_retain_if_alive(handle);
}

static void a_dying_handle_cannot_be_revived(void)
{
    static const struct handle_class mortal_class = {.name = "mortal",
                                                     .destroy = try_to_revive};
    struct handle mortal;

    revived = true;
    handle_init(&mortal, &mortal_class);
    CHECK(handle_retain_if_alive(&mortal), "a handle that lives can be held");
    handle_release(&mortal);
    CHECK(revived, "and lives on");
    handle_release(&mortal);
    CHECK(!revived, "one that is being destroyed cannot be held");
}

/* Each holds the next one, so that destroying the first destroys them all. */
#define CHAIN 200000

struct link {
    struct handle handle;
    struct handle *next;
};

static void destroy_link(struct handle *handle)
{
    struct handle *next = ((struct link *)handle)->next;

    atomic_fetch_add(&destroyed, 1);
    if (next != NULL)
        handle_release(next);
    free(handle);
}

static void a_long_chain_of_handles_is_destroyed(void)
{
    static const struct handle_class link_class = {.name = "link",
                                                   .destroy = destroy_link};
    struct handle *first = NULL;
    struct link *link;
    unsigned i;

    destroyed = 0;
    for (i = 0; i < CHAIN; i++) {
        link = malloc(sizeof *link);
        handle_init(&link->handle, &link_class);
        link->next = first;
        first = &link->handle;
    }
    handle_release(first);
    CHECK_NUMBER(destroyed, CHAIN, "a long chain of handles is destroyed");
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "without a rest");
    handles_have_counts_of_their_own();
}

/* ---- stress ---- */

static struct counter *shared_counter;

/* Holds one reference all the time, and more now and then. */
static void hold(struct guest *guest)
{
    struct counter *counter = shared_counter;
    unsigned i, held = 1;

    for (i = 0; i < 500; i++) {
        if (random_one_in(&guest->random, 2)) {
            handle_retain(&counter->handle);
            held++;
        } else if (held > 1) {
            handle_release(&counter->handle);
            held--;
        }
        if (counter->mark != ALIVE)
            CHECK(false, "a handle is alive while a thread holds it");
        counter->added[guest->number]++;
    }
    for (; held > 0; held--)
        handle_release(&counter->handle);
}

static void hold_in_threads(struct random *random)
{
    unsigned i;

    destroyed = 0;
    shared_counter = new_counter();
    for (i = 1; i < CROWD; i++)
        handle_retain(&shared_counter->handle);
    crowd_play(hold, random);
    CHECK_NUMBER(destroyed, 1, "threads that let go destroy a handle once");
    CHECK_NUMBER(last_sum, 500 * CROWD,
                 "who destroys it sees what every holder has done");
}

static void threads_share_a_handle(void)
{
    stress_rounds("threads share a handle", 1000, hold_in_threads);
}

/* All threads give at the same moment: exactly one is told that it is the
 * last. */
static struct refcount shared_count;
static atomic_uint last_ones;

static void give(struct guest *guest)
{
    (void)guest;
    meet();
    if (refcount_give(&shared_count))
        atomic_fetch_add(&last_ones, 1);
}

static void give_at_once(struct random *random)
{
    unsigned count = 2 + random_below(random, CROWD - 1), i;

    last_ones = 0;
    refcount_init(&shared_count);
    for (i = 1; i < count; i++)
        refcount_take(&shared_count);
    crowd_play_some(count, give, random);
    CHECK_NUMBER(last_ones, 1, "exactly one thread is the last");
}

static void one_thread_is_the_last(void)
{
    stress_rounds("one thread is the last", 2000, give_at_once);
}

/* A register knows a thing without holding it. Who asks for it while the last
 * holder lets go gets it alive, or not at all. */
static struct refcount registered;
static atomic_uint deaths;

static void let_go(void)
{
    if (refcount_give(&registered))
        atomic_fetch_add(&deaths, 1);
}

static void ask_register(void)
{
    if (!refcount_take_if_any(&registered))
        return;
    if (atomic_load(&deaths) > 0)
        CHECK(false, "what has died cannot be held again");
    let_go();
}

/* The first one is the last holder. */
static void let_go_or_ask(struct guest *guest)
{
    meet();
    random_pause(&guest->random);
    if (guest->number == 0)
        let_go();
    else
        ask_register();
}

static void race_the_last_holder(struct random *random)
{
    deaths = 0;
    refcount_init(&registered);
    crowd_play(let_go_or_ask, random);
    CHECK_NUMBER(deaths, 1, "a thing dies once");
}

static void a_register_revives_nothing(void)
{
    stress_rounds("register", 2000, race_the_last_holder);
}

static void all(void)
{
    check_part("holders are counted", count_holders);
    check_part("a count goes up and down", count_up_and_down);
    check_part("who has no reference may get one",
               who_has_no_reference_may_get_one);
    check_part("a dying handle cannot be revived",
               a_dying_handle_cannot_be_revived);
    check_part("a handle lives while it is held",
               a_handle_lives_while_it_is_held);
    check_part("handles have counts of their own",
               handles_have_counts_of_their_own);
    check_part("a long chain of handles is destroyed",
               a_long_chain_of_handles_is_destroyed);
    check_part("threads share a handle", threads_share_a_handle);
    check_part("one thread is the last", one_thread_is_the_last);
    check_part("a register revives nothing", a_register_revives_nothing);
}

int main(void)
{
    return check_program("refcount_handle", all);
}
