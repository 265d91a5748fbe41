/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include "live.h"

void handle_init(struct handle *handle, const struct handle_class *class)
{
    handle->class = class;
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

void handle_release(struct handle *handle)
{
    if (!refcount_give(&handle->references))
        return;
    live_gone(LIVE_HANDLES);
    handle->class->destroy(handle);
}
