/* SPDX-License-Identifier: MIT
 *
 * Thread-local variables that are part of each thread from its beginning,
 * where that can be had: otherwise a shared object's first use of one in a
 * thread allocates memory, and ends the process if there is none.
 */
#ifndef RUNTIME_THREADLOCAL_H
#define RUNTIME_THREADLOCAL_H

#ifdef __GLIBC__
#define THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define THREAD_LOCAL _Thread_local
#endif

#endif
