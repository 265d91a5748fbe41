/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <stddef.h>

#include "deadlock.h"
#include "live.h"
#include "threadlocal.h"

void handle_init(struct handle *handle, const struct handle_class *class)
{
    *handle = (struct handle){.class = class};
    refcount_init(&handle->references);
    live_born(LIVE_HANDLES);
}

void handle_retain(struct handle *handle)
{
    refcount_take(&handle->references);
}

bool handle_retain_if_alive(struct handle *handle)
{
    return refcount_take_if_any(&handle->references);
}

/* The handles that have lost their last reference in the calling thread while
 * it was destroying another one. */
static THREAD_LOCAL struct {
    bool busy;
    struct handle *first;
} dying;

static void destroy_all(struct handle *handle)
{
    dying.busy = true;
    while (handle != NULL) {
        live_gone(LIVE_HANDLES);
        handle->class->destroy(handle);
        handle = dying.first;
        if (handle != NULL)
            dying.first = handle->next;
    }
    dying.busy = false;
}

void handle_release(struct handle *handle)
{
    if (!refcount_give(&handle->references)) {
        deadlock_notice();
        return;
    }
    if (!dying.busy) {
        destroy_all(handle);
        return;
    }
    handle->next = dying.first;
    dying.first = handle;
}
