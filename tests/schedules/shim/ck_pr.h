/* SPDX-License-Identifier: MIT
 *
 * Concurrency Kit's atomics as the explorer's scheduling points.
 *
 * One operating system thread runs all threads of a scenario, so an atomic is
 * an ordinary access; before it the explorer is asked who is next. A plain
 * store may go into the store buffer of its thread, which a full fence and
 * every read-modify-write empty, as on x86.
 *
 * What the engine uses is a macro, which knows the line it stands in. CK's own
 * header puts everything else together out of the functions below, so nothing
 * escapes.
 */
#ifndef TESTS_SCHEDULES_CK_PR_H
#define TESTS_SCHEDULES_CK_PR_H

/* CK's other headers, which nobody warns of, expand the macros below. */
#pragma GCC system_header

/* No assembly, and no builtins of CK's choice either. */
#define CK_USE_CC_BUILTINS 1
#define CK_F_PR

#include <ck_cc.h>
#include <stdbool.h>
#include <stdint.h>

#include "explore_point.h"

#define SEEN CK_CC_FORCE_INLINE static

/* The kinds of words are those that the engine and its event counts have. */
#define SEEN_WORD(name, pointed, type)                                         \
    SEEN type ck_pr_md_load_##name(const pointed *word)                        \
    {                                                                          \
        explore_point(word);                                                   \
        return *(type const volatile *)(uintptr_t)word;                        \
    }                                                                          \
    SEEN void ck_pr_md_store_##name(pointed *word, type value)                 \
    {                                                                          \
        explore_point(word);                                                   \
        if (explore_now.buffering)                                             \
            explore_buffer(word, sizeof value);                                \
        *(type volatile *)word = value;                                        \
    }                                                                          \
    SEEN bool ck_pr_cas_##name##_value(pointed *word, type expected,           \
                                       type desired, pointed *previous)        \
    {                                                                          \
        type seen;                                                             \
                                                                               \
        explore_point(word);                                                   \
        explore_fence();                                                       \
        seen = *(type *)word;                                                  \
        *(type *)previous = seen;                                              \
        if (seen != expected)                                                  \
            return false;                                                      \
        *(type *)word = desired;                                               \
        return true;                                                           \
    }                                                                          \
    SEEN bool ck_pr_cas_##name(pointed *word, type expected, type desired)     \
    {                                                                          \
        explore_point(word);                                                   \
        explore_fence();                                                       \
        if (*(type *)word != expected)                                         \
            return false;                                                      \
        *(type *)word = desired;                                               \
        return true;                                                           \
    }                                                                          \
    SEEN type ck_pr_fas_##name(pointed *word, type value)                      \
    {                                                                          \
        type previous;                                                         \
                                                                               \
        explore_point(word);                                                   \
        explore_fence();                                                       \
        previous = *(type *)word;                                              \
        *(type *)word = value;                                                 \
        return previous;                                                       \
    }

#define SEEN_CHANGE(change, operator, name, type)                              \
    SEEN void ck_pr_##change##_##name(type *word, type value)                  \
    {                                                                          \
        explore_point(word);                                                   \
        explore_fence();                                                       \
        *word = (type)(*word operator value);                                  \
    }

#define SEEN_NUMBER(name, type)                                                \
    SEEN_WORD(name, type, type)                                                \
    SEEN_CHANGE(add, +, name, type)                                            \
    SEEN_CHANGE(sub, -, name, type)                                            \
    SEEN_CHANGE(and, &, name, type)                                            \
    SEEN_CHANGE(or, |, name, type)                                             \
    SEEN_CHANGE(xor, ^, name, type)                                            \
    SEEN void ck_pr_inc_##name(type *word)                                     \
    {                                                                          \
        ck_pr_add_##name(word, 1);                                             \
    }                                                                          \
    SEEN void ck_pr_dec_##name(type *word)                                     \
    {                                                                          \
        ck_pr_sub_##name(word, 1);                                             \
    }                                                                          \
    SEEN bool ck_pr_dec_##name##_is_zero(type *word)                           \
    {                                                                          \
        ck_pr_sub_##name(word, 1);                                             \
        return *word == 0;                                                     \
    }                                                                          \
    SEEN type ck_pr_faa_##name(type *word, type value)                         \
    {                                                                          \
        ck_pr_add_##name(word, value);                                         \
        return (type)(*word - value);                                          \
    }

SEEN_WORD(ptr, void, void *)
SEEN_NUMBER(int, int)
SEEN_NUMBER(uint, unsigned int)
SEEN_NUMBER(32, uint32_t)

#define CK_F_PR_LOAD_PTR
#define CK_F_PR_CAS_PTR_VALUE
#define CK_F_PR_FAS_PTR
#define CK_F_PR_LOAD_INT
#define CK_F_PR_CAS_INT_VALUE
#define CK_F_PR_FAS_INT
#define CK_F_PR_FAA_INT
#define CK_F_PR_ADD_INT
#define CK_F_PR_SUB_INT
#define CK_F_PR_AND_INT
#define CK_F_PR_OR_INT
#define CK_F_PR_XOR_INT
#define CK_F_PR_INC_INT
#define CK_F_PR_DEC_INT
#define CK_F_PR_DEC_INT_ZERO
#define CK_F_PR_LOAD_UINT
#define CK_F_PR_CAS_UINT_VALUE
#define CK_F_PR_FAS_UINT
#define CK_F_PR_FAA_UINT
#define CK_F_PR_ADD_UINT
#define CK_F_PR_SUB_UINT
#define CK_F_PR_AND_UINT
#define CK_F_PR_OR_UINT
#define CK_F_PR_XOR_UINT
#define CK_F_PR_INC_UINT
#define CK_F_PR_DEC_UINT
#define CK_F_PR_DEC_UINT_ZERO
#define CK_F_PR_LOAD_32
#define CK_F_PR_CAS_32_VALUE
#define CK_F_PR_FAS_32
#define CK_F_PR_FAA_32
#define CK_F_PR_ADD_32
#define CK_F_PR_SUB_32
#define CK_F_PR_AND_32
#define CK_F_PR_OR_32
#define CK_F_PR_XOR_32
#define CK_F_PR_INC_32
#define CK_F_PR_DEC_32
#define CK_F_PR_DEC_32_ZERO

/* Of these, only two let no later load pass an earlier store; the others mean
 * nothing where loads, and stores, stay in order. */
#define SEEN_FENCE(name, effect)                                               \
    SEEN void ck_pr_fence_strict_##name(void)                                  \
    {                                                                          \
        effect;                                                                \
    }

SEEN_FENCE(store_load, explore_fence())
SEEN_FENCE(memory, explore_fence())
SEEN_FENCE(atomic, (void)0)
SEEN_FENCE(atomic_load, (void)0)
SEEN_FENCE(atomic_store, (void)0)
SEEN_FENCE(store_atomic, (void)0)
SEEN_FENCE(load_atomic, (void)0)
SEEN_FENCE(load_store, (void)0)
SEEN_FENCE(load, (void)0)
SEEN_FENCE(store, (void)0)
SEEN_FENCE(acquire, (void)0)
SEEN_FENCE(release, (void)0)
SEEN_FENCE(acqrel, (void)0)
SEEN_FENCE(lock, (void)0)
SEEN_FENCE(unlock, (void)0)

SEEN void ck_pr_stall(void)
{
    explore_stall();
}

#undef SEEN_FENCE
#undef SEEN_NUMBER
#undef SEEN_CHANGE
#undef SEEN_WORD
#undef SEEN

#include_next <ck_pr.h>

/* The same with the place they stand in. A macro is not expanded inside of
 * itself. */
#undef ck_pr_load_ptr
#undef ck_pr_load_uint
#undef ck_pr_load_int
#undef ck_pr_load_32
#undef ck_pr_store_ptr
#undef ck_pr_store_uint
#undef ck_pr_store_int
#define ck_pr_load_ptr(word)                                                   \
    (EXPLORE_AT("load", 8),                                                    \
     (CK_CC_TYPEOF(*(word), (void *)))ck_pr_md_load_ptr(word))
#define ck_pr_load_uint(word) (EXPLORE_AT("load", 4), ck_pr_md_load_uint(word))
#define ck_pr_load_int(word) (EXPLORE_AT("load", 4), ck_pr_md_load_int(word))
#define ck_pr_load_32(word) (EXPLORE_AT("load", 4), ck_pr_md_load_32(word))
#define ck_pr_store_ptr(word, value)                                           \
    (EXPLORE_AT("store", 8), CK_PR_STORE_SAFE((word), (value), ptr))
#define ck_pr_store_uint(word, value)                                          \
    (EXPLORE_AT("store", 4), CK_PR_STORE_SAFE((word), (value), uint))
#define ck_pr_store_int(word, value)                                           \
    (EXPLORE_AT("store", 4), CK_PR_STORE_SAFE((word), (value), int))
#define ck_pr_cas_ptr(...)                                                     \
    (EXPLORE_AT("compare-and-swap", 8), ck_pr_cas_ptr(__VA_ARGS__))
#define ck_pr_cas_ptr_value(...)                                               \
    (EXPLORE_AT("compare-and-swap", 8), ck_pr_cas_ptr_value(__VA_ARGS__))
#define ck_pr_cas_uint(...)                                                    \
    (EXPLORE_AT("compare-and-swap", 4), ck_pr_cas_uint(__VA_ARGS__))
#define ck_pr_cas_uint_value(...)                                              \
    (EXPLORE_AT("compare-and-swap", 4), ck_pr_cas_uint_value(__VA_ARGS__))
#define ck_pr_fas_ptr(...) (EXPLORE_AT("swap", 8), ck_pr_fas_ptr(__VA_ARGS__))
#define ck_pr_fas_uint(...) (EXPLORE_AT("swap", 4), ck_pr_fas_uint(__VA_ARGS__))
#define ck_pr_faa_uint(...) (EXPLORE_AT("add", 4), ck_pr_faa_uint(__VA_ARGS__))
#define ck_pr_faa_32(...) (EXPLORE_AT("add", 4), ck_pr_faa_32(__VA_ARGS__))
#define ck_pr_add_uint(...) (EXPLORE_AT("add", 4), ck_pr_add_uint(__VA_ARGS__))
#define ck_pr_sub_uint(...)                                                    \
    (EXPLORE_AT("subtract", 4), ck_pr_sub_uint(__VA_ARGS__))
#define ck_pr_and_uint(...) (EXPLORE_AT("and", 4), ck_pr_and_uint(__VA_ARGS__))
#define ck_pr_or_uint(...) (EXPLORE_AT("or", 4), ck_pr_or_uint(__VA_ARGS__))
#define ck_pr_inc_uint(...)                                                    \
    (EXPLORE_AT("increment", 4), ck_pr_inc_uint(__VA_ARGS__))
#define ck_pr_dec_uint(...)                                                    \
    (EXPLORE_AT("decrement", 4), ck_pr_dec_uint(__VA_ARGS__))
#define ck_pr_dec_uint_is_zero(...)                                            \
    (EXPLORE_AT("decrement", 4), ck_pr_dec_uint_is_zero(__VA_ARGS__))
#define ck_pr_stall() (EXPLORE_AT("stall", 0), ck_pr_stall())

#endif
