/* SPDX-License-Identifier: MIT
 *
 * Any values travel, and what cannot is said: the bytes are a program that
 * makes values (values.c).
 */
#include "fuzz.h"
#include "live.h"

/* The message may be read again, and copies of what was lent will do. */
static void read_again(struct message *message)
{
    MUST(message_own(message), "there is memory for copies");
    side_receive(&receiver, message);
    must_be_same(sender.L, lua_gettop(sender.L), receiver.L, 1, CODEC_STRICT);
}

/* What has arrived travels back, and is what was sent. It may have become too
 * deep: next() goes another way. */
static void send_back(enum codec_policy policy)
{
    struct message *message =
        encode_as_predicted(receiver.L, CODEC_STRICT, false);
    int top = lua_gettop(sender.L), count = lua_gettop(receiver.L);
    int i;

    if (message == NULL)
        return;
    MUST(lua_checkstack(sender.L, count + 300), "there is room on the stack");
    MUST(codec_decode(sender.L, message) == count, "all values come back");
    message_release(message);
    must_be_same(sender.L, top, sender.L, top + 1, policy);
    for (i = 0; i < count; i++)
        lua_pop(sender.L, 1);
}

static void send(enum codec_policy policy, bool lends)
{
    struct message *message = encode_as_predicted(sender.L, policy, lends);

    MUST(live_count(LIVE_MESSAGES) == (message != NULL),
         "a message that fails is not left behind");
    if (message == NULL)
        return;
    side_receive(&receiver, message);
    must_be_same(sender.L, lua_gettop(sender.L), receiver.L, 1, policy);
    if (policy == CODEC_STRICT)
        read_again(message);
    message_release(message);
    send_back(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sides_begin(size % 8 == 1);
    push_values(sender.L, data, size);
    label_keys(sender.L);
    send(CODEC_STRICT, size % 2 == 0);
    send(CODEC_LENIENT, size % 2 == 1);
    sides_end();
    return 0;
}
