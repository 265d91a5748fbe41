/* SPDX-License-Identifier: MIT
 *
 * The bytes of a message, as the encoder and the decoder see them. Numbers
 * are stored as they lie in memory, at any alignment.
 */
#ifndef RUNTIME_LUA_CODEC_FORMAT_H
#define RUNTIME_LUA_CODEC_FORMAT_H

#include <stdint.h>

enum tag {
    TAG_NIL,
    TAG_FALSE,
    TAG_TRUE,
    TAG_INTEGER32,     /* int32_t */
    TAG_INTEGER64,     /* int64_t */
    TAG_FLOAT,         /* lua_Number */
    TAG_STRING8,       /* uint8_t length, bytes */
    TAG_STRING32,      /* uint32_t length, bytes */
    TAG_STRING64,      /* uint64_t length, bytes */
    TAG_TABLE,         /* struct table_sizes, values, keys and values */
    TAG_REFERENCE,     /* uint32_t number */
    TAG_LIGHTUSERDATA, /* void * */
    TAG_CFUNCTION,     /* lua_CFunction, uint8_t upvalues, upvalues */
    TAG_HANDLE,        /* uint32_t number */
    TAG_KEEP,          /* uint8_t place, a string that is kept there */
    TAG_KEPT,          /* uint8_t place of a string */
    TAG_LENT,          /* uint32_t number of a string that is lent */
    TAG_BUILTIN,       /* uint8_t library, a string: the field there */
    /* From here on the tag is an integer from 0 to 127 itself. */
    TAG_SMALL_INTEGER = 0x80
};

struct table_sizes {
    uint32_t array, hash;
};

#endif
