/* SPDX-License-Identifier: MIT
 *
 * Concurrency Kit's event counts, incremented with the atomics of ck_pr.h and
 * not with assembly of their own: CK's header takes the machine for another
 * one. The slow paths stay those of the library; between two atomics of theirs
 * lies nothing but a call of waiter_ops, and these are scheduling points.
 */
#ifndef TESTS_SCHEDULES_CK_EC_H
#define TESTS_SCHEDULES_CK_EC_H

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
#include_next <ck_ec.h>
#pragma pop_macro("__i386__")
#pragma pop_macro("__x86_64__")

#ifdef CK_F_EC_SP
#error "event counts still use assembly"
#endif

#endif
