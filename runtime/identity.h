/* SPDX-License-Identifier: MIT
 *
 * Which things an encoder has met already, and the number each one got: a hash
 * set of addresses. Numbers count from 0 in the order of the first meetings.
 */
#ifndef RUNTIME_IDENTITY_H
#define RUNTIME_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_FEW 64

struct identity_entry {
    const void *thing;
    uint32_t number;
};

/* Belongs to one thread. Small ones need no memory besides the structure. */
struct identity {
    struct identity_entry *entries;
    size_t slots;
    uint32_t count;
    struct identity_entry few[IDENTITY_FEW];
};

enum identity_answer {
    IDENTITY_NEW,
    IDENTITY_KNOWN,
    IDENTITY_NO_MEMORY
};

void identity_init(struct identity *identity);
void identity_destroy(struct identity *identity);

/* The number of a thing (not NULL), which it gets now if it is new. */
enum identity_answer identity_number(struct identity *identity,
                                     const void *thing, uint32_t *number);

/* Whether a thing (not NULL) has a number. */
bool identity_knows(const struct identity *identity, const void *thing);

#endif
