/* SPDX-License-Identifier: MIT */
#include "lua_codec_writer.h"

bool writer_grow(struct writer *w, size_t size)
{
    bool ok;

    writer_close(w);
    ok = message_grow(w->message, size);
    writer_open(w, w->message);
    return ok;
}

bool write_long_text(struct writer *w, const char *text, size_t length)
{
    uint64_t length64 = length;
    uint32_t length32 = (uint32_t)length;
    bool ok;

    if (length32 == length)
        ok = write_tagged(w, TAG_STRING32, &length32, sizeof length32);
    else
        ok = write_tagged(w, TAG_STRING64, &length64, sizeof length64);
    if (!ok || !writer_room(w, length))
        return false;
    write_bytes(w, text, length);
    return true;
}
