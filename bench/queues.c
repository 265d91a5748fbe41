/* SPDX-License-Identifier: MIT
 *
 * Which queue? The mailbox beside the rings of Concurrency Kit, with the same
 * messages, for several numbers of senders and receivers, alone and with
 * threads that keep the processors busy. Nobody sleeps: receivers and senders
 * spin, and let others run now and then.
 *
 *     queues
 *
 * prints a table of nanoseconds per message: the median of the rounds, the
 * lowest and the highest.
 *
 *     queues QUEUE SENDERS RECEIVERS
 *
 * prints those of one round, and nothing else. QUEUE is mailbox, spsc or mpmc.
 */
#include <ck_ring.h>
#include <ck_spinlock.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mailbox.h"

#define RING_SIZE 1024
#define MOST_THREADS 16
#define MESSAGES 400000
#define ROUNDS 5

/* ---- the queues ---- */

static struct mailbox mailbox;
static ck_spinlock_fas_t owner = CK_SPINLOCK_FAS_INITIALIZER;
static ck_ring_t ring;
static ck_ring_buffer_t slots[RING_SIZE];

static bool put_mailbox(struct message *message)
{
    return mailbox_push(&mailbox, message);
}

static struct message *take_mailbox(void)
{
    struct message *message;

    if (!mailbox_has_message(&mailbox) || !ck_spinlock_fas_trylock(&owner))
        return NULL;
    message = mailbox_pop_owner(&mailbox);
    ck_spinlock_fas_unlock(&owner);
    return message;
}

static bool put_spsc(struct message *message)
{
    return ck_ring_enqueue_spsc(&ring, slots, message);
}

static struct message *take_spsc(void)
{
    void *message;

    return ck_ring_dequeue_spsc(&ring, slots, &message) ? message : NULL;
}

static bool put_mpmc(struct message *message)
{
    return ck_ring_enqueue_mpmc(&ring, slots, message);
}

static struct message *take_mpmc(void)
{
    void *message;

    return ck_ring_dequeue_mpmc(&ring, slots, &message) ? message : NULL;
}

static const struct queue {
    const char *name;
    bool (*put)(struct message *);
    struct message *(*take)(void);
    bool single;
} queues[] = {
    {"mailbox", put_mailbox, take_mailbox, false},
    {"spsc", put_spsc, take_spsc, true},
    {"mpmc", put_mpmc, take_mpmc, false},
};

/* ---- one round ---- */

static const struct queue *queue;
static unsigned per_sender, total = MESSAGES, received, stop;

static void pause_a_little(unsigned *tries)
{
    ck_pr_stall();
    if (++*tries % 64 == 0)
        sched_yield();
}

static void *send_all(void *messages)
{
    struct message *const *message = messages;
    unsigned i, tries = 0;

    for (i = 0; i < per_sender; i++)
        while (!queue->put(message[i]))
            pause_a_little(&tries);
    return NULL;
}

static void *receive_all(void *nothing)
{
    unsigned tries = 0;

    while (ck_pr_load_uint(&received) < total) {
        if (queue->take() != NULL)
            ck_pr_inc_uint(&received);
        else
            pause_a_little(&tries);
    }
    return nothing;
}

static void *be_busy(void *nothing)
{
    while (!ck_pr_load_uint(&stop))
        ;
    return nothing;
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double run(struct message **messages, unsigned senders,
                  unsigned receivers)
{
    pthread_t threads[2 * MOST_THREADS];
    unsigned i, count = 0;
    double start;

    ck_ring_init(&ring, RING_SIZE);
    received = 0;
    per_sender = total / senders;
    total = per_sender * senders;
    start = now();
    for (i = 0; i < senders; i++)
        pthread_create(&threads[count++], NULL, send_all,
                       messages + i * per_sender);
    for (i = 0; i < receivers; i++)
        pthread_create(&threads[count++], NULL, receive_all, NULL);
    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return (now() - start) / total;
}

/* ---- all of them ---- */

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return a < b ? -1 : a > b;
}

static bool suits(unsigned senders, unsigned receivers)
{
    return !queue->single || (senders == 1 && receivers == 1);
}

static void measure(struct message **messages, unsigned senders,
                    unsigned receivers, const char *load)
{
    double times[ROUNDS];
    unsigned i;

    for (queue = queues; queue < queues + 3; queue++) {
        if (!suits(senders, receivers))
            continue;
        for (i = 0; i < ROUNDS; i++)
            times[i] = run(messages, senders, receivers);
        qsort(times, ROUNDS, sizeof *times, compare);
        printf("%u -> %u  %-5s %-8s %7.1f  (%.1f - %.1f)\n", senders, receivers,
               load, queue->name, times[ROUNDS / 2], times[0],
               times[ROUNDS - 1]);
    }
}

static void measure_all(struct message **messages, const char *load)
{
    static const unsigned pairs[][2] = {{1, 1}, {4, 1}, {1, 4}, {4, 4}};
    unsigned i;

    for (i = 0; i < 4; i++)
        measure(messages, pairs[i][0], pairs[i][1], load);
}

static void measure_table(struct message **messages)
{
    pthread_t busy[3];
    unsigned i;

    measure_all(messages, "idle");
    for (i = 0; i < 3; i++)
        pthread_create(&busy[i], NULL, be_busy, NULL);
    measure_all(messages, "busy");
    ck_pr_store_uint(&stop, 1);
    for (i = 0; i < 3; i++)
        pthread_join(busy[i], NULL);
}

/* One round, after one that has warmed it. False: there is no such queue, or
 * it is not for so many. */
static bool measure_one(struct message **messages, char **words)
{
    unsigned senders = (unsigned)atoi(words[1]);
    unsigned receivers = (unsigned)atoi(words[2]);

    queue = queues;
    while (queue < queues + 3 && strcmp(queue->name, words[0]) != 0)
        queue++;
    if (queue == queues + 3 || senders < 1 || senders > MOST_THREADS ||
        receivers < 1 || receivers > MOST_THREADS || !suits(senders, receivers))
        return false;
    run(messages, senders, receivers);
    printf("%.1f\n", run(messages, senders, receivers));
    return true;
}

int main(int count, char **arguments)
{
    static struct message *messages[MESSAGES];
    bool done = true;
    unsigned i;

    if (count != 1 && count != 4)
        return EXIT_FAILURE;
    for (i = 0; i < MESSAGES; i++)
        if ((messages[i] = message_new()) == NULL)
            return EXIT_FAILURE;
    mailbox_init(&mailbox);
    ck_ring_init(&ring, RING_SIZE);
    if (count == 4)
        done = measure_one(messages, arguments + 1);
    else
        measure_table(messages);
    for (i = 0; i < MESSAGES; i++)
        message_release(messages[i]);
    mailbox_destroy(&mailbox);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
