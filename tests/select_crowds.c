/* SPDX-License-Identifier: MIT
 *
 * Whether the books balance when crowds select.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/many_channels.h"
#include "support/stress.h"

#define SENDERS 4
#define SELECTORS 4
#define MOST 250

/* Every channel is in the list of one selector at least, so that nothing is
 * left to nobody; besides, there are receivers for the first channels. */
struct party {
    unsigned number;
    struct random random;
    struct waiter *waiter;
    pthread_t thread;
    /* A selector's channels, and for each the least number that may come from
     * each sender. */
    unsigned list[MANY], count;
    unsigned expected[MANY][SENDERS];
};

/* The book: where each message was sent to, what its sender was told, and how
 * often it was received. */
static struct {
    enum channel_result told;
    unsigned where;
    atomic_uint seen;
} book[SENDERS][MOST];

static struct party senders[SENDERS], selectors[SELECTORS],
    receivers[SELECTORS];
static unsigned messages, cleared;
static atomic_bool over;

/* Often one of the first, for which there are several threads. */
static unsigned any_channel(struct random *random)
{
    return random_below(random, random_one_in(random, 2) ? 2 : total);
}

static void *send_messages(void *argument)
{
    struct party *party = argument;
    enum channel_result result;
    struct deadline deadline;
    struct message *message;
    unsigned i, where;

    for (i = 0; i < messages; i++) {
        where = any_channel(&party->random);
        deadline = random_deadline(&party->random);
        message = stamped(party->number, i);
        book[party->number][i].where = where;
        result = channel_send(channels[where], message, &deadline);
        book[party->number][i].told = result;
        if (result != CHANNEL_OK)
            message_release(message);
        if (random_one_in(&party->random, 2))
            random_pause(&party->random);
    }
    return NULL;
}

/* Notes down that it was received. */
static void note(struct party *party, unsigned where, struct message *message)
{
    struct stamp stamp = stamp_of(message);
    unsigned *expected = &party->expected[where][stamp.sender];

    if (book[stamp.sender][stamp.number].where != where)
        CHECK(false, "a message comes from the channel that is named");
    if (stamp.number < *expected)
        CHECK(false, "messages of one sender in one channel come in order");
    *expected = stamp.number + 1;
    atomic_fetch_add(&book[stamp.sender][stamp.number].seen, 1);
    channel_commit(channels[where]);
    message_release(message);
}

static bool result_is_due(enum channel_result result,
                          const struct deadline *deadline)
{
    return result == CHANNEL_OK || result == CHANNEL_CLOSED ||
           result == CHANNEL_INTERRUPTED ||
           (result == CHANNEL_TIMEOUT && deadline->kind != DEADLINE_NEVER);
}

/* Until all its channels are closed and empty. */
static void *select_messages(void *argument)
{
    struct party *party = argument;
    struct wait_for *places = calloc(MANY, sizeof *places);
    enum channel_result result;
    struct deadline deadline;
    struct message *message;
    unsigned i, which;

    (void)waiter_adopt(party->waiter);
    waiter_accept_interrupts(ignore_nudge, NULL);
    while (party->count > 0) {
        for (i = 0; i < party->count; i++)
            channel_await(&places[i], channels[party->list[i]]);
        deadline = random_deadline(&party->random);
        result = select_receive(places, party->count,
                                random_below(&party->random, party->count),
                                &deadline, &which, &message);
        if (result == CHANNEL_OK)
            note(party, party->list[which], message);
        else if (result == CHANNEL_CLOSED)
            party->list[which] = party->list[--party->count];
        else if (!result_is_due(result, &deadline))
            CHECK(false, "a selection ends for a reason");
    }
    free(places);
    return NULL;
}

/* From one channel, until it is closed and empty. */
static void *receive_messages(void *argument)
{
    struct party *party = argument;
    unsigned where = party->number % total;
    enum channel_result result = CHANNEL_OK;
    struct deadline deadline;
    struct message *message;

    (void)waiter_adopt(party->waiter);
    waiter_accept_interrupts(ignore_nudge, NULL);
    while (result != CHANNEL_CLOSED) {
        deadline = random_deadline(&party->random);
        result = channel_receive(channels[where], &message, &deadline);
        if (result == CHANNEL_OK)
            note(party, where, message);
        else if (!result_is_due(result, &deadline))
            CHECK(false, "a wait ends for a reason");
    }
    return NULL;
}

static void *disturb(void *argument)
{
    struct random *random = argument;
    unsigned i;

    cleared = 0;
    while (!atomic_load(&over)) {
        i = random_below(random, SELECTORS);
        waiter_interrupt(random_one_in(random, 2) ? selectors[i].waiter
                                                  : receivers[i].waiter,
                         INTERRUPT_ONCE);
        if (random_one_in(random, 20))
            cleared += channel_clear(channels[any_channel(random)]);
        if (random_one_in(random, 500))
            channel_close(channels[any_channel(random)]);
        random_pause(random);
        sched_yield();
    }
    return NULL;
}

static void list_channels(struct party *party, struct random *random)
{
    unsigned i;

    party->count = 0;
    for (i = 0; i < total; i++)
        if (i % SELECTORS == party->number || random_one_in(random, 3))
            party->list[party->count++] = i;
}

static void start_parties(struct party *parties, unsigned count,
                          void *(*function)(void *), struct random *random)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        parties[i].number = i;
        parties[i].random = random_split(random);
        parties[i].waiter = waiter_new();
        list_channels(&parties[i], random);
        memset(parties[i].expected, 0, sizeof parties[i].expected);
    }
    for (i = 0; i < count; i++)
        parties[i].thread = check_start(function, &parties[i]);
}

static void join_parties(struct party *parties, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        check_join(parties[i].thread);
}

static void release_parties(struct party *parties, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        waiter_release(parties[i].waiter);
}

static void balance_book(void)
{
    unsigned i, j, seen, unseen = 0;

    for (i = 0; i < total; i++)
        if (get(i) >= 0 || channel_count(channels[i]) != 0)
            CHECK(false, "channels at their end are empty");
    for (i = 0; i < SENDERS; i++)
        for (j = 0; j < messages; j++) {
            seen = atomic_load(&book[i][j].seen);
            if (seen > (book[i][j].told == CHANNEL_OK))
                CHECK(false, "no message is received twice, or if refused");
            unseen += book[i][j].told == CHANNEL_OK && seen == 0;
        }
    CHECK_NUMBER(unseen, cleared,
                 "what was accepted is received, or was cleared");
}

static void new_crowd_channels(unsigned count, struct random *random)
{
    static const uint64_t capacities[] = {0, 1, 7};

    for (total = 0; total < count; total++)
        if (channel_new(capacities[random_below(random, 3)], NULL, 0,
                        &channels[total]) != CHANNEL_OK)
            abort();
}

static void finish_crowd(pthread_t *disturber)
{
    unsigned i;

    join_parties(senders, SENDERS);
    for (i = 0; i < total; i++)
        channel_close(channels[i]);
    join_parties(selectors, SELECTORS);
    join_parties(receivers, SELECTORS);
    atomic_store(&over, true);
    if (disturber != NULL)
        check_join(*disturber);
    release_parties(senders, SENDERS);
    release_parties(selectors, SELECTORS);
    release_parties(receivers, SELECTORS);
}

static void play_crowd(unsigned count, bool disturbed, struct random *random)
{
    struct random disturbance = random_split(random);
    pthread_t disturber;

    messages = STRESS_SCALED(MOST - 50);
    memset(book, 0, sizeof book);
    cleared = 0;
    over = false;
    new_crowd_channels(count, random);
    start_parties(selectors, SELECTORS, select_messages, random);
    start_parties(receivers, SELECTORS, receive_messages, random);
    start_parties(senders, SENDERS, send_messages, random);
    if (disturbed)
        disturber = check_start(disturb, &disturbance);
    finish_crowd(disturbed ? &disturber : NULL);
    balance_book();
    drop_channels();
}

static void play_crowds(const char *name, unsigned count)
{
    struct stress s = stress_begin(name, 40);

    for (; stress_goes_on(&s); s.round++)
        play_crowd(count, s.round % 2 == 1, &s.random);
}

static void the_books_of_crowds_balance(void)
{
    play_crowds("two", 2);
    play_crowds("twenty", 20);
    play_crowds("two hundred", MANY);
}

static void all(void)
{
    (void)waiter_setup();
    check_part("the books of crowds balance", the_books_of_crowds_balance);
}

int main(void)
{
    return check_program("select_crowds", all);
}
