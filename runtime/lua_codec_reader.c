/* SPDX-License-Identifier: MIT */
#include "lua_codec_reader.h"

void reader_reject(struct reader *r)
{
    for (;;)
        luaL_error(r->L, "malformed message");
}

void push_string32(struct reader *r)
{
    uint32_t length;

    read_into(r, &length, sizeof length);
    push_text(r, length);
}

void push_string64(struct reader *r)
{
    uint64_t length;

    read_into(r, &length, sizeof length);
    if (length > SIZE_MAX)
        reader_reject(r);
    push_text(r, (size_t)length);
}
