/* SPDX-License-Identifier: MIT */
#include "live.h"

#include <ck_pr.h>

static unsigned counts[LIVE_KINDS];

void live_born(enum live_kind kind)
{
    ck_pr_inc_uint(&counts[kind]);
}

void live_gone(enum live_kind kind)
{
    ck_pr_dec_uint(&counts[kind]);
}

unsigned live_count(enum live_kind kind)
{
    return ck_pr_load_uint(&counts[kind]);
}

const char *live_name(enum live_kind kind)
{
    static const char *const names[LIVE_KINDS] = {
        [LIVE_THREADS] = "threads",     [LIVE_MESSAGES] = "messages",
        [LIVE_MAILBOXES] = "mailboxes", [LIVE_HANDLES] = "handles",
        [LIVE_WAITERS] = "waiters",
    };

    return names[kind];
}
