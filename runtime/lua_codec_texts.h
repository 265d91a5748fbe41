/* SPDX-License-Identifier: MIT
 *
 * Strings that an encoder meets again and again: names of fields, and values
 * such as states and kinds.
 *
 * A string is known by its address: while a message is encoded no string is
 * made, so one that lies where one lay before is that one. (Two equal long
 * strings may lie apart; then each is sent, which does no harm.) Each
 * address has one of a few entries where it may be remembered. At the second
 * meeting the string is sent along with a place, where the receiver keeps it
 * from then on; from the third on the place is enough. So strings that are met
 * once cost the receiver nothing.
 *
 * A string that has been sent with a place survives one other that wants its
 * entry between two of its own meetings: the many that come once do not drive
 * out the few that come often. Places are numbered as they are first needed,
 * and belong to their entries: the next string there takes over the place.
 */
#ifndef RUNTIME_LUA_CODEC_TEXTS_H
#define RUNTIME_LUA_CODEC_TEXTS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A power of two; at most 255 are told apart by one byte. */
#define TEXTS_BITS 7

struct text_entry {
    const char *text;
    /* One more than the number of its place; 0 if it has none. */
    uint8_t place;
    /* The receiver has it. */
    bool kept;
    /* It has been met since another one wanted the entry. */
    bool wanted;
};

struct texts {
    /* How many places there are. */
    uint8_t places;
    struct text_entry entries[1 << TEXTS_BITS];
};

enum texts_answer {
    TEXTS_SEND,
    TEXTS_SEND_AND_KEEP,
    TEXTS_KEPT
};

static inline void texts_init(struct texts *texts)
{
    memset(texts, 0, sizeof *texts);
}

static inline struct text_entry *texts_entry(struct texts *texts,
                                             const char *text)
{
    uint32_t hash = (uint32_t)((uintptr_t)text >> 3) * UINT32_C(2654435769);

    return &texts->entries[hash >> (32 - TEXTS_BITS)];
}

/* Someone else wants the entry. */
static inline void texts_challenge(struct text_entry *entry, const char *text)
{
    if (entry->wanted) {
        entry->wanted = false;
        return;
    }
    entry->text = text;
    entry->kept = false;
}

/* What to send of a string that has been met, and its place. */
static inline enum texts_answer texts_meet(struct texts *texts,
                                           const char *text, uint8_t *place)
{
    struct text_entry *entry = texts_entry(texts, text);
    bool kept = entry->kept;

    if (entry->text != text) {
        texts_challenge(entry, text);
        return TEXTS_SEND;
    }
    if (entry->place == 0)
        entry->place = ++texts->places;
    *place = (uint8_t)(entry->place - 1);
    entry->kept = entry->wanted = true;
    return kept ? TEXTS_KEPT : TEXTS_SEND_AND_KEEP;
}

#endif
