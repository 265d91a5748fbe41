/* SPDX-License-Identifier: MIT
 *
 * Receiving from whichever of several channels has a message: which one it is,
 * who is woken for it, and whether the books balance when crowds do it.
 */
#include "select.h"

#include "support/check.h"
#include "support/no_memory.h"
#include "support/stamps.h"
#include "support/step.h"
#include "support/stress.h"
#include "support/task.h"

#define FEW 4
#define MANY 200

static struct channel *channels[MANY];
static unsigned total;
static struct deadline never;
static const struct deadline at_once = {.kind = DEADLINE_AT_ONCE};

static void new_channels(unsigned count)
{
    for (total = 0; total < count; total++)
        if (channel_new(0, NULL, 0, &channels[total]) != CHANNEL_OK)
            abort();
}

static struct waitpoint *arrival(unsigned which)
{
    return &channels[which]->mailbox.arrival;
}

static unsigned waiting(unsigned which)
{
    return ck_pr_load_uint(&arrival(which)->waiting);
}

/* The calling thread's is the last reference. */
static void drop_channels(void)
{
    while (total > 0) {
        struct waitpoint *point = arrival(--total);

        if (point->word != 0 || point->waiting != 0 || point->first != NULL ||
            point->last != NULL)
            CHECK(false, "who has selected has left all lists");
        handle_release(&channels[total]->handle);
    }
    CHECK(live_count(LIVE_HANDLES) == 0 && live_count(LIVE_MESSAGES) == 0,
          "channels leave nothing behind");
}

/* ---- messages with numbers ---- */

static void put(unsigned which, unsigned number)
{
    if (channel_send(channels[which], stamped(which, number), &at_once) !=
        CHANNEL_OK)
        CHECK(false, "a message is sent");
}

/* What came of a selection: a message has the channel's number as that of its
 * sender, and is freed. */
struct choice {
    enum channel_result result;
    unsigned which;
    int number;
};

static struct choice choice_of(enum channel_result result, unsigned which,
                               struct message *message)
{
    struct choice choice = {result, which, -1};

    if (result == CHANNEL_OK) {
        choice.number = (int)stamp_of(message).number;
        if (stamp_of(message).sender != which)
            CHECK(false, "a message is received from its channel");
        message_release(message);
    }
    return choice;
}

/* From the channels with these numbers. */
static struct choice choose(const unsigned *list, unsigned count,
                            unsigned start, const struct deadline *deadline)
{
    struct wait_for places[FEW];
    struct message *message = NULL;
    enum channel_result result;
    unsigned which = 0, i;

    for (i = 0; i < count; i++)
        channel_await(&places[i], channels[list[i]]);
    result = select_receive(places, count, start, deadline, &which, &message);
    if (result == CHANNEL_OK || result == CHANNEL_CLOSED)
        which = list[which];
    if (result == CHANNEL_OK)
        channel_commit(channels[which]);
    return choice_of(result, which, message);
}

static const unsigned in_order[FEW] = {0, 1, 2, 3};

static bool chose(struct choice choice, unsigned which, int number)
{
    return choice.result == CHANNEL_OK && choice.which == which &&
           choice.number == number;
}

static bool chose_end(struct choice choice, unsigned which)
{
    return choice.result == CHANNEL_CLOSED && choice.which == which;
}

/* The number of the next message of one channel; -1: there is none. */
static int get(unsigned which)
{
    struct message *message = NULL;
    enum channel_result result = channel_try_receive(channels[which], &message);

    if (result == CHANNEL_OK)
        channel_commit(channels[which]);
    return choice_of(result, which, message).number;
}

/* ---- threads that select ---- */

struct visitor {
    unsigned list[FEW], count;
    struct deadline deadline;
    struct waiter *waiter;
    pthread_t thread;
    /* The kernel's number of the thread. */
    atomic_int task;
    atomic_bool ended;
    struct choice choice;
};

static void nudged(void *context)
{
    (void)context;
}

static void *visit(void *argument)
{
    struct visitor *visitor = argument;

    atomic_store(&visitor->task, task_self());
    (void)waiter_adopt(visitor->waiter);
    waiter_accept_interrupts(nudged, NULL);
    visitor->choice =
        choose(visitor->list, visitor->count, 0, &visitor->deadline);
    atomic_store(&visitor->ended, true);
    return NULL;
}

static void visitor_launch(struct visitor *visitor)
{
    visitor->waiter = waiter_new();
    visitor->ended = false;
    visitor->task = 0;
    visitor->thread = check_start(visit, visitor);
}

/* Whether a thread is at a channel's list; who is stopped then holds up others
 * that want to enter it. */
static bool is_locked(unsigned which)
{
    return ck_pr_load_uint(&arrival(which)->word) & 1;
}

/* Returns when it is in all lists, or need not be, or cannot. */
static void visitor_start(struct visitor *visitor)
{
    unsigned last = visitor->list[visitor->count - 1];
    unsigned before = waiting(last);
    /* By another thread: later it may be by this one, in passing. */
    bool locked = is_locked(last);

    visitor->deadline = never;
    visitor_launch(visitor);
    CHECK_EVENTUALLY(
        visitor->ended ||
            (waiting(last) > before && task_sleeps(visitor->task)) ||
            (locked && is_locked(last)),
        "another thread begins to wait");
}

static struct choice visitor_end(struct visitor *visitor)
{
    CHECK_EVENTUALLY(visitor->ended, "who waits is not forgotten");
    if (!visitor->ended)
        channel_close(channels[visitor->list[0]]);
    check_join(visitor->thread);
    waiter_release(visitor->waiter);
    return visitor->choice;
}

/* ---- validation ---- */

static void nothing_may_come_in_time(void)
{
    struct deadline soon = deadline_after(1);

    new_channels(FEW);
    CHECK(choose(in_order, FEW, 0, &at_once).result == CHANNEL_TIMEOUT,
          "there is nothing at once");
    CHECK(choose(in_order, FEW, 1, &soon).result == CHANNEL_TIMEOUT, "or soon");
    CHECK(choose(in_order, 0, 0, &at_once).result == CHANNEL_TIMEOUT,
          "nothing ever comes from no channel");
    soon = deadline_after(1);
    CHECK(choose(in_order, 0, 0, &soon).result == CHANNEL_TIMEOUT,
          "however long one waits");
    drop_channels();
}

/* Every choice of channels with messages, from each start. */
static void the_first_from_the_start_is_chosen(void)
{
    unsigned ready, start, expected, i;

    for (ready = 1; ready < 16; ready++)
        for (start = 0; start < 2 * FEW; start++) {
            new_channels(FEW);
            for (i = 0; i < FEW; i++)
                if (ready >> i & 1) {
                    put(i, start);
                    put(i, start + 1);
                }
            for (expected = start % FEW; !(ready >> expected & 1);)
                expected = (expected + 1) % FEW;
            CHECK(chose(choose(in_order, FEW, start, &never), expected,
                        (int)start),
                  "the oldest message of the first channel is chosen");
            for (i = 0; i < FEW; i++)
                CHECK_NUMBER(channel_count(channels[i]),
                             (ready >> i & 1) * 2 - (i == expected),
                             "and no other is touched");
            drop_channels();
        }
}

static void an_end_is_chosen_like_a_message(void)
{
    struct message *message;

    new_channels(FEW);
    put(1, 7);
    channel_close(channels[1]);
    CHECK(chose(choose(in_order, FEW, 0, &never), 1, 7),
          "a closed channel gives what it has");
    CHECK(chose_end(choose(in_order, FEW, 0, &never), 1) &&
              chose_end(choose(in_order, FEW, 2, &at_once), 1),
          "and is then at its end, again and again");
    put(3, 8);
    CHECK(chose(choose(in_order, FEW, 2, &never), 3, 8),
          "which does not hide the others");
    drop_channels();
    new_channels(FEW);
    put(2, 9);
    (void)channel_try_receive(channels[2], &message);
    channel_close(channels[2]);
    CHECK(choose(in_order, FEW, 2, &at_once).result == CHANNEL_TIMEOUT,
          "a message in hands is no message, nor is it the end");
    channel_return(channels[2], message);
    CHECK(chose(choose(in_order, FEW, 2, &at_once), 2, 9),
          "what was put back is one");
    drop_channels();
}

static void no_channel_starves(void)
{
    unsigned i;

    new_channels(FEW);
    for (i = 0; i < 3 * FEW; i++)
        put(i % FEW, i);
    for (i = 0; i < 3 * FEW; i++)
        CHECK(chose(choose(in_order, FEW, i, &never), i % FEW, (int)i),
              "a start that goes round takes from all in turn");
    put(1, 0);
    for (i = 0; i < 10; i++) {
        put(0, i);
        put(0, i);
        if (choose(in_order, FEW, i, &never).which == 1)
            break;
    }
    CHECK_NUMBER(i, 1, "a busy channel takes nobody's turn");
    drop_channels();
}

static void a_channel_may_be_listed_twice(void)
{
    struct visitor visitor = {.list = {1, 0, 1, 0}, .count = FEW};
    struct deadline soon = deadline_after(1);

    new_channels(2);
    CHECK(choose(visitor.list, FEW, 0, &soon).result == CHANNEL_TIMEOUT,
          "who lists a channel twice can wait");
    put(0, 5);
    CHECK(chose(choose(visitor.list, FEW, 3, &soon), 0, 5), "and receive");
    visitor_start(&visitor);
    put(0, 6);
    CHECK(chose(visitor_end(&visitor), 0, 6), "and be woken");
    drop_channels();
}

static void any_channel_wakes(void)
{
    struct visitor visitor = {.list = {0, 1, 2, 3}, .count = FEW};
    unsigned i, j;

    new_channels(FEW);
    for (i = 0; i < FEW; i++) {
        visitor_start(&visitor);
        for (j = 0; j < FEW; j++)
            CHECK_NUMBER(waiting(j), 1, "who selects waits at each channel");
        put(i, i);
        CHECK(chose(visitor_end(&visitor), i, (int)i),
              "a message wakes who selects");
    }
    for (i = FEW; i-- > 0;) {
        visitor.count = i + 1;
        visitor_start(&visitor);
        channel_close(channels[i]);
        CHECK(chose_end(visitor_end(&visitor), i), "so does an end");
    }
    drop_channels();
}

/* Two threads wait for everything. */
static void one_message_wakes_one(void)
{
    struct visitor one = {.list = {0, 1, 2, 3}, .count = FEW};
    struct visitor other = {.list = {3, 2, 1, 0}, .count = FEW};

    new_channels(FEW);
    visitor_start(&one);
    visitor_start(&other);
    put(2, 1);
    CHECK(chose(visitor_end(&one), 2, 1), "who has waited longest is woken");
    CHECK_EVENTUALLY(waiting(0) == 1 && !other.ended, "the other one waits on");
    put(0, 2);
    CHECK(chose(visitor_end(&other), 0, 2), "until its message comes");
    drop_channels();
}

static void interrupts_end_selections(void)
{
    struct visitor visitor = {.list = {0, 1, 2, 3}, .count = FEW};

    new_channels(FEW);
    visitor_start(&visitor);
    waiter_interrupt(visitor.waiter, INTERRUPT_ONCE);
    CHECK(visitor_end(&visitor).result == CHANNEL_INTERRUPTED,
          "who selects can be interrupted");
    drop_channels();
}

static void *without_memory(void *argument)
{
    put(2, 1);
    no_memory_from(1);
    CHECK(chose(choose(in_order, FEW, 0, &never), 2, 1),
          "what is there can be chosen without memory");
    CHECK(choose(in_order, FEW, 0, &never).result == CHANNEL_NO_MEMORY,
          "who cannot wait for want of memory is told so");
    (void)no_memory_end();
    return argument;
}

static void memory_may_run_out(void)
{
    if (!no_memory_works())
        return;
    new_channels(FEW);
    check_join(check_start(without_memory, NULL));
    drop_channels();
}

/* ---- between two instructions ---- */

/* What is run, and what comes of it: a selection from the first two channels,
 * the second one first if that is said, or a receiver of the first. Messages
 * are made and freed elsewhere, because their pool is the thread's. */
static bool second_first;
static enum channel_result outcome;
static unsigned chosen;
static struct message *received;
static struct choice choice;

static void run_select(void *argument)
{
    struct wait_for places[2];

    (void)argument;
    channel_await(&places[second_first], channels[0]);
    channel_await(&places[!second_first], channels[1]);
    outcome = select_receive(places, 2, 0, &never, &chosen, &received);
    chosen ^= second_first;
    if (outcome == CHANNEL_OK)
        channel_commit(channels[chosen]);
}

static void run_receive(void *argument)
{
    (void)argument;
    chosen = 0;
    outcome = channel_try_receive(channels[0], &received);
    if (outcome == CHANNEL_OK)
        channel_commit(channels[0]);
}

/* run() is played again and again, each time stopped in another place; stop()
 * is what other threads do then, after() looks at what has become of it. */
static void play(const char *name, void (*run)(void *), void (*stop)(void *),
                 void (*after)(void))
{
    struct step_tour tour;

    for (tour = step_tour(name); step_on_tour(&tour);) {
        new_channels(2);
        if (run == run_receive) {
            put(0, 1);
            put(0, 2);
        }
        if (step_run(tour.n, run, stop, NULL) == STEP_NOT_STOPPED)
            stop(NULL);
        choice = choice_of(outcome, chosen, received);
        after();
        drop_channels();
    }
}

static void send_to_second(void *argument)
{
    (void)argument;
    put(1, 5);
}

static void five_was_received(void)
{
    CHECK(chose(choice, 1, 5), "a message reaches who falls asleep");
}

static void close_second(void *argument)
{
    (void)argument;
    channel_close(channels[1]);
}

static void the_end_was_received(void)
{
    CHECK(chose_end(choice, 1), "an end reaches who falls asleep");
}

static void who_selects_can_be_woken_at_any_time(void)
{
    play("message", run_select, send_to_second, five_was_received);
    play("end", run_select, close_second, the_end_was_received);
}

/* A thread comes that waits for one of the two channels only; then both get a
 * message, that of the first channel before that of the second. Whoever is
 * woken for a message and receives another must not keep the first one from
 * who waits for it alone. */
static struct visitor visitor;

static void send_to_both(unsigned wanted)
{
    visitor = (struct visitor){.list = {wanted}, .count = 1};
    visitor_start(&visitor);
    put(0, 0);
    put(1, 1);
}

static void send_to_both_with_first_wanted(void *argument)
{
    (void)argument;
    send_to_both(0);
}

static void send_to_both_with_second_wanted(void *argument)
{
    (void)argument;
    send_to_both(1);
}

static void nothing_is_stranded(void)
{
    unsigned wanted = visitor.list[0];

    CHECK(choice.result == CHANNEL_OK && choice.number == (int)choice.which,
          "who selects receives one of two messages");
    /* It may have received the visitor's. */
    if (choice.which == wanted)
        put(wanted, wanted);
    CHECK(chose(visitor_end(&visitor), wanted, (int)wanted),
          "a message is not stranded while somebody waits for it");
    CHECK_NUMBER(get(wanted), -1, "and is received once");
}

static void a_wake_up_is_passed_on(void)
{
    second_first = true;
    play("pass on", run_select, send_to_both_with_first_wanted,
         nothing_is_stranded);
    second_first = false;
    play("woken once", run_select, send_to_both_with_second_wanted,
         nothing_is_stranded);
}

/* What woke it is gone before it can look. */
static bool stolen;

static void steal(void *argument)
{
    (void)argument;
    put(0, 4);
    stolen = ck_pr_load_uint(&channels[0]->receiving) == 0 && get(0) == 4;
    put(1, 5);
}

static void something_was_received(void)
{
    CHECK(stolen ? chose(choice, 1, 5)
                 : chose(choice, 0, 4) || chose(choice, 1, 5),
          "who has been woken in vain waits on, and is woken again");
}

static void a_message_can_be_stolen_at_any_time(void)
{
    play("steal", run_select, steal, something_was_received);
}

/* A receiver is stopped while it takes one of two messages. Who selects may
 * have to wait for it, for a moment; but the other message is there. */
static void another_selects(struct deadline deadline)
{
    unsigned turns;

    visitor =
        (struct visitor){.list = {1, 0}, .count = 2, .deadline = deadline};
    visitor_launch(&visitor);
    for (turns = 0; turns < 1000 && !visitor.ended && waiting(0) == 0; turns++)
        sched_yield();
}

static void another_selects_at_once(void *argument)
{
    (void)argument;
    another_selects(at_once);
}

static void another_selects_for_ever(void *argument)
{
    (void)argument;
    another_selects(never);
}

static void both_were_received(void)
{
    struct choice other = visitor_end(&visitor);

    CHECK((chose(choice, 0, 1) && chose(other, 0, 2)) ||
              (chose(choice, 0, 2) && chose(other, 0, 1)),
          "what is left by one is there for the other");
}

static void a_receiver_can_stop_at_any_time(void)
{
    play("at once", run_receive, another_selects_at_once, both_were_received);
    play("for ever", run_receive, another_selects_for_ever, both_were_received);
}

static struct waiter *own;

static void interrupt_and_send(void *argument)
{
    (void)argument;
    waiter_interrupt(own, INTERRUPT_ONCE);
    put(1, 5);
}

static void five_was_received_or_is_left(void)
{
    CHECK(chose(choice, 1, 5) ||
              (choice.result == CHANNEL_INTERRUPTED && get(1) == 5),
          "no message is lost by an interrupt");
    waiter_interrupt(own, INTERRUPT_NONE);
}

static void *interrupt_at_any_time(void *argument)
{
    (void)waiter_adopt(own);
    waiter_accept_interrupts(nudged, NULL);
    play("interrupt", run_select, interrupt_and_send,
         five_was_received_or_is_left);
    return argument;
}

static void an_interrupt_can_come_at_any_time(void)
{
    own = waiter_new();
    check_join(check_start(interrupt_at_any_time, NULL));
    waiter_release(own);
}

static void no_system_calls_without_need(void)
{
    unsigned long none;

    if (!step_works())
        return;
    new_channels(2);
    put(1, 0);
    none = step_count_system_calls(step_nothing, NULL);
    CHECK_NUMBER(step_count_system_calls(run_select, NULL), none,
                 "what is there is chosen without system calls");
    message_release(received);
    drop_channels();
}

/* ---- crowds ---- */

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

static struct deadline any_deadline(struct random *random)
{
    switch (random_below(random, 3)) {
    case 0:
        return at_once;
    case 1:
        return deadline_after(random_below(random, 60) / 1e3);
    default:
        return never;
    }
}

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
        deadline = any_deadline(&party->random);
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
    waiter_accept_interrupts(nudged, NULL);
    while (party->count > 0) {
        for (i = 0; i < party->count; i++)
            channel_await(&places[i], channels[party->list[i]]);
        deadline = any_deadline(&party->random);
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
    waiter_accept_interrupts(nudged, NULL);
    while (result != CHANNEL_CLOSED) {
        deadline = any_deadline(&party->random);
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
    never = deadline_never();
    check_part("nothing may come in time", nothing_may_come_in_time);
    check_part("the first from the start is chosen",
               the_first_from_the_start_is_chosen);
    check_part("an end is chosen like a message",
               an_end_is_chosen_like_a_message);
    check_part("no channel starves", no_channel_starves);
    check_part("a channel may be listed twice", a_channel_may_be_listed_twice);
    check_part("any channel wakes", any_channel_wakes);
    check_part("one message wakes one", one_message_wakes_one);
    check_part("interrupts end selections", interrupts_end_selections);
    check_part("memory may run out", memory_may_run_out);
    check_part("no system calls without need", no_system_calls_without_need);
    if (step_works()) {
        check_part("who selects can be woken at any time",
                   who_selects_can_be_woken_at_any_time);
        check_part("a wake-up is passed on", a_wake_up_is_passed_on);
        check_part("a message can be stolen at any time",
                   a_message_can_be_stolen_at_any_time);
        check_part("a receiver can stop at any time",
                   a_receiver_can_stop_at_any_time);
        check_part("an interrupt can come at any time",
                   an_interrupt_can_come_at_any_time);
    }
    check_part("the books of crowds balance", the_books_of_crowds_balance);
}

int main(void)
{
    return check_program("select", all);
}
