/* SPDX-License-Identifier: MIT */
#include "pollable.h"

#include <ck_pr.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "lockword.h"

#define LOOK_AGAIN 2u

/* ---- the descriptor ---- */

#if defined(__linux__) && !defined(POLLABLE_PIPE)
#include <sys/eventfd.h>

static int open_pair(int ends[2])
{
    ends[0] = ends[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return ends[0] < 0 ? -errno : 0;
}
#else
#include <fcntl.h>

static int open_pair(int ends[2])
{
    int i;

    if (pipe(ends) != 0)
        return -errno;
    for (i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}
#endif

static void close_pair(const int ends[2])
{
    close(ends[0]);
    if (ends[1] != ends[0])
        close(ends[1]);
}

void pollable_init(struct pollable *pollable)
{
    *pollable = (struct pollable){0};
}

void pollable_destroy(struct pollable *pollable)
{
    int ends[2] = {pollable->descriptor - 1, pollable->write_end};

    if (pollable->descriptor != 0)
        close_pair(ends);
}

/* Neither blocks: at most one unit is in the descriptor. */
static void show(struct pollable *pollable, bool readable)
{
    uint64_t unit = 1;
    ssize_t done;

    if (readable)
        done = write(pollable->write_end, &unit, sizeof unit);
    else
        done = read(pollable->descriptor - 1, &unit, sizeof unit);
    if (done == (ssize_t)sizeof unit)
        pollable->readable = readable;
}

/* ---- agreement ---- */

static void look(struct pollable *pollable, bool (*condition)(const void *),
                 const void *thing)
{
    bool wanted;

    ck_pr_and_uint(&pollable->word, ~LOOK_AGAIN);
    ck_pr_fence_memory();
    wanted = condition(thing);
    if (wanted != pollable->readable)
        show(pollable, wanted);
}

/* With the lock in hands; gives it back. */
static void look_and_unlock(struct pollable *pollable,
                            bool (*condition)(const void *), const void *thing)
{
    unsigned word;

    do {
        look(pollable, condition, thing);
    } while (!lockword_try_unlock(&pollable->word, &word));
}

void pollable_update(struct pollable *pollable, bool (*condition)(const void *),
                     const void *thing)
{
    ck_pr_fence_atomic_load();
    if (ck_pr_load_int(&pollable->descriptor) == 0)
        return;
    ck_pr_or_uint(&pollable->word, LOOK_AGAIN);
    if (lockword_try_lock(&pollable->word))
        look_and_unlock(pollable, condition, thing);
}

int pollable_open(struct pollable *pollable, bool (*condition)(const void *),
                  const void *thing)
{
    int ends[2], error;

    if (ck_pr_load_int(&pollable->descriptor) != 0)
        return ck_pr_load_int(&pollable->descriptor) - 1;
    error = open_pair(ends);
    if (error != 0)
        return error;
    lockword_lock(&pollable->word);
    if (pollable->descriptor == 0) {
        pollable->write_end = ends[1];
        ck_pr_fence_release();
        ck_pr_store_int(&pollable->descriptor, ends[0] + 1);
    } else {
        close_pair(ends);
    }
    look_and_unlock(pollable, condition, thing);
    return pollable->descriptor - 1;
}
