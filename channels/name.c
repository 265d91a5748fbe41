/* SPDX-License-Identifier: MIT
 *
 * The register is the C library's search tree, under a mutex: names are
 * looked up when threads find each other, not when messages pass.
 */
#include "name.h"

#include <pthread.h>
#include <search.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
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

    pthread_mutex_lock(&mutex);
    entry = tsearch(channel, &root, compare);
    if (entry == NULL)
        result = CHANNEL_NO_MEMORY;
    else if (*entry != channel && handle_retain_if_alive(&(*entry)->handle))
        other = *entry;
    else
        *entry = channel;
    pthread_mutex_unlock(&mutex);
    if (other == NULL)
        return result;
    /* This may be the last reference by now, and destroying takes the mutex. */
    handle_release(&other->handle);
    return CHANNEL_NAME_TAKEN;
}

void name_forget(struct channel *channel)
{
    struct channel **entry;

    pthread_mutex_lock(&mutex);
    entry = tfind(channel, &root, compare);
    if (entry != NULL && *entry == channel)
        tdelete(channel, &root, compare);
    pthread_mutex_unlock(&mutex);
}

struct channel *name_find(const char *name, size_t length)
{
    struct channel key = {.name = (char *)(uintptr_t)name,
                          .name_length = length};
    struct channel **entry, *channel = NULL;

    pthread_mutex_lock(&mutex);
    entry = tfind(&key, &root, compare);
    if (entry != NULL && handle_retain_if_alive(&(*entry)->handle))
        channel = *entry;
    pthread_mutex_unlock(&mutex);
    return channel;
}
