/* SPDX-License-Identifier: MIT
 *
 * Makes the n-th allocation fail, whoever asks for it.
 *
 * Overview
 * --------
 * Everything that can fail for want of memory, or of another resource, goes
 * through here: malloc() and its relatives, the allocator of the parent's Lua
 * state, that of the children's (runtime/heap.h), and the functions with which
 * the library asks the system for threads, keys, descriptors and objects. They
 * are counted in one row, and the n-th fails: alone, or with all that follow.
 *
 * Two sides are told apart: the parent, which is the thread that runs the
 * attempt, and its children, which are all other threads. One side fails at a
 * time, so that an attempt is the same whenever it is repeated. Of the children
 * it may be all of their lives, or what comes after one of them has called
 * faults_here().
 *
 * How the calls get here
 * ----------------------
 * In a program of our own the linker replaces them (--wrap), under
 * AddressSanitizer too. In the stock interpreter this file is a library that is
 * preloaded (FAULTS_PRELOAD), which reaches what the linker cannot: the
 * interpreter's own states, the dynamic linker, the C library.
 *
 * What is left behind
 * -------------------
 * Blocks that were allocated since faults_watch(true) and not freed are known
 * by their address, size and caller.
 */
#ifndef TESTS_OOM_FAULTS_H
#define TESTS_OOM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

enum fault_kind {
    /* The allocator of the parent's Lua state. */
    FAULT_LUA,
    /* That of the children's. */
    FAULT_HEAP,
    /* malloc() and relatives. */
    FAULT_MEMORY,
    /* Threads, keys, descriptors, shared objects. */
    FAULT_SYSTEM,
    FAULT_KINDS
};

enum fault_side {
    /* What a thread is unless it says otherwise. */
    FAULT_CHILD,
    FAULT_PARENT,
    /* The driver, whose calls never fail. */
    FAULT_NOBODY
};

struct fault_plan {
    enum fault_side side;
    /* Counted from 1. */
    unsigned long n;
    bool for_good;
    /* Nothing counts before faults_here(). */
    bool gated;
};

/* The calling thread is of this side from now on. */
void faults_i_am(enum fault_side side);

void faults_arm(const struct fault_plan *plan);

/* For a child: from now on what it does counts. */
void faults_here(void);

/* How many calls have failed since faults_arm(). */
unsigned faults_disarm(void);

/* How many of a kind have failed since the process began, and who has called
 * the function that failed last. */
unsigned long faults_failed(enum fault_kind kind);
void *faults_last_caller(void);

/* Counts a call, and says whether it has to fail. */
bool faults_strike(enum fault_kind kind, void *caller);

/* ---- blocks ---- */

struct fault_block {
    void *address;
    size_t size;
    void *caller;
};

/* Blocks count that are allocated from now on, or go on to count. */
void faults_watch(bool afresh);

/* Writes down as many of those that are left as there is room for, and returns
 * how many these are. Those that are excused do not count. */
unsigned faults_left(struct fault_block *left, unsigned room,
                     bool (*excused)(const struct fault_block *));

/* ---- what is written to stderr ---- */

/* What children have reported since the last call, as one text that the next
 * call overwrites. */
const char *faults_reports(size_t *length);

#endif
