/* SPDX-License-Identifier: MIT
 *
 * The register is the C library's search tree, under a mutex: names are
 * looked up when threads find each other, not when messages pass.
 */
#include "name.h"

#include <search.h>
#include <string.h>

#include "mutex.h"

static void *root;

static int compare(const void *one, const void *other)
{
    const struct channel *a = one, *b = other;

    if (a->name_length != b->name_length)
        return a->name_length < b->name_length ? -1 : 1;
    return memcmp(a->name, b->name, a->name_length);
}

enum channel_result name_register(struct channel *channel)
{
    enum channel_result result = CHANNEL_OK;
    struct channel **entry, *other = NULL;

    mutex_lock(MUTEX_NAMES);
    entry = tsearch(channel, &root, compare);
    if (entry == NULL)
        result = CHANNEL_NO_MEMORY;
    else if (*entry != channel && handle_retain_if_alive(&(*entry)->handle))
        other = *entry;
    else
        *entry = channel;
    mutex_unlock(MUTEX_NAMES);
    if (other == NULL)
        return result;
    /* This may be the last reference by now, and destroying takes the mutex. */
    handle_release(&other->handle);
    return CHANNEL_NAME_TAKEN;
}

void name_forget(struct channel *channel)
{
    struct channel **entry;

    mutex_lock(MUTEX_NAMES);
    entry = tfind(channel, &root, compare);
    if (entry != NULL && *entry == channel)
        tdelete(channel, &root, compare);
    mutex_unlock(MUTEX_NAMES);
}

struct channel *name_find(const char *name, size_t length)
{
    struct channel key = {.name = (char *)(uintptr_t)name,
                          .name_length = length};
    struct channel **entry, *channel = NULL;

    mutex_lock(MUTEX_NAMES);
    entry = tfind(&key, &root, compare);
    if (entry != NULL && handle_retain_if_alive(&(*entry)->handle))
        channel = *entry;
    mutex_unlock(MUTEX_NAMES);
    return channel;
}
