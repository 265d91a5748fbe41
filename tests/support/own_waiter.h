/* SPDX-License-Identifier: MIT
 *
 * Part of a test in a thread of its own, whose waiter everybody knows.
 */
#ifndef TESTS_SUPPORT_OWN_WAITER_H
#define TESTS_SUPPORT_OWN_WAITER_H

#include "check.h"
#include "waiter.h"

static struct waiter *own;

static inline void *own_main(void *body)
{
    (void)waiter_adopt(own);
    return check_body(body);
}

static inline void with_own_waiter(void (*body)(void))
{
    own = waiter_new();
    check_join(check_start(own_main, &body));
    waiter_release(own);
}

#endif
