/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more, among many that somebody ends.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/workers.h"

/* Feeders never wait for ever; so whatever they send must arrive. Relays wait,
 * and pass on some of what they get. */
#define WORKERS 5
#define CHANNELS 4

static atomic_uint sent, refused;

static void try_to_send(struct worker *worker, unsigned number)
{
    struct deadline soon = deadline_after(0.01);
    struct message *message = message_new();

    switch (channel_send(at(worker, number), message, &soon)) {
    case CHANNEL_OK:
        atomic_fetch_add(&sent, 1);
        return;
    case CHANNEL_CLOSED:
        atomic_fetch_add(&refused, 1);
        break;
    default:
        break;
    }
    message_release(message);
}

static void feed(struct worker *worker)
{
    unsigned left = random_below(&worker->random, 20);

    for (; left > 0; left--) {
        try_to_send(worker, random_below(&worker->random, worker->count));
        random_pause(&worker->random);
    }
}

static bool take_one(struct worker *worker, unsigned number)
{
    struct message *message;

    if (channel_receive(at(worker, number), &message, &never) != CHANNEL_OK)
        return false;
    channel_commit(at(worker, number));
    message_release(message);
    worker->received++;
    return true;
}

static void relay(struct worker *worker)
{
    struct message *message;

    while (take_one(worker, 0)) {
        random_pause(&worker->random);
        if (worker->count < 2 || random_one_in(&worker->random, 2))
            continue;
        message = message_new();
        if (channel_send(at(worker, 1), message, &never) == CHANNEL_OK)
            atomic_fetch_add(&sent, 1);
        else
            message_release(message);
    }
}

static void prepare_at_random(struct worker *worker, struct random *random,
                              struct channel *const *channels)
{
    bool feeds = random_one_in(random, 3);
    unsigned i, count = 1 + random_below(random, 3);

    prepare(worker, feeds ? feed : relay);
    worker->random = random_split(random);
    for (i = 0; i < count; i++)
        give(worker, channels[random_below(random, CHANNELS)]);
}

static void a_day(struct random *random)
{
    struct channel *channels[CHANNELS];
    struct holding ours[CHANNELS];
    struct worker workers[WORKERS];
    unsigned i, left = 0, received = 0;

    sent = refused = 0;
    for (i = 0; i < CHANNELS; i++) {
        channels[i] = make(random_below(random, 3), NULL);
        hold(&home, &ours[i], channels[i]);
        handle_release(&channels[i]->handle);
    }
    for (i = 0; i < WORKERS; i++)
        prepare_at_random(&workers[i], random, channels);
    for (i = 0; i < WORKERS; i++)
        worker_start(&workers[i]);
    for (i = 0; i < WORKERS; i++)
        last_wait(&workers[i]);
    for (i = 0; i < WORKERS; i++)
        received += workers[i].received;
    for (i = 0; i < CHANNELS; i++) {
        left += channel_count(channels[i]);
        drop(&ours[i]);
    }
    CHECK_NUMBER(refused, 0, "no channel is closed that somebody sends to");
    CHECK_NUMBER(received + left, sent, "every message has arrived");
}

static void many_days(void)
{
    begin();
    stress_rounds("days", 2000, a_day);
    end();
}

static void all(void)
{
    (void)waiter_setup();
    check_part("many days", many_days);
}

int main(void)
{
    return check_program("deadlock_crowds", all);
}
