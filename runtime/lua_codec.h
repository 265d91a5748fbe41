/* SPDX-License-Identifier: MIT
 *
 * Lua values to messages and back.
 *
 * Overview
 * --------
 * A message holds values one after the other, each a tag and what belongs to
 * it, in the byte order of the machine:
 *
 *   nil, false, true, integers and floats apart, strings with their length
 *   table      sizes of array and hash part, the values of the array part,
 *              then key and value of each other field
 *   C function its address, how many upvalues it has, these
 *   built-in function that is not one, or has an environment: its name
 *   light userdata, its address
 *   handle     its number in the message, which keeps it alive
 *   reference  the number of a table or closure that came before
 *   kept string, the number of a place where one that came before is kept
 *
 * Only the raw content of a table travels; metatables and metamethods do not
 * count. Tables, and C functions that have upvalues (in 5.1 all of them), are
 * numbered in the order in which they first appear in the message, so that
 * cycles, shared tables and tables as keys keep their identity across all
 * values of one message.
 *
 * Strings that are met again and again, such as the names of fields, are sent a
 * second time with a place, then by their place alone (lua_codec_texts.h). The
 * receiver keeps them on its stack, below the values.
 *
 * The sizes let the receiver allocate each table once. Values are written in
 * one pass; a table's sizes are filled in when it has been walked.
 *
 * A long string need not be copied twice. Where the maker of a message promises
 * to keep its values until the message has been read (`lends`), strings of
 * CODEC_LENT bytes and more that are values themselves, not in tables, stay
 * where they are, and the receiver copies them from there. Threads do so with
 * arguments and results, whose states outlast the message.
 *
 * Use
 * ---
 * Encoding touches nothing but the message, and the stack of its Lua state up
 * to where it was. It makes no Lua objects and never raises (deep values may
 * make the stack grow; if that fails the result says so), and may be called
 * with bare resources in hand, and CODEC_SLOTS free slots of the stack.
 * Decoding makes Lua objects and so may raise; the message stays as it is, and
 * a second attempt finds it whole. Both belong to the thread that runs the Lua
 * state.
 *
 * Bytes from anywhere
 * -------------------
 * The bytes of a message may be kept in a file, or sent to another process on
 * a machine of the same kind, if no address, handle or lent text is in them.
 * They are all that codec_decode_bytes() needs, and it believes nothing of
 * what they say. It rejects what is not well-formed, and whatever has a meaning
 * only in the process that made it; nothing outside of the bytes is ever read;
 * values lie no deeper than CODEC_MAX_DEPTH; and what Lua allocates is
 * proportional to the bytes, some 50 times their number at the most. So is the
 * time, as far as it is ours: keys that are numbers may be chosen so that they
 * collide in a table of Lua, which then takes time for each of them that grows
 * with their number. Whoever reads from strangers limits the size.
 *
 * codec_decode() makes the same checks. There they cost nothing that could be
 * measured, and a message that is damaged is an error, too; but it cannot know
 * a wrong address.
 */
#ifndef RUNTIME_LUA_CODEC_H
#define RUNTIME_LUA_CODEC_H

#include <stdbool.h>

#include "lua_compat.h"
#include "message.h"

/* The values of a message are at depth 1, what they contain at depth 2, and so
 * on; this is the last depth that may travel. */
#define CODEC_MAX_DEPTH 100

/* A C function has more of them when it begins. */
#define CODEC_SLOTS 10

/* From this length on a string may be lent. */
#define CODEC_LENT 65536

enum codec_policy {
    /* A value that cannot travel fails the message. */
    CODEC_STRICT,
    /* It becomes a string that says what it was. */
    CODEC_LENIENT
};

enum codec_problem {
    CODEC_UNSUPPORTED,
    CODEC_TOO_DEEP,
    CODEC_NO_MEMORY
};

/* Why a message could not be made. */
struct codec_fault {
    enum codec_problem problem;
    /* The stack index of the value that was being encoded. */
    int index;
    /* What cannot travel, and where it is inside that value; "" if it is the
     * value itself. */
    const char *what;
    char place[200];
};

/* Puts the values at the stack indices first..last into the message, which is
 * empty. False: `fault` says why, and the message holds an unspecified part of
 * them. Never raises. */
bool codec_encode(lua_State *L, int first, int last, enum codec_policy policy,
                  struct message *message, struct codec_fault *fault);

/* Whether the value at a stack index is lent by a message that lends. */
bool codec_is_lent(lua_State *L, int index);

/* Pushes the values of the message and returns how many. Raises when memory,
 * or the stack, is exhausted, or the message is malformed. */
int codec_decode(lua_State *L, const struct message *message);

/* The same for bytes of a message alone, wherever they come from. All of them
 * are values. */
int codec_decode_bytes(lua_State *L, const void *bytes, size_t size);

/* Pushes what the fault is, in words; an argument number is the caller's to
 * add. May raise for want of memory. */
void codec_push_fault(lua_State *L, const struct codec_fault *fault);

/* Raises the fault of arguments of a function: an argument error if a value
 * cannot travel. */
int codec_raise(lua_State *L, const struct codec_fault *fault,
                const char *function);

#endif
