/* SPDX-License-Identifier: MIT
 *
 * Whether the books of a channel balance when crowds use it.
 */
#include "support/check.h"
#include "support/crowd.h"
#include "support/deadlines.h"
#include "support/one_channel.h"
#include "support/stress.h"

#define PARTIES 8
#define MOST 400

/* How a round is played. */
struct crowd {
    unsigned senders, receivers, messages;
    uint64_t capacity;
    /* Receivers put messages back, or leave before the end; others clear and
     * interrupt; others close the channel in the middle of it all. */
    bool returns, leaves, disturbs, closes;
};

struct party {
    unsigned number;
    bool accepts;
    struct random random;
    struct waiter *waiter;
    pthread_t thread;
};

static struct crowd crowd;
static struct party senders[PARTIES], receivers[PARTIES];
static atomic_bool closing, over;

/* The book: what the sender of each message was told, and how often it was
 * received. */
static struct {
    enum channel_result told;
    atomic_uint seen;
} book[PARTIES][MOST];

static void check_result(const struct party *party, enum channel_result result,
                         const struct deadline *deadline)
{
    bool expected = result == CHANNEL_OK;

    if (result == CHANNEL_TIMEOUT)
        expected = deadline->kind != DEADLINE_NEVER;
    else if (result == CHANNEL_INTERRUPTED)
        expected = party->accepts && crowd.disturbs;
    else if (result == CHANNEL_CLOSED)
        expected = atomic_load(&closing);
    if (!expected)
        CHECK(false, "an operation ends for a reason");
}

static void check_count(void)
{
    uint64_t most = crowd.capacity;

    if (most == 0)
        most = crowd.senders * crowd.messages;
    if (channel_count(channel) > most)
        CHECK(false, "the count is never beyond the bound");
}

static void *send_messages(void *argument)
{
    struct party *party = argument;
    struct deadline deadline;
    enum channel_result result = CHANNEL_OK;
    struct message *message;
    bool closed;
    unsigned i;

    (void)waiter_adopt(party->waiter);
    if (party->accepts)
        waiter_accept_interrupts(ignore_nudge, NULL);
    for (i = 0; i < crowd.messages; i++) {
        deadline = random_deadline(&party->random);
        message = stamped(party->number, i);
        closed = result == CHANNEL_CLOSED;
        result = channel_send(channel, message, &deadline);
        book[party->number][i].told = result;
        check_result(party, result, &deadline);
        if (result != CHANNEL_OK)
            message_release(message);
        if (closed && result != CHANNEL_CLOSED)
            CHECK(false, "a closed channel stays closed");
        if (result == CHANNEL_TIMEOUT && crowd.capacity == 0)
            CHECK(false, "a channel without bound has always room");
        check_count();
        if (random_one_in(&party->random, 4))
            random_pause(&party->random);
    }
    return NULL;
}

/* Notes down that it was received. `expected` is the receiver's: the least
 * number that may come from each sender. */
static void note(struct message *message, unsigned *expected)
{
    struct stamp stamp = stamp_of(message);

    if (stamp.sender >= PARTIES || stamp.number >= MOST) {
        CHECK(false, "a message is received as it was sent");
    } else {
        if (stamp.number < expected[stamp.sender] &&
            !(crowd.returns && crowd.receivers > 1))
            CHECK(false, "messages of one sender come in order");
        expected[stamp.sender] = stamp.number + 1;
        atomic_fetch_add(&book[stamp.sender][stamp.number].seen, 1);
    }
    channel_commit(channel);
    message_release(message);
}

static enum channel_result receive_one(struct party *party,
                                       struct message **message)
{
    struct deadline deadline = random_deadline(&party->random);
    enum channel_result result;

    if (deadline.kind == DEADLINE_AT_ONCE && random_one_in(&party->random, 2))
        result = channel_try_receive(channel, message);
    else
        result = channel_receive(channel, message, &deadline);
    check_result(party, result, &deadline);
    return result;
}

static void *receive_messages(void *argument)
{
    struct party *party = argument;
    unsigned expected[PARTIES] = {0};
    enum channel_result result = CHANNEL_OK;
    struct message *message;

    (void)waiter_adopt(party->waiter);
    if (party->accepts)
        waiter_accept_interrupts(ignore_nudge, NULL);
    while (!(crowd.leaves && atomic_load(&over))) {
        result = receive_one(party, &message);
        if (result == CHANNEL_CLOSED)
            break;
        if (result != CHANNEL_OK)
            continue;
        if (crowd.returns && random_one_in(&party->random, 3))
            channel_return(channel, message);
        else
            note(message, expected);
    }
    if (result == CHANNEL_CLOSED && !(get() == THE_END && look() == THE_END &&
                                      get_within(&never) == THE_END))
        CHECK(false, "the end is the end for everybody");
    return NULL;
}

/* ---- crowds: who disturbs ---- */

static void interrupt_somebody(struct random *random)
{
    struct party *party =
        random_one_in(random, 2)
            ? &senders[random_below(random, crowd.senders)]
            : &receivers[random_below(random, crowd.receivers)];

    waiter_interrupt(party->waiter, INTERRUPT_ONCE);
}

static void look_at_one(void)
{
    struct message *message;
    enum channel_result result = channel_peek(channel, &message);

    if (result != CHANNEL_OK) {
        if (result != CHANNEL_TIMEOUT &&
            !(result == CHANNEL_CLOSED && atomic_load(&closing)))
            CHECK(false, "a look shows a message, nothing or the end");
        return;
    }
    if (stamp_of(message).sender >= crowd.senders ||
        stamp_of(message).number >= crowd.messages)
        CHECK(false, "a look shows a message as it was sent");
    message_release(message);
}

static void *disturb(void *argument)
{
    struct random *random = argument;

    cleared = 0;
    while (!atomic_load(&over)) {
        check_count();
        look_at_one();
        if (crowd.disturbs && random_one_in(random, 2))
            interrupt_somebody(random);
        if (crowd.disturbs && random_one_in(random, 20))
            cleared += channel_clear(channel);
        if (crowd.closes && random_one_in(random, 200)) {
            atomic_store(&closing, true);
            channel_close(channel);
        }
        random_pause(random);
        sched_yield();
    }
    return NULL;
}

/* ---- crowds: the round ---- */

static void start_parties(struct party *parties, unsigned count,
                          void *(*function)(void *), struct random *random)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        parties[i].number = i;
        parties[i].accepts = random_one_in(random, 2);
        parties[i].random = random_split(random);
        parties[i].waiter = waiter_new();
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

static void balance_book(void)
{
    unsigned expected[PARTIES] = {0}, i, j, seen, unseen = 0;
    struct message *message;

    while (channel_try_receive(channel, &message) == CHANNEL_OK)
        note(message, expected);
    for (i = 0; i < crowd.senders; i++)
        for (j = 0; j < crowd.messages; j++) {
            seen = atomic_load(&book[i][j].seen);
            if (book[i][j].told != CHANNEL_OK && seen > 0)
                CHECK(false, "what was refused is received by nobody");
            if (seen > 1)
                CHECK(false, "no message is received twice");
            unseen += book[i][j].told == CHANNEL_OK && seen == 0;
        }
    CHECK_NUMBER(unseen, cleared,
                 "what was accepted is received, or was cleared");
    CHECK_NUMBER(channel_count(channel), 0, "nothing is counted in the end");
}

static void finish_crowd(pthread_t disturber)
{
    unsigned i;

    join_parties(senders, crowd.senders);
    if (crowd.leaves)
        atomic_store(&over, true);
    atomic_store(&closing, true);
    channel_close(channel);
    join_parties(receivers, crowd.receivers);
    atomic_store(&over, true);
    check_join(disturber);
    for (i = 0; i < crowd.senders; i++)
        waiter_release(senders[i].waiter);
    for (i = 0; i < crowd.receivers; i++)
        waiter_release(receivers[i].waiter);
}

static void play_crowd(struct random *random)
{
    static const uint64_t capacities[] = {0, 1, 7, 64};
    struct random disturbance = random_split(random);
    pthread_t disturber;

    crowd.senders = 1 + random_below(random, PARTIES);
    crowd.receivers = 1 + random_below(random, PARTIES);
    crowd.messages = STRESS_SCALED(1 + random_below(random, MOST - 50));
    crowd.capacity = capacities[random_below(random, 4)];
    crowd.leaves = random_one_in(random, 3);
    memset(book, 0, sizeof book);
    closing = over = false;
    new_channel(crowd.capacity);
    start_parties(receivers, crowd.receivers, receive_messages, random);
    start_parties(senders, crowd.senders, send_messages, random);
    disturber = check_start(disturb, &disturbance);
    finish_crowd(disturber);
    balance_book();
    drop_channel();
}

static void play_crowds(const char *name, struct crowd kind)
{
    struct stress s = stress_begin(name, 40);

    crowd = kind;
    for (; stress_goes_on(&s); s.round++)
        play_crowd(&s.random);
}

static void the_books_of_crowds_balance(void)
{
    play_crowds("crowd", (struct crowd){.returns = false});
    play_crowds("disturbed", (struct crowd){.disturbs = true});
    play_crowds("returning", (struct crowd){.returns = true});
    play_crowds(
        "closed",
        (struct crowd){.closes = true, .disturbs = true, .returns = true});
}

/* Each sends before it receives: so there is always something for everybody,
 * also while another one is at it. */
static void send_before_receiving(struct guest *guest)
{
    struct random *random = &guest->random;
    unsigned i;

    for (i = 0; i < STRESS_SCALED(1000); i++) {
        if (put(i) != CHANNEL_OK)
            CHECK(false, "there is room for everybody");
        if (random_one_in(random, 4))
            random_pause(random);
        if (channel_count(channel) == 0 || channel_count(channel) > CROWD)
            CHECK(false, "the count is right at any time");
        if (look() < 0)
            CHECK(false, "there is something to be seen at once");
        if ((random_one_in(random, 2) ? get() : get_within(&at_once)) < 0)
            CHECK(false, "there is something to be received at once");
    }
}

static void nothing_is_there_only_if_nothing_is(void)
{
    struct stress s = stress_begin("group", 20);

    for (; stress_goes_on(&s); s.round++) {
        new_channel(s.round % 2 == 0 ? 0 : CROWD);
        crowd_play(send_before_receiving, &s.random);
        CHECK(get() == NOTHING && channel_count(channel) == 0,
              "each has received one for each it has sent");
        drop_channel();
    }
}

static void all(void)
{
    (void)waiter_setup();
    check_part("the books of crowds balance", the_books_of_crowds_balance);
    check_part("nothing is there only if nothing is",
               nothing_is_there_only_if_nothing_is);
}

int main(void)
{
    return check_program("channel_crowds", all);
}
