/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <ck_pr.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "handover.h"

#define SMALLEST ((size_t)32 << 10)
#define LARGEST ((size_t)32 << 20)
/* Four for each of the doublings in between, and the largest itself. */
#define SIZES (10 * 4 + 1)
#define SLOTS 256

#define MOST_KEPT (64u << 20)
#define HUGE_PAGE ((size_t)2 << 20)

/* ---- sizes ---- */

struct fit {
    size_t room;
    /* The number of the size; SIZES: none, the piece is not kept. */
    unsigned number;
};

static struct fit fit_for(size_t size)
{
    size_t step = SMALLEST / 4, steps;
    unsigned doublings = 0;

    if (size < SMALLEST || size > LARGEST)
        return (struct fit){size, SIZES};
    for (; size > 8 * step; step *= 2)
        doublings++;
    steps = (size + step - 1) / step;
    return (struct fit){steps * step, doublings * 4 + (unsigned)steps - 4};
}

size_t block_room(size_t size)
{
    return fit_for(size).room;
}

/* ---- what is kept ---- */

/* AddressSanitizer would not see that a piece is used after it was given back.
 */
#ifdef __SANITIZE_ADDRESS__
static void *take_kept(struct fit fit)
{
    (void)fit;
    return NULL;
}

static bool keep(struct fit fit, void *block)
{
    (void)fit;
    (void)block;
    return false;
}
#else
static struct {
    /* About how many are in the slots: a hint for whether to look. */
    unsigned count;
    void *slots[SLOTS];
} kept[SIZES];

static unsigned bytes_kept;

static void *take_kept(struct fit fit)
{
    unsigned i;
    void *block;

    if (fit.number == SIZES || ck_pr_load_uint(&kept[fit.number].count) == 0)
        return NULL;
    for (i = 0; i < SLOTS; i++) {
        if (ck_pr_load_ptr(&kept[fit.number].slots[i]) == NULL)
            continue;
        block = ck_pr_fas_ptr(&kept[fit.number].slots[i], NULL);
        if (block == NULL)
            continue;
        ck_pr_fence_acquire();
        HANDOVER_ACQUIRE(block);
        ck_pr_dec_uint(&kept[fit.number].count);
        ck_pr_sub_uint(&bytes_kept, (unsigned)fit.room);
        return block;
    }
    return NULL;
}

static bool put_into_slot(struct fit fit, void *block)
{
    unsigned i;

    HANDOVER_RELEASE(block);
    ck_pr_fence_release();
    for (i = 0; i < SLOTS; i++)
        if (ck_pr_load_ptr(&kept[fit.number].slots[i]) == NULL &&
            ck_pr_cas_ptr(&kept[fit.number].slots[i], NULL, block)) {
            ck_pr_inc_uint(&kept[fit.number].count);
            return true;
        }
    return false;
}

/* The bytes are counted first: together the threads never keep too many. */
static bool keep(struct fit fit, void *block)
{
    unsigned room = (unsigned)fit.room;

    if (fit.number == SIZES)
        return false;
    if (ck_pr_faa_uint(&bytes_kept, room) <= MOST_KEPT - room &&
        put_into_slot(fit, block))
        return true;
    ck_pr_sub_uint(&bytes_kept, room);
    return false;
}
#endif

/* ---- making and giving back ---- */

/* One fault for a huge page instead of hundreds. Only advice: whether it is
 * taken changes nothing but the time. */
static void *advised(void *block, size_t size)
{
#ifdef MADV_HUGEPAGE
    uintptr_t first = ((uintptr_t)block + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)block + size) & ~(HUGE_PAGE - 1);

    if (block != NULL && size >= 2 * HUGE_PAGE)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
    return block;
}

static void *make(struct fit fit)
{
    void *block = take_kept(fit);

    return block != NULL ? block : advised(malloc(fit.room), fit.room);
}

static void give_back(struct fit fit, void *block)
{
    if (!keep(fit, block))
        free(block);
}

/* What has to move moves into a piece that is kept, if there is one: then the
 * bytes are copied, but no memory is fresh. */
static void *move(void *block, struct fit from, struct fit to)
{
    void *moved = take_kept(to);

    if (moved != NULL) {
        memcpy(moved, block, from.room < to.room ? from.room : to.room);
        give_back(from, block);
        return moved;
    }
    moved = realloc(block, to.room);
    if (moved == NULL)
        return to.room < from.room ? block : NULL;
    return advised(moved, to.room);
}

void *block_resize(void *block, size_t old, size_t size)
{
    struct fit to = fit_for(size), from;

    if (block == NULL)
        return size == 0 ? NULL : make(to);
    from = fit_for(old);
    if (size == 0) {
        give_back(from, block);
        return NULL;
    }
    return from.room == to.room ? block : move(block, from, to);
}
