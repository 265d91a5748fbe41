/* SPDX-License-Identifier: MIT
 *
 * Event descriptors: a count, and whether they are open.
 */
#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "inside.h"

#define DESCRIPTORS 16
#define FIRST 100

static struct {
    bool open;
    unsigned units;
} descriptors[DESCRIPTORS];
static unsigned descriptor_count;

void explore_descriptors_reset(void)
{
    memset(descriptors, 0, descriptor_count * sizeof descriptors[0]);
    descriptor_count = 0;
}

static unsigned number_of(int descriptor)
{
    unsigned number = (unsigned)(descriptor - FIRST);

    if (number >= descriptor_count || !descriptors[number].open)
        explore_fail("%s:%d: %s: uses a descriptor that is not open",
                     explore_now.site->file, explore_now.site->line,
                     explore_now.site->function);
    return number;
}

int explore_eventfd(void);
int explore_eventfd(void)
{
    explore_step(NULL);
    if (descriptor_count == DESCRIPTORS)
        explore_fail("too many descriptors for one schedule");
    descriptors[descriptor_count].open = true;
    return FIRST + (int)descriptor_count++;
}

ssize_t explore_write(int descriptor);
ssize_t explore_write(int descriptor)
{
    explore_step(NULL);
    if (descriptors[number_of(descriptor)].units++ > EXPLORE_THREADS)
        explore_fail("more and more is written to a descriptor");
    return sizeof(uint64_t);
}

ssize_t explore_read(int descriptor);
ssize_t explore_read(int descriptor)
{
    unsigned number;

    explore_step(NULL);
    number = number_of(descriptor);
    if (descriptors[number].units == 0) {
        errno = EAGAIN;
        return -1;
    }
    descriptors[number].units = 0;
    return sizeof(uint64_t);
}

int explore_close(int descriptor);
int explore_close(int descriptor)
{
    explore_step(NULL);
    descriptors[number_of(descriptor)].open = false;
    return 0;
}

bool explore_readable(int descriptor)
{
    return descriptors[number_of(descriptor)].units > 0;
}

void explore_descriptors_check(void)
{
    unsigned i;

    for (i = 0; i < descriptor_count; i++)
        if (descriptors[i].open)
            explore_fail("a descriptor was never closed");
}
