/* SPDX-License-Identifier: MIT
 *
 * Memory by the piece; large pieces are used again.
 *
 * Overview
 * --------
 * Fresh memory is dear. The kernel hands it out page by page, each at its first
 * use, with a fault and full of zeros, and the C library gives large pieces
 * back to the kernel as soon as they are free. Passing values between threads
 * is all large pieces: a message is written once, read once and gone; a state
 * grows, is closed, and the next one grows in its place. So pieces of 32 KB and
 * more are kept when they are given back, for whoever needs one next, in
 * whatever thread. 64 MB are kept at the most in the whole process.
 *
 * The pieces of 32 MB and less come in sizes, four to each doubling, so that
 * one fits where another was; what is larger has its own size and is not kept.
 * All of them come from malloc() in the end. Where the kernel can back a piece
 * with huge pages, it is asked to.
 *
 * Why it needs no lock
 * --------------------
 * Each size has a few slots. A piece is put into an empty slot by a
 * compare-and-swap and taken out by a swap, so that it has one owner at any
 * time; nothing is read in a piece that is not owned, hence no ABA problem. A
 * thread that is stopped in here delays nobody.
 */
#ifndef RUNTIME_BLOCK_H
#define RUNTIME_BLOCK_H

#include <stddef.h>

/* Changes the size of a piece, like realloc(), but knows the old one: `block`
 * has been made with `old` bytes (NULL: it is to be made, and `old` does not
 * count). With `size` 0 it is given back, and the result is NULL. Otherwise
 * NULL means that memory is exhausted; then the piece is as before. Making a
 * piece smaller never fails. Any thread that owns the piece. */
void *block_resize(void *block, size_t old, size_t size);

/* How many bytes can be used in a piece that is made with `size`: asking for
 * that many gives a piece of the same size. */
size_t block_room(size_t size);

#endif
