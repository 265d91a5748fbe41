/* SPDX-License-Identifier: MIT
 *
 * Open addressing with linear probing, at most half full. Addresses of objects
 * differ little in their high bits and not at all in their lowest; multiplying
 * by an odd constant spreads them over the bits that are taken as the slot.
 */
#include "identity.h"

#include <string.h>

#include "block.h"

void identity_init(struct identity *identity)
{
    identity->entries = identity->few;
    identity->slots = IDENTITY_FEW;
    identity->count = 0;
}

void identity_destroy(struct identity *identity)
{
    if (identity->entries != identity->few)
        (void)block_resize(identity->entries,
                           identity->slots * sizeof *identity->entries, 0);
}

/* The entry of the thing, or the empty one where it belongs. */
static struct identity_entry *find(struct identity_entry *entries, size_t slots,
                                   const void *thing)
{
    uint64_t hash = (uint64_t)(uintptr_t)thing * UINT64_C(0x9E3779B97F4A7C15);
    size_t slot = (size_t)(hash >> 32) & (slots - 1);

    while (entries[slot].thing != NULL && entries[slot].thing != thing)
        slot = (slot + 1) & (slots - 1);
    return &entries[slot];
}

static int grow(struct identity *identity)
{
    size_t slots = identity->slots * 4, i;
    struct identity_entry *entries, *old = identity->entries;

    entries = block_resize(NULL, 0, slots * sizeof *entries);
    if (entries == NULL)
        return 0;
    memset(entries, 0, slots * sizeof *entries);
    for (i = 0; i < identity->slots; i++)
        if (old[i].thing != NULL)
            *find(entries, slots, old[i].thing) = old[i];
    identity_destroy(identity);
    identity->entries = entries;
    identity->slots = slots;
    return 1;
}

enum identity_answer identity_number(struct identity *identity,
                                     const void *thing, uint32_t *number)
{
    struct identity_entry *entry;

    if (identity->count == 0)
        memset(identity->few, 0, sizeof identity->few);
    entry = find(identity->entries, identity->slots, thing);
    if (entry->thing == thing) {
        *number = entry->number;
        return IDENTITY_KNOWN;
    }
    if (identity->count >= identity->slots / 2) {
        if (!grow(identity))
            return IDENTITY_NO_MEMORY;
        entry = find(identity->entries, identity->slots, thing);
    }
    entry->thing = thing;
    entry->number = *number = identity->count++;
    return IDENTITY_NEW;
}

bool identity_knows(const struct identity *identity, const void *thing)
{
    return identity->count > 0 &&
           find(identity->entries, identity->slots, thing)->thing == thing;
}
