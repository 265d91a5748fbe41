/* SPDX-License-Identifier: MIT
 *
 * Pieces of memory: they keep their content, their sizes fit, large ones are
 * used again, by one owner at a time.
 */
#include "block.h"
#include "support/check.h"
#include "support/crowd.h"
#include "support/no_memory.h"
#include "support/stress.h"

#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)

static unsigned char pattern(size_t place, unsigned seed)
{
    return (unsigned char)((place * 31 + seed) % 251);
}

static void fill(unsigned char *block, size_t size, unsigned seed)
{
    size_t i;

    for (i = 0; i < size; i++)
        block[i] = pattern(i, seed);
}

static bool is_filled(const unsigned char *block, size_t size, unsigned seed)
{
    size_t i;

    for (i = 0; i < size; i++)
        if (block[i] != pattern(i, seed))
            return false;
    return true;
}

/* ---- validation ---- */

static void sizes_fit(void)
{
    size_t size, room;
    bool enough = true, tight = true, same = true;

    for (size = 1; size < 80 * MB; size += size / 7 + 1) {
        room = block_room(size);
        enough = enough && room >= size;
        tight = tight && room - size <= size / 4;
        same = same && block_room(room) == room;
    }
    CHECK(enough, "a piece has room for what was asked for");
    CHECK(tight, "and wastes a quarter at the most");
    CHECK(same, "asking for all of the room gives the same piece");
    CHECK_NUMBER(block_room(100), 100, "small pieces have their own size");
    CHECK_NUMBER(block_room(32 * KB), 32 * KB, "powers of two fit");
    CHECK_NUMBER(block_room(32 * KB + 1), 40 * KB, "others are rounded up");
    CHECK_NUMBER(block_room(32 * MB), 32 * MB, "up to the largest");
    CHECK_NUMBER(block_room(32 * MB + 1), 32 * MB + 1, "and no further");
}

static void content_moves_along(void)
{
    static const size_t sizes[] = {1,       100,     31 * KB, 32 * KB, 40 * KB,
                                   41 * KB, 2 * MB,  9 * MB,  33 * MB, 34 * MB,
                                   10 * MB, 64 * KB, 20 * KB, 7};
    unsigned char *block = block_resize(NULL, 0, sizes[0]);
    size_t i, least;

    fill(block, sizes[0], 1);
    for (i = 1; i < sizeof sizes / sizeof *sizes; i++) {
        block = block_resize(block, sizes[i - 1], sizes[i]);
        least = sizes[i] < sizes[i - 1] ? sizes[i] : sizes[i - 1];
        CHECK(is_filled(block, least, (unsigned)i),
              "a piece keeps its content");
        fill(block, sizes[i], (unsigned)i + 1);
    }
    CHECK(block_resize(block, 7, 0) == NULL, "size 0 gives it back");
    CHECK(block_resize(NULL, 0, 0) == NULL, "nothing may be given back");
}

static void large_pieces_are_used_again(void)
{
    void *small, *block = block_resize(NULL, 0, 200 * KB), *again;

    CHECK(block_resize(block, 200 * KB, 201 * KB) == block,
          "a piece stays where it is while it fits");
    (void)block_resize(block, 201 * KB, 0);
    again = block_resize(NULL, 0, 210 * KB);
    if (!CHECK_SANITIZED)
        CHECK(again == block, "a piece that was given back is used again");
    small = block_resize(NULL, 0, 64 * KB);
    CHECK(small != again, "but not twice at once");
    (void)block_resize(small, 64 * KB, 0);
    (void)block_resize(again, 210 * KB, 0);
}

/* More than is kept: the rest goes to the allocator, and nothing is lost. */
static void not_everything_is_kept(void)
{
    void *blocks[40];
    size_t i;

    for (i = 0; i < 40; i++) {
        blocks[i] = block_resize(NULL, 0, 4 * MB);
        CHECK(blocks[i] != NULL, "pieces can be had");
    }
    for (i = 0; i < 40; i++)
        (void)block_resize(blocks[i], 4 * MB, 0);
}

static void memory_may_run_out(void)
{
    unsigned char *block = block_resize(NULL, 0, 1000);

    if (!no_memory_works()) {
        (void)block_resize(block, 1000, 0);
        return;
    }
    fill(block, 1000, 3);
    no_memory_from(1);
    CHECK(block_resize(NULL, 0, 48 * MB) == NULL, "making one can fail");
    CHECK(block_resize(block, 1000, 48 * MB) == NULL, "growing can fail");
    (void)no_memory_end();
    CHECK(is_filled(block, 1000, 3), "and leaves the piece as it is");
    (void)block_resize(block, 1000, 0);
}

/* ---- stress ---- */

/* Each thread owns what it has made: a piece that two have would show the
 * pattern of the other. */
static void make_and_give_back(struct guest *guest)
{
    struct random *random = &guest->random;
    unsigned char *blocks[8] = {NULL};
    size_t sizes[8] = {0}, size;
    unsigned round, i;

    for (round = 0; round < 400; round++) {
        i = (unsigned)random_below(random, 8);
        size = (size_t)random_below(random, 3) * 40 * KB;
        if (blocks[i] != NULL)
            CHECK(is_filled(blocks[i], sizes[i], i + (unsigned)sizes[i]),
                  "nobody else writes into a piece");
        blocks[i] = block_resize(blocks[i], sizes[i], size);
        sizes[i] = size;
        if (blocks[i] != NULL)
            fill(blocks[i], size, i + (unsigned)size);
    }
    for (i = 0; i < 8; i++)
        (void)block_resize(blocks[i], sizes[i], 0);
}

static void share_in_threads(struct random *random)
{
    crowd_play(make_and_give_back, random);
}

static void threads_share_what_is_kept(void)
{
    stress_rounds("block", STRESS_SCALED(5), share_in_threads);
}

static void all(void)
{
    check_part("sizes fit", sizes_fit);
    check_part("content moves along", content_moves_along);
    check_part("large pieces are used again", large_pieces_are_used_again);
    check_part("not everything is kept", not_everything_is_kept);
    check_part("memory may run out", memory_may_run_out);
    check_part("threads share what is kept", threads_share_what_is_kept);
}

int main(void)
{
    return check_program("block", all);
}
