/* SPDX-License-Identifier: MIT
 *
 * File descriptors: which are open, and which readable.
 */
#ifndef TESTS_SUPPORT_DESCRIPTORS_H
#define TESTS_SUPPORT_DESCRIPTORS_H

#include <fcntl.h>
#include <poll.h>

#include "check.h"

#define MOST_DESCRIPTORS 200

static inline bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) != -1;
}

static inline int count_open(void)
{
    int count = 0, descriptor;

    for (descriptor = 0; descriptor < MOST_DESCRIPTORS; descriptor++)
        count += is_open(descriptor);
    return count;
}

static inline bool is_readable(int descriptor)
{
    struct pollfd request = {.fd = descriptor, .events = POLLIN};

    return poll(&request, 1, 0) == 1 && request.revents == POLLIN;
}

/* Sleeps until it is. */
static inline void wait_readable(int descriptor)
{
    struct pollfd request = {.fd = descriptor, .events = POLLIN};

    if (poll(&request, 1, (int)(check_patience() * 500)) != 1)
        CHECK(false, "what is ready shows, so that nobody sleeps on");
}

#endif
