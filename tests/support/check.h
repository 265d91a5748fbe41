/* SPDX-License-Identifier: MIT
 *
 * The harness of the C tests.
 *
 * A program is one body, made of parts, made of checks; each has a sentence
 * that says what holds. A failed check is printed and counted, and the program
 * goes on and fails in the end. A part that hangs fails: every part has its
 * time, and the program dies when that is over. At the end of each program all
 * objects of the runtime must be gone.
 *
 * The body runs in a thread of its own, so that what belongs to a thread is
 * gone, too, when the end is checked.
 *
 * Nothing here depends on assert(), hence on NDEBUG. Checks may be made in any
 * thread.
 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "live.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CHECK_SANITIZED 1
#else
#define CHECK_SANITIZED 0
#endif

/* Seconds for one part, besides those that STRESS_SECONDS adds; reached only by
 * what hangs. CHECK_PATIENCE in the environment is another number. */
#define CHECK_PATIENCE (CHECK_SANITIZED ? 100 : 50)
/* Failures that are printed. */
#define CHECK_PRINTED 20

static struct {
    const char *program;
    const char *volatile part;
    atomic_uint passed, failed;
} check_state;

/* ---- sanitizers ---- */

#if CHECK_SANITIZED
/* Allocations that are too large fail, as they do without a sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#endif

/* ---- time ---- */

static inline double check_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The value of a variable of the environment, or another one. */
static inline double check_setting(const char *name, double otherwise)
{
    const char *text = getenv(name);

    return text == NULL || *text == '\0' ? otherwise : strtod(text, NULL);
}

/* ---- checks ---- */

static inline bool check_that(bool holds, const char *sentence,
                              const char *file, int line)
{
    if (holds) {
        atomic_fetch_add(&check_state.passed, 1);
        return true;
    }
    if (atomic_fetch_add(&check_state.failed, 1) < CHECK_PRINTED)
        fprintf(stderr, "%s:%d: FAILED: %s (%s)\n", file, line, sentence,
                check_state.part);
    return false;
}

static inline bool check_number(long long is, long long expected,
                                const char *sentence, const char *file,
                                int line)
{
    bool holds = check_that(is == expected, sentence, file, line);

    if (!holds && atomic_load(&check_state.failed) <= CHECK_PRINTED)
        fprintf(stderr, "    %lld instead of %lld\n", is, expected);
    return holds;
}

static inline bool check_text(const char *is, const char *expected,
                              const char *sentence, const char *file, int line)
{
    bool holds = check_that(strcmp(is, expected) == 0, sentence, file, line);

    if (!holds && atomic_load(&check_state.failed) <= CHECK_PRINTED)
        fprintf(stderr, "    \"%s\"\n    instead of\n    \"%s\"\n", is,
                expected);
    return holds;
}

/* All of them: whether it holds. */
#define CHECK(holds, sentence)                                                 \
    check_that((holds), (sentence), __FILE__, __LINE__)
#define CHECK_NUMBER(is, expected, sentence)                                   \
    check_number((long long)(is), (long long)(expected), sentence, __FILE__,   \
                 __LINE__)
#define CHECK_TEXT(is, expected, sentence)                                     \
    check_text((is), (expected), (sentence), __FILE__, __LINE__)

static inline double check_patience(void)
{
    return check_setting("CHECK_PATIENCE", CHECK_PATIENCE);
}

/* Lets others go on until the condition holds, with patience. */
#define CHECK_EVENTUALLY(condition, sentence)                                  \
    do {                                                                       \
        double check_end = check_seconds() + check_patience() / 2;             \
        bool check_holds;                                                      \
                                                                               \
        while (!(check_holds = (condition)) && check_seconds() < check_end)    \
            usleep(50);                                                        \
        check_that(check_holds, (sentence), __FILE__, __LINE__);               \
    } while (0)

/* ---- parts ---- */

static inline void check_arm(void)
{
    alarm((unsigned)(check_patience() + check_setting("STRESS_SECONDS", 0)));
}

static inline void check_part(const char *name, void (*part)(void))
{
    double start = check_seconds();

    check_state.part = name;
    check_arm();
    part();
    if (getenv("CHECK_VERBOSE") != NULL)
        fprintf(stderr, "  %6.3f s  %s\n", check_seconds() - start, name);
}

/* For what cannot be tested here. */
static inline void check_skip(const char *why)
{
    printf("%s: skipped: %s (%s)\n", check_state.program, why,
           check_state.part);
}

static inline void check_hung(int number)
{
    static const char words[] = ": hangs in the part: ";
    const char *part = check_state.part;

    (void)number;
    (void)!write(STDERR_FILENO, check_state.program,
                 strlen(check_state.program));
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    (void)!write(STDERR_FILENO, part, strlen(part));
    (void)!write(STDERR_FILENO, "\n", 1);
    _exit(3);
}

/* ---- threads ---- */

static inline pthread_t check_start(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, function, argument) != 0) {
        CHECK(false, "a test can start a thread");
        abort();
    }
    return thread;
}

/* For a thread that is going to get signals. ThreadSanitizer may lose the first
 * one if it comes during the thread's first system call of some length. */
static inline void check_expect_signals(void)
{
#ifdef __SANITIZE_THREAD__
    int saved = errno;

    usleep(1);
    errno = saved;
#endif
}

static inline void check_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

/* ---- programs ---- */

static inline void check_nothing_alive(void)
{
    int kind;

    for (kind = 0; kind < LIVE_KINDS; kind++)
        CHECK_NUMBER(live_count((enum live_kind)kind), 0,
                     live_name((enum live_kind)kind));
}

static inline void *check_body(void *body)
{
    (*(void (**)(void))body)();
    return NULL;
}

/* What main() returns. */
static inline int check_program(const char *name, void (*body)(void))
{
    double start = check_seconds();

    check_state.program = name;
    check_state.part = "set-up";
    /* ThreadSanitizer keeps a handler waiting where a hang may be; there the
     * signal just kills. */
#ifndef __SANITIZE_THREAD__
    signal(SIGALRM, check_hung);
#endif
    check_arm();
    check_join(check_start(check_body, &body));
    check_state.part = "no object of the runtime is left";
    check_nothing_alive();
    printf("%s: %u checks passed, %u failed (%.2f s)\n", name,
           atomic_load(&check_state.passed), atomic_load(&check_state.failed),
           check_seconds() - start);
    return atomic_load(&check_state.failed) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
