/* SPDX-License-Identifier: MIT
 *
 * Keeps code mapped that another Lua state, or a running thread, still needs.
 */
#ifndef RUNTIME_LIBRARY_H
#define RUNTIME_LIBRARY_H

#include <stdbool.h>

/* Keeps the shared object that contains `code` loaded for the rest of the
 * process. False: out of memory. Code that no shared object contains (the
 * program itself) needs no keeping. Any thread. */
bool library_pin(const void *code);

/* Whether one shared object, or the program, contains both. Any thread. */
bool library_is_one(const void *code, const void *other);

#endif
