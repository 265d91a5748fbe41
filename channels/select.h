/* SPDX-License-Identifier: MIT
 *
 * Receiving from whichever of several channels has a message.
 *
 * A thread that selects is in the list of each channel and is woken once, by
 * the first message (runtime/waitpoint.h). Another thread may be faster; then
 * it looks again. Where the search begins is the caller's choice: beginning
 * elsewhere each time keeps a busy channel from starving the others.
 */
#ifndef CHANNELS_SELECT_H
#define CHANNELS_SELECT_H

#include "channel.h"

/* Takes the oldest message of a channel that has one, or finds one that is
 * closed and empty (CHANNEL_CLOSED), looking from number `start` on; *which is
 * its number. channel_await() has filled the places. The results are those of
 * channel_receive(). Any thread that has references to all of them. */
enum channel_result select_receive(struct wait_for *places, unsigned count,
                                   unsigned start,
                                   const struct deadline *deadline,
                                   unsigned *which, struct message **message);

#endif
