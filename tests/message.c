/* SPDX-License-Identifier: MIT
 *
 * Messages: bytes that grow, and handles that stay alive.
 */
#include "message.h"
#include "support/by_hand.h"
#include "support/check.h"
#include "support/no_memory.h"
#include "support/parcel.h"
#include "support/stress.h"

/* ---- validation ---- */

static void check_empty(const struct message *message)
{
    CHECK_NUMBER(message->size, 0, "an empty message has no bytes");
    CHECK_NUMBER(message->values, 0, "an empty message has no values");
    CHECK_NUMBER(message->objects, 0, "an empty message has no objects");
    CHECK(!message->shared, "nothing is shared in an empty message");
    CHECK_NUMBER(message->label, 0, "an empty message has no label");
    CHECK_NUMBER(message->handle_count, 0, "an empty message has no handles");
    CHECK(message->bytes == message->small,
          "an empty message lives in its structure");
    CHECK_NUMBER(message->capacity, MESSAGE_INLINE,
                 "an empty message has the room of its structure");
}

static void a_new_message_is_empty(void)
{
    struct message *message = message_new();

    CHECK_NUMBER(live_count(LIVE_MESSAGES), 1, "a new message is counted");
    check_empty(message);
    message_release(message);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0,
                 "a freed message is not counted any more");
}

static unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 7 + i / 251);
}

static void append(struct message *message, size_t size)
{
    size_t before = message->size, i;
    unsigned char *place = extend(message, size);

    if (place == NULL)
        CHECK(false, "a message can be extended");
    for (i = 0; place != NULL && i < size; i++)
        place[i] = pattern(before + i);
}

static bool holds_pattern(const struct message *message)
{
    size_t i;

    for (i = 0; i < message->size; i++)
        if (message->bytes[i] != pattern(i))
            return false;
    return true;
}

static void bytes_follow_each_other(void)
{
    struct message *message = message_new();
    size_t size, sum = 0;

    for (size = 0; size < 300; size++) {
        append(message, size);
        sum += size;
        CHECK_NUMBER(message->size, sum, "a message grows by what is asked");
        CHECK(message->capacity >= message->size,
              "there is room for the bytes");
    }
    CHECK(holds_pattern(message), "bytes keep their place when there are more");
    message_release(message);
}

static void small_messages_need_no_more_memory(void)
{
    struct message *message = message_new();

    append(message, MESSAGE_INLINE - 1);
    append(message, 1);
    append(message, 0);
    CHECK(message->bytes == message->small,
          "a message as large as its inner room stays in it");
    append(message, 1);
    CHECK(message->bytes != message->small, "a larger one moves out");
    CHECK(holds_pattern(message), "and takes its bytes along");
    message_release(message);
}

static void growth_is_at_least_double(void)
{
    struct message *message = message_new();
    size_t capacity = message->capacity;
    int moves = 0;

    while (message->size < 1000000) {
        append(message, 1);
        if (message->capacity == capacity)
            continue;
        CHECK(message->capacity >= 2 * capacity,
              "new room is at least twice the old");
        capacity = message->capacity;
        moves++;
    }
    CHECK(moves > 1 && moves < 20, "a message that fills moves a few times");
    append(message, 10 * capacity);
    CHECK(message->capacity >= message->size, "a large piece gets its room");
    CHECK(holds_pattern(message), "bytes are kept in every move");
    message_release(message);
}

/* Sizes that overflow, and those that no machine has. */
static void impossible_sizes_change_nothing(void)
{
    static const size_t sizes[] = {
        SIZE_MAX,        SIZE_MAX - 1,    SIZE_MAX - 10, SIZE_MAX / 2 - 10000,
        (size_t)1 << 62, (size_t)1 << 60,
    };
    struct message *message = message_new();
    unsigned char *bytes;
    size_t i, capacity;

    append(message, 1000);
    bytes = message->bytes;
    capacity = message->capacity;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK(!message_grow(message, sizes[i]), "impossible room is refused");
        CHECK(extend(message, sizes[i]) == NULL,
              "impossible bytes are refused");
        CHECK(message->bytes == bytes && message->size == 1000 &&
                  message->capacity == capacity && holds_pattern(message),
              "and the message is as it was");
    }
    message_release(message);
}

static void handles_live_as_long_as_the_message(void)
{
    struct message *message = message_new();
    struct handle *handle = parcel_new(1);
    uint32_t number = 99;

    parcels_destroyed = 0;
    CHECK(message_keep(message, handle, &number), "a handle can be kept");
    CHECK_NUMBER(number, 0, "the first handle has the number 0");
    CHECK(message->handles[0] == handle, "a handle lies under its number");
    CHECK_NUMBER(parcel_holders(handle), 2, "the message holds it, too");
    handle_release(handle);
    CHECK_NUMBER(parcels_destroyed, 0, "the message keeps its handle alive");
    message_release(message);
    CHECK_NUMBER(parcels_destroyed, 1, "and lets go of it in the end");
}

static void texts_can_be_lent(void)
{
    struct message *message = message_new();
    char text[] = "here";
    uint32_t number = 99, i;
    bool ok = true;

    for (i = 0; i < 9; i++) {
        ok = ok && message_lend(message, text, 4, &number);
        CHECK_NUMBER(number, i, "texts are numbered from 0");
    }
    CHECK(ok && message->lent->items[8].text == text &&
              message->lent->items[8].length == 4,
          "a text that is lent stays where it is");
    CHECK(message_own(message) && message_own(message),
          "a message can make copies of what it was lent");
    text[0] = 't';
    for (i = 0; i < 9; i++)
        ok = ok && memcmp(message->lent->items[i].text, "here", 4) == 0;
    CHECK(ok, "which do not change with the text");
    message_clear(message);
    CHECK(message->lent == NULL && message_own(message),
          "an empty message has been lent nothing");
    message_release(message);
}

static void lending_needs_memory(void)
{
    struct message *message = message_new();
    uint32_t number;

    if (no_memory_works()) {
        no_memory_from(1);
        CHECK(!message_lend(message, "text", 4, &number), "no memory, no loan");
        (void)no_memory_end();
        CHECK(message_lend(message, "text", 4, &number) && number == 0,
              "with memory again, there is one");
        no_memory_from(1);
        CHECK(!message_own(message), "no memory, no copy");
        (void)no_memory_end();
        CHECK(!message->lent->items[0].owned && message_own(message),
              "and with memory again, there is one");
    }
    message_release(message);
}

static void readers_share_a_message(void)
{
    struct message *message = message_new();
    struct handle *handle = parcel_new(1);
    uint32_t number;

    append(message, 1000);
    (void)message_keep(message, handle, &number);
    message_retain(message);
    message_release(message);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 1,
                 "a message lives while somebody holds it");
    CHECK(holds_pattern(message) && parcel_holders(handle) == 2,
          "with all that is in it");
    message_release(message);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0, "and goes with the last");
    CHECK_NUMBER(parcel_holders(handle), 1, "who lets go of its handles");
    handle_release(handle);
}

static void the_same_handle_twice_counts_twice(void)
{
    struct message *message = message_new();
    struct handle *handle = parcel_new(1);
    uint32_t first, second;

    (void)message_keep(message, handle, &first);
    (void)message_keep(message, handle, &second);
    CHECK(first == 0 && second == 1, "handles are numbered as they come");
    CHECK_NUMBER(parcel_holders(handle), 3, "each time takes a reference");
    message_release(message);
    CHECK_NUMBER(parcel_holders(handle), 1, "and gives it back");
    handle_release(handle);
}

static void many_handles_are_kept(void)
{
    struct message *message = message_new();
    struct handle *handle;
    uint32_t i, number = 0;

    parcels_destroyed = 0;
    for (i = 0; i < 1000; i++) {
        handle = parcel_new(i);
        CHECK(message_keep(message, handle, &number) && number == i,
              "many handles are numbered in order");
        handle_release(handle);
    }
    for (i = 0; i < 1000; i++)
        CHECK(((struct parcel *)message->handles[i])->number == i,
              "each of many lies under its number");
    CHECK_NUMBER(parcels_destroyed, 0, "none of many is destroyed early");
    message_release(message);
    CHECK_NUMBER(parcels_destroyed, 1000, "all of many are destroyed");
}

static void a_cleared_message_is_as_new(void)
{
    struct message *message = message_new();
    struct handle *handle = parcel_new(1);
    uint32_t number;

    append(message, MESSAGE_KEPT + 1);
    (void)message_keep(message, handle, &number);
    message->values = message->objects = 5;
    message->shared = true;
    message->label = 7;
    message_clear(message);
    check_empty(message);
    CHECK_NUMBER(parcel_holders(handle), 1, "clearing lets go of handles");
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 1, "a cleared message is alive");

    append(message, 500);
    (void)message_keep(message, handle, &number);
    CHECK(holds_pattern(message) && number == 0, "it can be filled again");
    message_release(message);
    CHECK_NUMBER(parcel_holders(handle), 1, "and freed");
    handle_release(handle);
}

static void no_memory_leaves_everything_as_it_was(void)
{
    struct message *message, *others = NULL;
    struct handle *handle = parcel_new(1);
    unsigned live = 0, handles;
    uint32_t number = 99;
    size_t size;

    no_memory_from(1);
    /* Those that are at home in this thread come first. */
    for (; (message = message_new()) != NULL; live++) {
        message->next = others;
        others = message;
    }
    CHECK(no_memory_end(), "no memory, no message");
    CHECK_NUMBER(live_count(LIVE_MESSAGES), live, "and none is counted");
    for (; (message = others) != NULL; message_release(message))
        others = message->next;

    message = message_new();
    append(message, message->capacity);
    size = message->size;
    while (message->handle_count < message->handle_capacity)
        (void)message_keep(message, handle, &number);
    handles = message->handle_count;
    no_memory_from(1);
    CHECK(extend(message, 1) == NULL, "no memory, no room");
    CHECK(!message_keep(message, handle, &number), "no memory, no handle");
    (void)no_memory_end();
    CHECK(message->size == size && message->handle_count == handles,
          "the message is what it was before memory ran out");
    CHECK_NUMBER(parcel_holders(handle), 1 + handles,
                 "a handle not kept is not held");

    append(message, 1);
    CHECK(holds_pattern(message), "with memory again, it grows");
    CHECK(message_keep(message, handle, &number) && number == handles,
          "and keeps handles");
    message_release(message);
    handle_release(handle);
}

static void memory_may_run_out(void)
{
    if (no_memory_works())
        no_memory_leaves_everything_as_it_was();
}

/* ---- stress ---- */

static void do_anything(struct random *random, struct message *message,
                        struct handle *handle, uint32_t *kept)
{
    uint32_t number;

    switch (random_below(random, 20)) {
    case 0:
        message_clear(message);
        *kept = 0;
        break;
    case 1:
    case 2:
    case 3:
        CHECK(message_keep(message, handle, &number) && number == (*kept)++,
              "handles are numbered from 0 after each clearing");
        break;
    case 4:
        append(message, random_below(random, 5000));
        break;
    default:
        append(message, random_below(random, 40));
    }
}

static void fill_at_random(struct random *random)
{
    struct message *message = message_new();
    struct handle *handle = parcel_new(1);
    uint32_t kept = 0;
    int i;

    for (i = 0; i < 100; i++) {
        do_anything(random, message, handle, &kept);
        CHECK_NUMBER(parcel_holders(handle), kept + 1,
                     "a message holds what it keeps");
    }
    CHECK(holds_pattern(message), "a message filled at random holds it all");
    message_release(message);
    CHECK_NUMBER(parcel_holders(handle), 1, "a freed message holds nothing");
    handle_release(handle);
}

static void messages_are_filled_at_random(void)
{
    stress_rounds("messages", 1000, fill_at_random);
}

static void all(void)
{
    check_part("a new message is empty", a_new_message_is_empty);
    check_part("bytes follow each other", bytes_follow_each_other);
    check_part("small messages need no more memory",
               small_messages_need_no_more_memory);
    check_part("growth is at least double", growth_is_at_least_double);
    check_part("impossible sizes change nothing",
               impossible_sizes_change_nothing);
    check_part("handles live as long as the message",
               handles_live_as_long_as_the_message);
    check_part("readers share a message", readers_share_a_message);
    check_part("the same handle twice counts twice",
               the_same_handle_twice_counts_twice);
    check_part("many handles are kept", many_handles_are_kept);
    check_part("texts can be lent", texts_can_be_lent);
    check_part("lending needs memory", lending_needs_memory);
    check_part("a cleared message is as new", a_cleared_message_is_as_new);
    check_part("memory may run out", memory_may_run_out);
    check_part("messages are filled at random", messages_are_filled_at_random);
}

int main(void)
{
    return check_program("message", all);
}
