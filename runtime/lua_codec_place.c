/* SPDX-License-Identifier: MIT
 *
 * The chain is walked from its end upwards, so the text is written from its
 * end backwards.
 */
#include "lua_codec_place.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What is shown of a key that is a string. */
#define SHOWN 40

static bool is_name(const char *text, size_t length)
{
    size_t i;

    if (length == 0 || length > SHOWN || isdigit((unsigned char)*text))
        return false;
    for (i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    return true;
}

static void describe_string(const char *text, size_t length, char *out,
                            size_t size)
{
    char shown[SHOWN + 1];
    size_t i, count = length < SHOWN ? length : SHOWN;

    if (is_name(text, length)) {
        snprintf(out, size, ".%s", text);
        return;
    }
    for (i = 0; i < count; i++)
        shown[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
    shown[count] = '\0';
    snprintf(out, size, "[\"%s%s\"]", shown, count < length ? "..." : "");
}

static void describe_key(lua_State *L, int index, char *out, size_t size)
{
    lua_Integer integer;
    const char *text;
    size_t length;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &length);
        describe_string(text, length, out, size);
        break;
    case LUA_TNUMBER:
        if (lua_compat_integer_at(L, index, &integer))
            snprintf(out, size, "[%lld]", (long long)integer);
        else
            snprintf(out, size, "[%.14g]", lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN:
        snprintf(out, size, "[%s]", lua_toboolean(L, index) ? "true" : "false");
        break;
    default:
        snprintf(out, size, "[%s]", lua_typename(L, lua_type(L, index)));
    }
}

static void describe_step(lua_State *L, const struct step *step, char *out,
                          size_t size)
{
    switch (step->kind) {
    case STEP_FIELD:
        describe_key(L, step->index, out, size);
        break;
    case STEP_KEY:
        snprintf(out, size, "%s", step->above == NULL ? "a key" : ": a key");
        break;
    case STEP_UPVALUE:
        snprintf(out, size, "<upvalue %d>", step->index);
        break;
    }
}

void step_describe(lua_State *L, const struct step *last, char *place,
                   size_t size)
{
    static const char cut[] = "...";
    char part[SHOWN + 16];
    size_t start = size - 1, length;

    place[start] = '\0';
    for (; last != NULL; last = last->above) {
        describe_step(L, last, part, sizeof part);
        length = strlen(part);
        if (length + strlen(cut) > start) {
            start -= strlen(cut);
            memcpy(place + start, cut, strlen(cut));
            break;
        }
        start -= length;
        memcpy(place + start, part, length);
    }
    memmove(place, place + start, size - start);
}
