/* SPDX-License-Identifier: MIT
 *
 * Things that may travel in a message: one object in the process, counted by
 * the Lua states that have it and the messages that carry it.
 *
 * A kind of handle embeds `struct handle` as its first member and gives it a
 * class. The engine moves handles without knowing what they are; the Lua side
 * finds in `binding` how a state gets to hold one.
 */
#ifndef RUNTIME_HANDLE_H
#define RUNTIME_HANDLE_H

#include <stdbool.h>

#include "refcount.h"

struct handle;
/* runtime/lua_handle.h; unknown here. */
struct lua_handle_binding;

struct handle_class {
    /* What users call it. */
    const char *name;
    /* Frees the object. Called once, by whichever thread lets go last. */
    void (*destroy)(struct handle *handle);
    /* Ends all waits for it, and those to come, as nobody can ever satisfy
     * them; NULL: nobody waits for such a thing. Any thread that has it. */
    void (*give_up)(struct handle *handle);
    /* Calls `count` for each reference to another handle that whoever has this
     * one might come by; NULL: there are none. Any thread that has it. */
    void (*each_within)(struct handle *handle, void (*count)(struct handle *));
    /* What the Lua side knows of this kind. */
    const struct lua_handle_binding *binding;
};

struct handle {
    const struct handle_class *class;
    struct refcount references;
    /* Among those that wait for their destruction. */
    struct handle *next;
    /* Whether threads can come by it without being given it, by a name; fixed
     * before it is shared. */
    bool findable;
    /* For runtime/deadlock.h: how many references it could account for in its
     * latest count, the next that was met in that count, in which search it was
     * found to have others, and whether a last wait needs it. */
    unsigned counted;
    unsigned long counted_in, exposed_in;
    struct handle *counted_next;
    bool needed;
};

/* Makes the caller the first holder. Before the object is shared. */
void handle_init(struct handle *handle, const struct handle_class *class);

/* Another reference. Any thread that holds one. */
void handle_retain(struct handle *handle);

/* The same for a register that holds no reference: false if the last one has
 * been given back. Any thread, while the register keeps destroy() waiting. */
bool handle_retain_if_alive(struct handle *handle);

/* Gives a reference back; the last one destroys the object. Any thread, without
 * locks.
 * Destroying one may let go of others, and so on along a chain of any length:
 * they are destroyed one after the other, not one inside of the other. */
void handle_release(struct handle *handle);

#endif
