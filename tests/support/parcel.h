/* SPDX-License-Identifier: MIT
 *
 * A kind of handle for tests, which knows when it is destroyed.
 */
#ifndef TESTS_SUPPORT_PARCEL_H
#define TESTS_SUPPORT_PARCEL_H

#include "check.h"
#include "handle.h"

struct parcel {
    struct handle handle;
    unsigned number;
};

static atomic_uint parcels_destroyed;

static inline void parcel_destroy(struct handle *handle)
{
    atomic_fetch_add(&parcels_destroyed, 1);
    free(handle);
}

/* Another file may define what Lua knows of parcels. */
#ifndef PARCEL_BINDING
#define PARCEL_BINDING NULL
#endif

static const struct handle_class parcel_class = {
    .name = "parcel",
    .destroy = parcel_destroy,
    .binding = PARCEL_BINDING,
};

static inline struct handle *parcel_new(unsigned number)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);

    parcel->number = number;
    handle_init(&parcel->handle, &parcel_class);
    return &parcel->handle;
}

/* How many hold it. Only where no other thread is at it. */
static inline unsigned parcel_holders(const struct handle *handle)
{
    return handle->references.holders;
}

#endif
