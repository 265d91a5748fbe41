/* SPDX-License-Identifier: MIT
 *
 * What is printed of a schedule: its last lines.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inside.h"

#define LINES 400

bool explore_tracing;

static char lines[LINES][200];
static unsigned line_count;

const char *explore_short_name(const char *file)
{
    const char *tail = strstr(file, "runtime/");

    if (tail == NULL)
        tail = strstr(file, "channels/");
    if (tail == NULL)
        tail = strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1;
    return tail;
}

void explore_note_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(lines[line_count++ % LINES], sizeof lines[0], format, arguments);
    va_end(arguments);
}

void explore_note_step(unsigned thread, const char *name,
                       const struct explore_site *site, const void *address)
{
    char place[64], memory[80], value[24] = "";

    snprintf(place, sizeof place, "%s:%d", explore_short_name(site->file),
             site->line);
    if (address != NULL && site->size == 8)
        snprintf(value, sizeof value, "(%#llx)",
                 *(const unsigned long long *)address);
    else if (address != NULL && site->size == 4)
        snprintf(value, sizeof value, "(%#x)", *(const unsigned *)address);
    explore_note("%6llu  %u %-10s %-26s %-22s %-16s %s %s",
                 (unsigned long long)explore_steps(), thread, name, place,
                 site->function, site->operation,
                 explore_memory_name(address, memory, sizeof memory), value);
}

void explore_trace_reset(void)
{
    line_count = 0;
}

void explore_trace_print(void)
{
    unsigned i = line_count < LINES ? 0 : line_count - LINES;

    fprintf(stderr, "    step  thread       place                      "
                    "function               operation        memory "
                    "(value before)\n");
    if (i > 0)
        fprintf(stderr, "  (the last %d of %u lines)\n", LINES, line_count);
    for (; i < line_count; i++)
        fprintf(stderr, "  %s\n", lines[i % LINES]);
}
