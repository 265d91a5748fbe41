/* SPDX-License-Identifier: MIT
 *
 * Store buffers.
 *
 * They are kept the other way round. In memory is what the running thread sees,
 * its own buffered stores included, so that its ordinary loads see them too.
 * When it loses the processor its stores are undone, youngest first, and when
 * it gets it back they are done again. A store leaves the buffer by being
 * forgotten.
 */
#include <string.h>

#include "inside.h"

static uint64_t read_word(const void *word, unsigned size)
{
    uint64_t value = 0;

    if (size == 4)
        return *(const uint32_t *)word;
    if (size == 8)
        return *(const uint64_t *)word;
    memcpy(&value, word, size);
    return value;
}

static void write_word(void *word, uint64_t value, unsigned size)
{
    if (size == 4)
        *(uint32_t *)word = (uint32_t)value;
    else if (size == 8)
        *(uint64_t *)word = value;
    else
        memcpy(word, &value, size);
}

static void drop_oldest(struct explore_stores *stores, unsigned *count)
{
    memmove(&stores->oldest[0], &stores->oldest[1],
            --*count * sizeof stores->oldest[0]);
}

void explore_stores_undo(struct explore_stores *stores)
{
    unsigned i;

    stores->count = explore_now.buffered;
    for (i = stores->count; i-- > 0;) {
        struct explore_stored *stored = &stores->oldest[i];

        stored->value = read_word(stored->word, stored->size);
        write_word(stored->word, stored->before, stored->size);
    }
}

void explore_stores_redo(struct explore_stores *stores)
{
    unsigned i;

    explore_now.buffered = stores->count;
    for (i = 0; i < stores->count; i++) {
        struct explore_stored *stored = &stores->oldest[i];

        explore_alive(stored->word);
        stored->before = read_word(stored->word, stored->size);
        write_word(stored->word, stored->value, stored->size);
    }
}

void explore_stores_add(struct explore_stores *stores, void *word,
                        unsigned size)
{
    if (explore_now.buffered == EXPLORE_BUFFER)
        drop_oldest(stores, &explore_now.buffered);
    stores->oldest[explore_now.buffered++] =
        (struct explore_stored){word, size, 0, read_word(word, size)};
}

void explore_stores_let_through(struct explore_stores *stores,
                                const void *block, size_t size)
{
    unsigned i, last = 0;

    for (i = 0; i < explore_now.buffered; i++)
        if ((uintptr_t)stores->oldest[i].word - (uintptr_t)block < size)
            last = i + 1;
    for (; last > 0; last--)
        drop_oldest(stores, &explore_now.buffered);
}

void explore_stores_let_one_through(struct explore_stores *stores)
{
    struct explore_stored *stored = &stores->oldest[0];

    explore_alive(stored->word);
    write_word(stored->word, stored->value, stored->size);
    drop_oldest(stores, &stores->count);
}
