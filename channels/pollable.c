/* SPDX-License-Identifier: MIT */
#include "pollable.h"

#include <ck_pr.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "handover.h"
#include "lockword.h"

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

/* ---- agreement ---- */

/* Neither blocks. There are as many units in it as threads are here, at the
 * most, and all are taken out. */
static void put_unit(const struct pollable *pollable)
{
    uint64_t unit = 1;
    ssize_t done;

    do {
        done = write(ck_pr_load_int(&pollable->write_end), &unit, sizeof unit);
    } while (done < 0 && errno == EINTR);
}

static void take_units(const struct pollable *pollable)
{
    int end = ck_pr_load_int(&pollable->descriptor) - 1;
    uint64_t units[8];
    ssize_t done;

    do {
        done = read(end, units, sizeof units);
    } while (done == (ssize_t)sizeof units || (done < 0 && errno == EINTR));
}

/* What the caller has written to `shown`, and whatever others have written
 * since. */
static void show(struct pollable *pollable, unsigned shown)
{
    unsigned done;

    do {
        done = shown;
        if (done)
            put_unit(pollable);
        else
            take_units(pollable);
        /* Whoever changes it after this look writes or reads after us. */
        ck_pr_fence_memory();
        shown = ck_pr_load_uint(&pollable->shown);
    } while (shown != done);
}

/* After a full fence: the caller's change, or what it has published, comes
 * before the look at `shown`. */
static void agree(struct pollable *pollable, bool (*condition)(const void *),
                  const void *thing)
{
    unsigned wanted = condition(thing);

    while (ck_pr_load_uint(&pollable->shown) != wanted) {
        if (ck_pr_cas_uint(&pollable->shown, !wanted, wanted))
            show(pollable, wanted);
        /* The compare-and-swap comes before the look at the condition. */
        ck_pr_fence_memory();
        wanted = condition(thing);
    }
}

void pollable_update(struct pollable *pollable, bool (*condition)(const void *),
                     const void *thing)
{
    ck_pr_fence_atomic_load();
    if (ck_pr_load_int(&pollable->descriptor) == 0)
        return;
    /* The descriptor before the end to write to. */
    ck_pr_fence_load();
    HANDOVER_ACQUIRE(pollable);
    agree(pollable, condition, thing);
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
        ck_pr_store_int(&pollable->write_end, ends[1]);
        HANDOVER_RELEASE(pollable);
        ck_pr_fence_release();
        ck_pr_store_int(&pollable->descriptor, ends[0] + 1);
    } else {
        close_pair(ends);
    }
    lockword_unlock_idle(&pollable->word);
    ck_pr_fence_memory();
    agree(pollable, condition, thing);
    return ck_pr_load_int(&pollable->descriptor) - 1;
}
