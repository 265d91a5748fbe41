/* SPDX-License-Identifier: MIT
 *
 * Concurrency Kit's event counts as ThreadSanitizer, or a scheduler of ours,
 * can see them: on x86 they have assembly of their own for the increment. Where
 * CK's header takes the machine for another one, it increments with the atomics
 * of ck_pr.h. The layout, and the slow paths in the library, stay as they are.
 */
#ifndef TESTS_SHIM_CK_EC_H
#define TESTS_SHIM_CK_EC_H

/* What CK's header includes is included before, undeceived. */
#include <ck_cc.h>
#include <ck_pr.h>
#include <ck_stddef.h>
#include <sys/time.h>
#include <time.h>

#pragma push_macro("__x86_64__")
#pragma push_macro("__i386__")
#undef __x86_64__
#undef __i386__
/* Where macros of ours stand in it, the compiler takes it for ours. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include_next <ck_ec.h>
#pragma GCC diagnostic pop
#pragma pop_macro("__i386__")
#pragma pop_macro("__x86_64__")

#ifdef CK_F_EC_SP
#error "event counts still use assembly"
#endif

#endif
