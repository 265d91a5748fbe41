/* SPDX-License-Identifier: MIT
 *
 * Any bytes are values or an error, and never do harm.
 */
#include <stdio.h>

#include "fuzz.h"

/* What Lua may allocate for so many bytes: see runtime/lua_codec.h. The rest is
 * for the stack, and for what is on it on the way. */
#define MEMORY(size) (64 * (size) + 20000)

struct input {
    const uint8_t *data;
    size_t size;
};

static int decode_bytes(lua_State *L)
{
    const struct input *input = lua_touserdata(L, 1);
    int count;

    lua_settop(L, 0);
    count = codec_decode_bytes(L, input->data, input->size);
    MUST(lua_gettop(L) == count, "decoding pushes what it says");
    return count;
}

static void must_be_malformed(lua_State *L)
{
    const char *error = lua_tostring(L, -1);

    if (error == NULL || strcmp(error, "malformed message") != 0)
        fprintf(stderr, "%s\n", error == NULL ? "?" : error);
    MUST(error != NULL && strcmp(error, "malformed message") == 0,
         "what is no message is malformed");
}

/* Whether there are values. Without collections all is seen that was allocated.
 */
static bool decode(struct side *side, struct input *input)
{
    bool measured = input->size % 2 == 0;
    size_t before;
    int status;

    if (measured)
        lua_gc(side->L, LUA_GCSTOP, 0);
    before = side->peak = side->used;
    status = side_call(side, decode_bytes, input);
    if (measured) {
        MUST(side->peak - before <= MEMORY(input->size),
             "memory is proportional to the bytes");
        lua_gc(side->L, LUA_GCRESTART, 0);
    }
    if (status != LUA_OK)
        must_be_malformed(side->L);
    return status == LUA_OK;
}

/* ---- the same bytes as a message of this process ---- */

/* There is something for each number to refer to. */
static void furnish(struct message *message)
{
    struct handle *handle = new_thing();
    uint32_t number;

    MUST(message_keep(message, handle, &number), "a message keeps a handle");
    handle_release(handle);
    MUST(message_lend(message, "lent", 4, &number), "a message lends a text");
}

static int decode_trusted(lua_State *L)
{
    const struct message *message = lua_touserdata(L, 1);

    lua_settop(L, 0);
    return codec_decode(L, message);
}

/* A name may be that of no function. */
static void must_be_refused(lua_State *L)
{
    static const char nothing_there[] = "the built-in function '";
    const char *error = lua_tostring(L, -1);

    if (error == NULL ||
        strncmp(error, nothing_there, sizeof nothing_there - 1) != 0)
        must_be_malformed(L);
}

/* Whatever is in it: no harm is done. `values` < 0: as many as there must be
 * somewhere; addresses may be anything. */
static void decode_as_message(struct side *side, const struct input *input,
                              int values)
{
    struct message *message = message_new();
    unsigned char *small;
    size_t capacity;
    int status;

    MUST(message != NULL, "there is memory for a message");
    furnish(message);
    small = message->bytes;
    capacity = message->capacity;
    message->bytes = (unsigned char *)(uintptr_t)input->data;
    message->size = input->size;
    message->values = values < 0 ? (uint32_t)input->size % 3 : (uint32_t)values;
    message->shared = values >= 0 || input->size % 5 > 0;
    message->texts = values >= 0 || input->size % 7 > 0 ? UINT8_MAX : 0;
    status = side_call(side, decode_trusted, message);
    MUST(values < 0 || status == LUA_OK,
         "what is right anywhere is right in this process");
    if (status != LUA_OK)
        must_be_refused(side->L);
    message->bytes = small;
    message->capacity = capacity;
    message_release(message);
}

/* ---- round trips ---- */

/* Bytes to values to bytes to values. Only too deep may they have become:
 * next() goes another way. */
static void must_travel_on(void)
{
    struct message *message;
    struct input input;

    label_keys(receiver.L);
    message = encode_as_predicted(receiver.L, CODEC_STRICT, false);
    if (message == NULL)
        return;
    input = (struct input){message->bytes, message->size};
    MUST(message->handle_count == 0, "there are no handles from anywhere");
    MUST(decode(&sender, &input), "what was decoded travels on");
    MUST(lua_gettop(sender.L) == lua_gettop(receiver.L), "all of it");
    must_be_same(receiver.L, lua_gettop(receiver.L), sender.L, 1, CODEC_STRICT);
    message_release(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};

    sides_begin(size % 8 == 1);
    if (decode(&receiver, &input)) {
        decode_as_message(&sender, &input, lua_gettop(receiver.L));
        MUST(lua_gettop(sender.L) == lua_gettop(receiver.L),
             "both ways give as many values");
        must_travel_on();
    } else {
        decode_as_message(&receiver, &input, -1);
    }
    sides_end();
    return 0;
}
