/* SPDX-License-Identifier: MIT
 *
 * What the fuzzing programs are made of.
 *
 * A program is one function, LLVMFuzzerTestOneInput(), that gets bytes, tries
 * something with them, and does not come back if a promise is broken. libFuzzer
 * finds the bytes (build `fuzz`); driver.c replays those that were found
 * (everywhere else). Lua states live as long as the program, and after each
 * input everything that it has made must be gone.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua_codec.h"
#include "lua_compat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- promises ---- */

_Noreturn void fuzz_broken(const char *sentence, const char *file, int line);

#define MUST(holds, sentence)                                                  \
    do {                                                                       \
        if (!(holds))                                                          \
            fuzz_broken((sentence), __FILE__, __LINE__);                       \
    } while (0)

/* ---- Lua states (sides.c) ---- */

/* A Lua state without libraries, and the bytes it has allocated. */
struct side {
    lua_State *L;
    size_t used, peak, limit;
    /* What was used after a collection when the program was warm. */
    size_t baseline;
};

extern struct side sender, receiver;

/* Before each input: the states, with empty stacks. If it is eager, garbage is
 * collected all the time: what is not held while it should be is gone soon. */
void sides_begin(bool eager);

/* After each input: nothing is left of it. */
void sides_end(void);

/* lua_pcall() of a function with one argument; the values, or the error, are
 * all that is on the stack then. */
int side_call(struct side *side, lua_CFunction function, void *argument);

/* Decodes a message; the values are all that is on the stack then. Fails if
 * that fails. */
void side_receive(struct side *side, const struct message *message);

/* ---- values ---- */

/* Handles of a kind that has no methods. */
extern const struct handle_class thing_class;
struct handle *new_thing(void);

/* Things that cannot travel, one of each for a state. */
enum misfit {
    MISFIT_FUNCTION,
    MISFIT_COROUTINE,
    MISFIT_USERDATA,
    /* A handle's userdata that holds none. */
    MISFIT_EMPTY,
    MISFITS
};

void push_misfit(lua_State *L, enum misfit misfit);

/* What is sent in the place of the value under the lenient policy. */
#define MISFIT_TEXT 80
void misfit_text(lua_State *L, int index, char text[MISFIT_TEXT]);

/* How many upvalues the C function has. */
int upvalue_count(lua_State *L, int index);

/* Replaces the whole stack by values as the bytes say (values.c). */
void push_values(lua_State *L, const uint8_t *data, size_t size);

/* Gives all tables that are keys, in whatever the values on the stack contain,
 * a field with a number. So the keys of two tables can be told apart, and their
 * fields compared whatever their order is (labels.c). */
void label_keys(lua_State *L);

/* The number of such a table, or of a C function (the first upvalue is one); 0:
 * it has none. */
lua_Integer label_of(lua_State *L, int index);

/* Whether a value that cannot travel is in what the value contains, at any
 * depth (labels.c). */
bool contains_misfit(lua_State *L, int index);

/* ---- what must come of encoding (oracle.c) ---- */

struct verdict {
    bool fails;
    enum codec_problem problem;
    int index;
    const char *what;
    char place[16384];
};

/* Finds out without the encoder what it has to say. */
void oracle_ask(lua_State *L, int first, int last, enum codec_policy policy,
                struct verdict *verdict);

/* Encodes and compares. NULL: it fails, as it should. */
struct message *encode_as_predicted(lua_State *L, enum codec_policy policy,
                                    bool lends);

/* ---- comparing (same.c) ---- */

/* The values on the stack of `b`, from `first` on, are those on the stack of
 * `a`, up to `last`: alike, and alike in what is the same as what. */
void must_be_same(lua_State *a, int last, lua_State *b, int first,
                  enum codec_policy policy);

#endif
