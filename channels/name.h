/* SPDX-License-Identifier: MIT
 *
 * The names of channels in this process: weak references, which keep nothing
 * alive.
 *
 * A channel whose last reference has been given back stays in the register
 * for the moment until it is destroyed; to everybody else it is gone, because
 * a reference to it can no longer be had. Its name may be taken in this moment
 * already; so a channel leaves only if the name is still its own.
 */
#ifndef CHANNELS_NAME_H
#define CHANNELS_NAME_H

#include "channel.h"

/* Registers a channel under its name. CHANNEL_OK, CHANNEL_NAME_TAKEN or
 * CHANNEL_NO_MEMORY. Any thread. */
enum channel_result name_register(struct channel *channel);

/* Forgets it. Once for each registered channel, when it is destroyed. */
void name_forget(struct channel *channel);

/* The living channel of a name, with a reference for the caller; NULL: none.
 * Any thread. */
struct channel *name_find(const char *name, size_t length);

#endif
