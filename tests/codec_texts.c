/* SPDX-License-Identifier: MIT
 *
 * Strings that are met again and again are not sent each time, and arrive
 * wherever they belong.
 */
#include "lua_codec_texts.h"

#include "lua_codec.h"
#include "lua_codec_format.h"
#include "lua_codec_writer.h"
#include "support/check.h"
#include "support/no_memory.h"
#include "support/states.h"
#include "support/stress.h"

#define ENTRIES (1 << TEXTS_BITS)

/* Addresses are only compared. */
static char memory[1 << 20];

/* ---- what an encoder remembers ---- */

static struct texts texts;
static uint8_t place;

static void the_second_meeting_gives_a_place(void)
{
    const char *a = &memory[0], *b = &memory[64];

    texts_init(&texts);
    CHECK(texts_meet(&texts, a, &place) == TEXTS_SEND, "a new string is sent");
    CHECK(texts_meet(&texts, a, &place) == TEXTS_SEND_AND_KEEP && place == 0,
          "at the second meeting it gets the first place");
    CHECK(texts_meet(&texts, a, &place) == TEXTS_KEPT && place == 0,
          "from then on it is there");
    CHECK(texts_meet(&texts, b, &place) == TEXTS_SEND, "another one is sent");
    CHECK(texts_meet(&texts, b, &place) == TEXTS_SEND_AND_KEEP && place == 1,
          "and gets the next place");
    CHECK(texts_meet(&texts, a, &place) == TEXTS_KEPT && place == 0,
          "they do not disturb each other");
    CHECK_NUMBER(texts.places, 2, "places are counted");
}

/* Another string for the entry of this one. */
static const char *rival_of(const char *text)
{
    const char *rival = memory + sizeof memory / 2;

    while (texts_entry(&texts, rival) != texts_entry(&texts, text))
        rival += 8;
    return rival;
}

static void a_string_survives_one_rival(void)
{
    const char *a = memory, *rival = rival_of(a);

    texts_init(&texts);
    (void)texts_meet(&texts, a, &place);
    (void)texts_meet(&texts, a, &place);
    CHECK(texts_meet(&texts, rival, &place) == TEXTS_SEND &&
              texts_meet(&texts, a, &place) == TEXTS_KEPT,
          "one rival does not drive a string out");
    (void)texts_meet(&texts, rival, &place);
    (void)texts_meet(&texts, rival, &place);
    CHECK(texts_meet(&texts, rival, &place) == TEXTS_SEND_AND_KEEP &&
              place == 0,
          "one that keeps coming does, and takes over the place");
    CHECK(texts_meet(&texts, a, &place) == TEXTS_SEND,
          "then the other one is new again");
}

/* The receiver's side of the bargain, with whatever the encoder answers. */
static void places_hold_what_was_kept(void)
{
    struct stress s = stress_begin("texts", 200000);
    const char *kept[ENTRIES], *text;
    unsigned places = 0;

    texts_init(&texts);
    for (; stress_goes_on(&s); s.round++) {
        text = memory + 8 * random_below(&s.random, 600);
        switch (texts_meet(&texts, text, &place)) {
        case TEXTS_SEND_AND_KEEP:
            CHECK(place <= places, "places are used in their order first");
            places += place == places;
            kept[place] = text;
            break;
        case TEXTS_KEPT:
            CHECK(place < places && kept[place] == text,
                  "what is kept lies where it was put");
            break;
        default:
            break;
        }
    }
    CHECK(places == texts.places && places <= ENTRIES,
          "there are as many places as entries at most");
}

/* ---- on the way ---- */

static size_t size_of(const char *expressions)
{
    struct message *message;
    size_t size;

    state_evaluate(from, expressions);
    message = encode(from);
    size = message->size;
    message_release(message);
    return size;
}

/* What one more record takes, of those with names of this number. */
static size_t size_of_record(unsigned number)
{
    static const char records[] =
        "(function() local l = {} for i = 1, %d do l[i] = "
        "{identifier%u = 1, ['a name of more than forty bytes, which lies "
        "apart from the others %u'] = 'state %u'} end return l end)()";
    char three[sizeof records + 30], four[sizeof records + 30];

    snprintf(three, sizeof three, records, 3, number, number, number);
    snprintf(four, sizeof four, records, 4, number, number, number);
    return size_of(four) - size_of(three);
}

/* Two of the three strings may want one place, as their addresses have it: one
 * time in 43. */
static void names_are_not_sent_each_time(void)
{
    unsigned small = 0, number;

    for (number = 0; number < 20; number++)
        small += size_of_record(number) == 9 + 2 + 1 + 2 + 2;
    CHECK(small >= 10, "a record is not much more than its values");
    SENDS("(function() local l = {} for i = 1, 100 do "
          "l[i] = {id = i, kind = 'kind' .. i % 3, [('k'):rep(300)] = "
          "('v'):rep(70000)} end return l end)()",
          "(function() for i = 1, 100 do local r = a[i] if r.id ~= i or "
          "r.kind ~= 'kind' .. i % 3 or r[('k'):rep(300)] ~= ('v'):rep(70000) "
          "then return false end end return #a == 100 end)()",
          "records arrive");
}

static void strings_of_any_number_arrive(void)
{
    SENDS("(function() local l = {{}} for i = 1, 20000 do "
          "l[i + 1] = 's' .. i * i % 777 end return l end)()",
          "(function() for i = 1, 20000 do "
          "if a[i + 1] ~= 's' .. i * i % 777 then return false end end "
          "return true end)()",
          "many strings that come again arrive");
    SENDS("{{x = 'y'}, {x = 'y'}, {x = 'y'}}, 'x', {y = 'x'}, 'y'",
          "a[3].x == 'y' and b == 'x' and c.y == 'x' and d == 'y' and "
          "select('#', ...) == 4",
          "as names and as values, in several values");
    SENDS("(function() local t = {x = 'x'} return t, {x = t}, {t.x, t, 'x'} "
          "end)()",
          "a.x == 'x' and b.x == a and c[1] == 'x' and c[2] == a and "
          "c[3] == 'x'",
          "beside tables that come again");
}

static void one_table_has_no_places(void)
{
    struct message *message;

    state_evaluate(from, "'x', {x = 'x', y = 'x', z = 'x'}, 'x', 'x'");
    message = encode(from);
    CHECK_NUMBER(message->texts, 0, "one table alone is not worth any place");
    message_release(message);
    lua_settop(from, 0);
}

/* ---- damage ---- */

static void check_rejected(const unsigned char *bytes, size_t size,
                           uint8_t places)
{
    CHECK_NUMBER(decode_written(to, bytes, size, places), LUA_ERRRUN,
                 "what is not well-formed is an error");
    CHECK(strstr(lua_tostring(to, -1), "malformed message") != NULL,
          "that says so");
}

static void places_are_checked(void)
{
    static const unsigned char list[] = {
        TAG_TABLE, 2,        0, 0,           0, 0,   0,        0,
        0,         TAG_KEEP, 0, TAG_STRING8, 1, 'x', TAG_KEPT, 0};
    static const unsigned char no_string[] = {TAG_KEEP, 0, TAG_NIL},
                               again[] = {TAG_KEEP, 0,           TAG_KEEP,
                                          0,        TAG_STRING8, 0},
                               second[] = {TAG_KEEP, 1, TAG_STRING8, 0};
    unsigned char other[sizeof list];
    size_t size;

    CHECK_NUMBER(decode_written(to, list, sizeof list, 1), LUA_OK,
                 "a place that was filled can be asked for");
    CHECK_NUMBER(decode_written(to, list, sizeof list, 255), LUA_OK,
                 "also if there are more");
    for (size = 1; size < sizeof list; size++)
        check_rejected(list, size, 1);
    check_rejected(list, sizeof list, 0);
    memcpy(other, list, sizeof list);
    other[sizeof list - 1] = 1;
    check_rejected(other, sizeof list, 255);
    check_rejected(no_string, sizeof no_string, 1);
    check_rejected(again, sizeof again, 1);
    check_rejected(second, sizeof second, 255);
}

/* ---- long ones ---- */

/* One that is as long as that would fill the memory of a machine: what says how
 * long it is comes first. */
static void the_longest_have_a_longer_length(void)
{
    uint64_t length = (uint64_t)UINT32_MAX + 1, told;
    struct message *message = message_new();
    struct writer writer;

    if (no_memory_works()) {
        writer_open(&writer, message);
        no_memory_from(1);
        CHECK(!write_long_text(&writer, memory, (size_t)length),
              "what there is no memory for is not written");
        (void)no_memory_end();
        writer_close(&writer);
        CHECK(message->size == 1 + sizeof told &&
                  message->bytes[0] == TAG_STRING64,
              "beyond 32 bits the tag is another");
        memcpy(&told, message->bytes + 1, sizeof told);
        CHECK(told == length, "and the length has 64");
    }
    message_release(message);
}

static void all(void)
{
    states_open();
    check_part("the second meeting gives a place",
               the_second_meeting_gives_a_place);
    check_part("a string survives one rival", a_string_survives_one_rival);
    check_part("places hold what was kept", places_hold_what_was_kept);
    check_part("names are not sent each time", names_are_not_sent_each_time);
    check_part("strings of any number arrive", strings_of_any_number_arrive);
    check_part("one table has no places", one_table_has_no_places);
    check_part("places are checked", places_are_checked);
    check_part("the longest have a longer length",
               the_longest_have_a_longer_length);
    states_close();
}

int main(void)
{
    return check_program("codec_texts", all);
}
