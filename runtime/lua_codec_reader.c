/* SPDX-License-Identifier: MIT */
#include "lua_codec_reader.h"

void reader_reject(struct reader *r)
{
    for (;;)
        luaL_error(r->L, "malformed message");
}

static void push_string32(struct reader *r)
{
    uint32_t length;

    read_into(r, &length, sizeof length);
    push_text(r, length);
}

static void push_string64(struct reader *r)
{
    uint64_t length;

    read_into(r, &length, sizeof length);
    if (length > SIZE_MAX)
        reader_reject(r);
    push_text(r, (size_t)length);
}

void push_string(struct reader *r, unsigned tag)
{
    switch (tag) {
    case TAG_STRING8:
        push_string8(r);
        break;
    case TAG_STRING32:
        push_string32(r);
        break;
    case TAG_STRING64:
        push_string64(r);
        break;
    default:
        reader_reject(r);
    }
}
