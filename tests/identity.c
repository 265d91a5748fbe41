/* SPDX-License-Identifier: MIT
 *
 * The set of things an encoder has met: each gets one number, in order.
 */
#include "identity.h"
#include "support/check.h"
#include "support/no_memory.h"
#include "support/stress.h"

/* Addresses are only compared, so they need not exist. */
static const void *thing_at(uintptr_t address)
{
    return (const void *)address;
}

/* ---- validation ---- */

static void numbers_count_from_zero(void)
{
    struct identity identity;
    uint32_t number = 99;
    uintptr_t i;

    identity_init(&identity);
    CHECK(!identity_knows(&identity, thing_at(16)), "at first none is known");
    for (i = 0; i < 3; i++) {
        CHECK(identity_number(&identity, thing_at(16 * (i + 1)), &number) ==
                  IDENTITY_NEW,
              "a thing is new when it is first met");
        CHECK_NUMBER(number, i, "things are numbered from 0 in order");
    }
    number = 99;
    CHECK(identity_number(&identity, thing_at(32), &number) == IDENTITY_KNOWN,
          "a thing is known when it is met again");
    CHECK_NUMBER(number, 1, "and has the number it got");
    CHECK(identity_knows(&identity, thing_at(32)) &&
              !identity_knows(&identity, thing_at(64)),
          "one can ask for what is known");
    CHECK_NUMBER(identity.count, 3, "things are counted once");
    identity_destroy(&identity);
}

static void sets_know_nothing_of_each_other(void)
{
    struct identity one, other;
    uint32_t number;

    identity_init(&one);
    identity_init(&other);
    (void)identity_number(&one, thing_at(16), &number);
    (void)identity_number(&one, thing_at(32), &number);
    CHECK(identity_number(&other, thing_at(32), &number) == IDENTITY_NEW &&
              number == 0,
          "each set has numbers of its own");
    identity_destroy(&one);
    identity_destroy(&other);
}

/* Meets count things at first, first + stride, ... twice. */
static void meet_all(uintptr_t first, uintptr_t stride, uint32_t count)
{
    struct identity identity;
    uint32_t i, number = 0, wrong = 0;

    identity_init(&identity);
    for (i = 0; i < count; i++)
        if (identity_number(&identity, thing_at(first + i * stride), &number) !=
                IDENTITY_NEW ||
            number != i)
            wrong++;
    for (i = 0; i < count; i++)
        if (identity_number(&identity, thing_at(first + i * stride), &number) !=
                IDENTITY_KNOWN ||
            number != i)
            wrong++;
    CHECK_NUMBER(wrong, 0, "each of many things has its own number");
    CHECK_NUMBER(identity.count, count, "many things are counted");
    identity_destroy(&identity);
}

/* Seconds of the processor. */
static double time_to_meet(uintptr_t stride)
{
    clock_t start = clock();

    meet_all(0x7f0000001000, stride, STRESS_SCALED(30000));
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* Also those distances that allocators like: a set that grouped such addresses
 * would be a hundred times as slow. */
static void many_things_at_any_distance(void)
{
    static const unsigned shifts[] = {0, 3, 4, 6, 12, 16, 20, 28, 32};
    double usual = time_to_meet(56);
    size_t i;

    for (i = 0; i < sizeof shifts / sizeof *shifts; i++)
        CHECK(time_to_meet((uintptr_t)1 << shifts[i]) < 20 * usual + 0.02,
              "things at any distance are met about as fast");
    meet_all(1, 48, 7);
    meet_all(1, 48, 8);
    meet_all(1, 48, 9);
    meet_all(1, 56, 300000);
}

static void few_things_need_no_memory(void)
{
    struct identity identity;
    uint32_t number;
    uintptr_t i;

    identity_init(&identity);
    no_memory_from(1);
    for (i = 1; i <= IDENTITY_FEW / 2; i++)
        CHECK(identity_number(&identity, thing_at(i), &number) == IDENTITY_NEW,
              "a few things have room in the structure");
    CHECK(!no_memory_end(), "and ask for no memory");
    CHECK(identity.entries == identity.few, "but live in it");
    identity_destroy(&identity);
}

static void without_memory_the_set_stays_as_it_is(void)
{
    struct identity identity;
    enum identity_answer answer;
    uint32_t number, i, known = 0;

    identity_init(&identity);
    no_memory_from(1);
    while ((answer = identity_number(&identity, thing_at(known + 1),
                                     &number)) == IDENTITY_NEW)
        known++;
    CHECK(answer == IDENTITY_NO_MEMORY, "a set that cannot grow says so");
    CHECK_NUMBER(identity.count, known, "what found no room is not counted");
    for (i = 0; i < known; i++)
        CHECK(identity_number(&identity, thing_at(i + 1), &number) ==
                      IDENTITY_KNOWN &&
                  number == i,
              "and what was met before is known still");
    (void)no_memory_end();
    CHECK(identity_number(&identity, thing_at(known + 1), &number) ==
                  IDENTITY_NEW &&
              number == known,
          "with memory again, the next thing gets the next number");
    identity_destroy(&identity);
}

static void memory_may_run_out(void)
{
    if (!no_memory_works())
        return;
    few_things_need_no_memory();
    without_memory_the_set_stays_as_it_is();
}

/* ---- stress ---- */

#define POOL 4096

/* Things of a pool are met in random order; the pool remembers what each was
 * told. */
static void meet_at_random(struct random *random)
{
    static uint32_t told[POOL];
    uintptr_t base = (uintptr_t)random_next(random) & ~(uintptr_t)7;
    uintptr_t stride = 1 + random_below(random, 200);
    unsigned pool = 1 + random_below(random, POOL);
    unsigned i, thing, meetings = random_below(random, 4 * POOL);
    enum identity_answer answer;
    struct identity identity;
    uint32_t number, met = 0;
    bool right = true;

    memset(told, 0xff, sizeof told);
    identity_init(&identity);
    for (i = 0; i < meetings; i++) {
        thing = random_below(random, pool);
        answer = identity_number(
            &identity, thing_at((base | 1) + thing * stride), &number);
        if (told[thing] == UINT32_MAX) {
            right = right && answer == IDENTITY_NEW && number == met;
            told[thing] = met++;
        } else {
            right = right && answer == IDENTITY_KNOWN && number == told[thing];
        }
    }
    CHECK(right, "things met at random get one number each");
    CHECK_NUMBER(identity.count, met, "things met at random are counted once");
    identity_destroy(&identity);
}

static void things_are_met_at_random(void)
{
    stress_rounds("identity", 500, meet_at_random);
}

static void all(void)
{
    check_part("numbers count from zero", numbers_count_from_zero);
    check_part("sets know nothing of each other",
               sets_know_nothing_of_each_other);
    check_part("many things at any distance", many_things_at_any_distance);
    check_part("memory may run out", memory_may_run_out);
    check_part("things are met at random", things_are_met_at_random);
}

int main(void)
{
    return check_program("identity", all);
}
