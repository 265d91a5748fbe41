/* SPDX-License-Identifier: MIT
 *
 * Concurrency Kit's atomics as ThreadSanitizer can see them.
 *
 * CK writes its atomics in assembly, which the detector is blind to: it would
 * report the data they order as races. In builds for the detector this header
 * stands in front of CK's own. It makes the few primitives from which CK's
 * header puts all others together out of compiler builtins, and then includes
 * that header, which finds them and adds the rest.
 *
 * The orders are those of x86: a load acquires, a store releases, a
 * read-modify-write does both. The detector knows nothing of fences, so this
 * is where they have their meaning for it; for the machine they are full ones.
 * Therefore no build of this kind can miss a fence: it finds what no atomic
 * orders, whatever the fences.
 *
 * An order must be a constant where it is used, else the compiler takes the
 * strongest.
 */
#ifndef TESTS_TSAN_CK_PR_H
#define TESTS_TSAN_CK_PR_H

/* No assembly, and no builtins of CK's choice either: its builtin mode makes
 * loads and stores plain volatile accesses, which the detector reports. What
 * is left of its gcc/ck_pr.h is ck_pr_barrier(). */
#define CK_USE_CC_BUILTINS 1
#define CK_F_PR

#include <ck_cc.h>
#include <stdbool.h>
#include <stdint.h>

#define VISIBLE CK_CC_INLINE static

/* For a kind of word, of those that the library and its event counts have: its
 * name in CK's functions, the type CK declares its address to point to, and its
 * type. */
#define VISIBLE_WORD(name, pointed, type)                                      \
    VISIBLE type ck_pr_md_load_##name(const pointed *word)                     \
    {                                                                          \
        return __atomic_load_n((type *)(uintptr_t)word, __ATOMIC_ACQUIRE);     \
    }                                                                          \
    VISIBLE void ck_pr_md_store_##name(pointed *word, type value)              \
    {                                                                          \
        __atomic_store_n((type *)word, value, __ATOMIC_RELEASE);               \
    }                                                                          \
    VISIBLE bool ck_pr_cas_##name##_value(pointed *word, type expected,        \
                                          type desired, pointed *previous)     \
    {                                                                          \
        bool swapped = __atomic_compare_exchange_n(                            \
            (type *)word, &expected, desired, false, __ATOMIC_ACQ_REL,         \
            __ATOMIC_ACQUIRE);                                                 \
        *(type *)previous = expected;                                          \
        return swapped;                                                        \
    }                                                                          \
    VISIBLE bool ck_pr_cas_##name(pointed *word, type expected, type desired)  \
    {                                                                          \
        return __atomic_compare_exchange_n((type *)word, &expected, desired,   \
                                           false, __ATOMIC_ACQ_REL,            \
                                           __ATOMIC_ACQUIRE);                  \
    }

VISIBLE_WORD(ptr, void, void *)
VISIBLE_WORD(int, int, int)
VISIBLE_WORD(uint, unsigned int, unsigned int)
VISIBLE_WORD(32, uint32_t, uint32_t)

#define CK_F_PR_LOAD_PTR
#define CK_F_PR_CAS_PTR_VALUE
#define CK_F_PR_LOAD_INT
#define CK_F_PR_CAS_INT_VALUE
#define CK_F_PR_LOAD_UINT
#define CK_F_PR_CAS_UINT_VALUE
#define CK_F_PR_LOAD_32
#define CK_F_PR_CAS_32_VALUE

#define VISIBLE_FENCE(name)                                                    \
    VISIBLE void ck_pr_fence_strict_##name(void)                               \
    {                                                                          \
        __sync_synchronize();                                                  \
    }

VISIBLE_FENCE(atomic)
VISIBLE_FENCE(atomic_load)
VISIBLE_FENCE(atomic_store)
VISIBLE_FENCE(store_atomic)
VISIBLE_FENCE(load_atomic)
VISIBLE_FENCE(load_store)
VISIBLE_FENCE(store_load)
VISIBLE_FENCE(load)
VISIBLE_FENCE(store)
VISIBLE_FENCE(memory)
VISIBLE_FENCE(acquire)
VISIBLE_FENCE(release)
VISIBLE_FENCE(acqrel)
VISIBLE_FENCE(lock)
VISIBLE_FENCE(unlock)

VISIBLE void ck_pr_stall(void)
{
}

#undef VISIBLE_FENCE
#undef VISIBLE_WORD
#undef VISIBLE

#include_next <ck_pr.h>

#endif
