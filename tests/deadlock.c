/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more: which are found, and which are none.
 */
#include "deadlock.h"

#include "channel.h"
#include "support/check.h"
#include "support/no_memory.h"
#include "support/scene.h"
#include "support/stress.h"
#include "thread.h"

#define MOST 6

/* ---- threads that have channels ---- */

struct worker {
    struct thread *thread;
    struct holding holdings[MOST];
    unsigned count;
    /* The first one, for others. */
    struct channel *shared;
    struct random random;
    /* What the body does, and what came of it. */
    void (*work)(struct worker *);
    atomic_uint result, received;
    atomic_bool waits;
};

/* The parent, which is the thread of the tests. */
static struct party home;
/* A state of somebody else. */
static struct party others;
static struct acting acting;

static void begin(void)
{
    party_born(&home, NULL, NULL);
    party_rise(&home);
    party_enter(&acting, &home);
}

static void end(void)
{
    party_leave(&acting);
    party_gone(&home);
    scene_check_all_gone();
    CHECK_NUMBER(live_count(LIVE_HANDLES), 0, "and their channels");
    CHECK(!deadlock_is_watched(), "nobody watches any more");
}

static struct channel *make(uint64_t capacity, const char *name)
{
    struct channel *channel;

    if (channel_new(capacity, name, name == NULL ? 0 : strlen(name),
                    &channel) != CHANNEL_OK)
        abort();
    return channel;
}

static struct channel *at(const struct worker *worker, unsigned number)
{
    return (struct channel *)worker->holdings[number].handle;
}

static void drop(struct holding *holding)
{
    struct handle *handle = holding->handle;

    holding->handle = NULL;
    party_let_go(holding);
    handle_release(handle);
}

static void body(struct thread *thread)
{
    struct worker *worker = thread->estate;
    unsigned i;

    if (!thread_settle(thread))
        abort();
    worker->work(worker);
    for (i = 0; i < worker->count; i++)
        if (worker->holdings[i].handle != NULL)
            drop(&worker->holdings[i]);
}

static void hold(struct party *party, struct holding *holding,
                 struct channel *channel)
{
    handle_retain(&channel->handle);
    holding->handle = &channel->handle;
    party_hold(party, holding);
}

static void prepare(struct worker *worker, void (*work)(struct worker *))
{
    *worker = (struct worker){.thread = thread_new(message_new())};
    if (worker->thread == NULL)
        abort();
    party_set_parent(&worker->thread->party, &home);
    worker->thread->estate = worker;
    worker->work = work;
}

static void give(struct worker *worker, struct channel *channel)
{
    if (worker->count == 0)
        worker->shared = channel;
    hold(&worker->thread->party, &worker->holdings[worker->count++], channel);
}

static void start(struct worker *worker)
{
    CHECK_NUMBER(thread_start(worker->thread, false, true, body), 0,
                 "a thread starts");
}

static void last_wait(struct worker *worker)
{
    thread_reap_last(worker->thread, true);
    thread_release(worker->thread);
}

/* ---- what they do ---- */

static void receive_once(struct worker *worker)
{
    struct deadline never = deadline_never();
    struct message *message;

    worker->waits = true;
    worker->result = channel_receive(at(worker, 0), &message, &never);
    if (worker->result != CHANNEL_OK)
        return;
    channel_commit(at(worker, 0));
    message_release(message);
}

static void send_once(struct worker *worker)
{
    struct deadline never = deadline_never();
    struct message *message = message_new();

    worker->waits = true;
    worker->result = channel_send(at(worker, 0), message, &never);
    if (worker->result != CHANNEL_OK)
        message_release(message);
}

/* Whoever has both: first the one, then the other. */
static void receive_then_send(struct worker *worker)
{
    struct message *message = message_new();
    struct deadline never = deadline_never();

    receive_once(worker);
    if (channel_send(at(worker, 1), message, &never) != CHANNEL_OK)
        message_release(message);
}

static void send_to(struct channel *channel, struct channel *within)
{
    struct deadline at_once = deadline_after(0);
    struct message *message = message_new();
    uint32_t number;

    if (within != NULL && !message_keep(message, &within->handle, &number))
        abort();
    CHECK(channel_send(channel, message, &at_once) == CHANNEL_OK,
          "a message can be sent");
}

/* ---- what is found ---- */

static void one_that_has_it_alone(void)
{
    struct worker worker;
    struct channel *channel = make(0, NULL);

    begin();
    prepare(&worker, receive_once);
    give(&worker, channel);
    handle_release(&channel->handle);
    start(&worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_CLOSED, "its wait is ended");
    end();
}

static void one_that_shares_it_with_the_last_wait(void)
{
    struct channel *channel = make(1, NULL);
    struct holding ours;
    struct worker worker;

    begin();
    hold(&home, &ours, channel);
    handle_release(&channel->handle);
    send_to(channel, NULL);
    prepare(&worker, send_once);
    give(&worker, channel);
    start(&worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_CLOSED, "a sender's wait is ended");
    CHECK_NUMBER(channel_count(channel), 1, "and its message not queued");
    drop(&ours);
    end();
}

static void ones_that_sleep_before_anybody_watches(void)
{
    struct channel *channel = make(0, NULL);
    struct worker workers[4];
    unsigned i;

    begin();
    for (i = 0; i < 4; i++) {
        prepare(&workers[i], receive_once);
        give(&workers[i], channel);
        start(&workers[i]);
    }
    CHECK_EVENTUALLY(ck_pr_load_uint(&channel->mailbox.arrival.waiting) == 4,
                     "all go to sleep");
    handle_release(&channel->handle);
    for (i = 0; i < 4; i++)
        last_wait(&workers[i]);
    for (i = 0; i < 4; i++)
        CHECK_NUMBER(workers[i].result, CHANNEL_CLOSED, "all are woken");
    end();
}

static void those_that_wait_in_a_circle(void)
{
    struct channel *channels[3] = {make(0, NULL), make(0, NULL), make(0, NULL)};
    struct worker workers[3];
    unsigned i, closed = 0;

    begin();
    for (i = 0; i < 3; i++) {
        prepare(&workers[i], receive_then_send);
        give(&workers[i], channels[i]);
        give(&workers[i], channels[(i + 1) % 3]);
    }
    for (i = 0; i < 3; i++) {
        handle_release(&channels[i]->handle);
        start(&workers[i]);
    }
    for (i = 0; i < 3; i++)
        last_wait(&workers[i]);
    for (i = 0; i < 3; i++)
        closed += workers[i].result == CHANNEL_CLOSED;
    CHECK_NUMBER(closed, 1, "one is freed, and frees the others");
    CHECK_NUMBER(workers[0].result, CHANNEL_CLOSED,
                 "it is the one that was waited for");
    end();
}

/* The last of the chain is waited for first. */
static void a_chain_from_its_beginning(void)
{
    struct channel *channels[MOST];
    struct worker workers[MOST - 1];
    unsigned i;

    begin();
    for (i = 0; i < MOST; i++)
        channels[i] = make(0, NULL);
    for (i = 0; i < MOST - 1; i++) {
        prepare(&workers[i], receive_then_send);
        give(&workers[i], channels[i]);
        give(&workers[i], channels[i + 1]);
        start(&workers[i]);
    }
    for (i = 0; i < MOST; i++)
        handle_release(&channels[i]->handle);
    for (i = MOST - 1; i-- > 0;)
        last_wait(&workers[i]);
    CHECK_NUMBER(workers[0].result, CHANNEL_CLOSED, "the first gets nothing");
    for (i = 1; i < MOST - 1; i++)
        CHECK_NUMBER(workers[i].result, CHANNEL_OK,
                     "the others what the one before has sent last");
    end();
}

static void what_lies_in_queues_and_with_threads_at_rest(void)
{
    struct channel *queue = make(0, NULL), *reply = make(0, NULL);
    struct worker waiting, unstarted, orphan;
    struct holding ours;

    begin();
    hold(&home, &ours, queue);
    prepare(&waiting, receive_once);
    give(&waiting, reply);
    prepare(&unstarted, receive_once);
    give(&unstarted, reply);
    prepare(&orphan, receive_once);
    give(&orphan, reply);
    party_set_parent(&orphan.thread->party, NULL);
    send_to(queue, queue);
    send_to(queue, reply);
    (void)mailbox_peek_owner(&queue->mailbox);
    send_to(queue, reply);
    handle_release(&queue->handle);
    handle_release(&reply->handle);
    start(&waiting);
    last_wait(&waiting);
    CHECK_NUMBER(waiting.result, CHANNEL_CLOSED, "they are accounted for");
    drop(&unstarted.holdings[0]);
    thread_release(unstarted.thread);
    drop(&orphan.holdings[0]);
    thread_release(orphan.thread);
    CHECK_NUMBER(channel_clear(queue), 3, "and still there");
    drop(&ours);
    end();
}

/* ---- what is none ---- */

/* Lets the other one watch for a while, then sends or gives back. */
static void *come_late(void *argument)
{
    struct worker *worker = argument;
    struct channel *channel = worker->shared;

    CHECK_EVENTUALLY(worker->waits, "the worker waits");
    CHECK_EVENTUALLY(deadlock_is_watched(), "somebody watches");
    CHECK_EVENTUALLY(ck_pr_load_uint(&channel->mailbox.arrival.waiting) == 1,
                     "it sleeps");
    send_to(channel, NULL);
    handle_release(&channel->handle);
    return NULL;
}

static void one_that_somebody_unknown_may_end(void)
{
    struct channel *channel = make(0, NULL);
    struct worker worker;
    pthread_t late;

    begin();
    prepare(&worker, receive_once);
    give(&worker, channel);
    start(&worker);
    late = check_start(come_late, &worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_OK, "it is left to wait");
    check_join(late);
    end();
}

static void *give_back_late(void *argument)
{
    struct worker *worker = argument;
    struct channel *channel = worker->shared;

    CHECK_EVENTUALLY(ck_pr_load_uint(&channel->mailbox.arrival.waiting) == 1,
                     "the worker sleeps");
    CHECK_NUMBER(worker->result, CHANNEL_NAME_TAKEN, "and nothing is ended");
    handle_release(&channel->handle);
    return NULL;
}

static void until_the_reference_is_given_back(void)
{
    struct channel *channel = make(0, NULL);
    struct worker worker;
    pthread_t late;

    begin();
    prepare(&worker, receive_once);
    worker.result = CHANNEL_NAME_TAKEN;
    give(&worker, channel);
    start(&worker);
    late = check_start(give_back_late, &worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_CLOSED, "then it is ended");
    check_join(late);
    end();
}

static void one_that_can_be_found_by_name(void)
{
    struct channel *channel = make(0, "found");
    struct party other;
    struct worker worker;
    pthread_t late;

    begin();
    party_born(&other, NULL, NULL);
    party_rise(&other);
    prepare(&worker, receive_once);
    give(&worker, channel);
    start(&worker);
    late = check_start(come_late, &worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_OK, "may be, while there are others");
    party_gone(&other);
    check_join(late);
    end();
}

/* Has looked, and found that the other one may. */
static bool has_been_looked_at(const struct channel *channel)
{
    bool yes;

    party_lock();
    yes = channel->handle.counted_in != 0;
    party_unlock();
    return yes;
}

static void *go_late(void *argument)
{
    struct worker *worker = argument;

    CHECK_EVENTUALLY(has_been_looked_at(worker->shared), "somebody looks");
    CHECK_NUMBER(worker->result, CHANNEL_NAME_TAKEN, "and nothing is ended");
    party_gone(&others);
    return NULL;
}

static void until_nobody_is_there_to_find_it(void)
{
    struct channel *channel = make(0, "found");
    struct worker worker;
    pthread_t late;

    begin();
    party_born(&others, NULL, NULL);
    party_rise(&others);
    prepare(&worker, receive_once);
    worker.result = CHANNEL_NAME_TAKEN;
    give(&worker, channel);
    handle_release(&channel->handle);
    start(&worker);
    late = check_start(go_late, &worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_CLOSED, "then it is ended");
    check_join(late);
    end();
}

static void one_of_nobody_s_concern(void)
{
    struct channel *theirs = make(0, NULL), *ours = make(0, NULL);
    struct worker idle, needed;
    struct holding holding;

    begin();
    hold(&home, &holding, theirs);
    prepare(&idle, receive_once);
    give(&idle, theirs);
    start(&idle);
    prepare(&needed, receive_once);
    give(&needed, ours);
    handle_release(&theirs->handle);
    handle_release(&ours->handle);
    CHECK_EVENTUALLY(ck_pr_load_uint(&theirs->mailbox.arrival.waiting) == 1,
                     "one sleeps for whom nobody waits");
    start(&needed);
    last_wait(&needed);
    CHECK_NUMBER(needed.result, CHANNEL_CLOSED, "the other is ended");
    CHECK(!channel_is_closed(theirs), "the one is not");
    drop(&holding);
    last_wait(&idle);
    CHECK_NUMBER(idle.result, CHANNEL_CLOSED, "before it is waited for, too");
    end();
}

/* Is as if it slept, and is interrupted just then. */
static void stay_interrupted(struct worker *worker)
{
    struct channel *channel = worker->shared;
    struct wait_for thing;
    struct blocked blocked;

    channel_await(&thing, channel);
    waiter_accept_interrupts(scene_nudged, NULL);
    CHECK_EVENTUALLY(deadlock_is_watched(), "somebody watches");
    waiter_interrupt(waiter_current(), INTERRUPT_ONCE);
    CHECK(deadlock_enter(&blocked, waiter_current(), &thing, 1),
          "the worker registers");
    CHECK_EVENTUALLY(has_been_looked_at(channel), "somebody looks");
    deadlock_leave(&blocked);
    CHECK(waiter_take_interrupt(), "the interrupt is still there");
    waiter_refuse_interrupts();
}

static void one_that_is_interrupted(void)
{
    struct channel *channel = make(0, NULL);
    struct holding ours;
    struct worker worker;

    begin();
    hold(&home, &ours, channel);
    handle_release(&channel->handle);
    prepare(&worker, stay_interrupted);
    give(&worker, channel);
    start(&worker);
    last_wait(&worker);
    CHECK(!channel_is_closed(channel), "its wait is over anyway");
    drop(&ours);
    end();
}

static void *receive_as_a_stranger(void *argument)
{
    receive_once(argument);
    return NULL;
}

/* Acts for no state, so that nobody knows what it may still do. */
static void let_a_stranger_wait(struct worker *worker)
{
    pthread_t stranger;

    CHECK_EVENTUALLY(deadlock_is_watched(), "somebody watches");
    stranger = check_start(receive_as_a_stranger, worker);
    CHECK_EVENTUALLY(
        ck_pr_load_uint(&worker->shared->mailbox.arrival.waiting) == 1,
        "a stranger sleeps");
    send_to(worker->shared, NULL);
    check_join(stranger);
}

static void one_of_a_thread_that_acts_for_nobody(void)
{
    struct channel *channel = make(0, NULL);
    struct worker worker;

    begin();
    prepare(&worker, let_a_stranger_wait);
    give(&worker, channel);
    handle_release(&channel->handle);
    start(&worker);
    last_wait(&worker);
    CHECK_NUMBER(worker.result, CHANNEL_OK, "it is left to wait");
    end();
}

static bool is_never_ready(const void *thing)
{
    (void)thing;
    return false;
}

/* Such a thread waits without watching: it has to wait either way. */
static void *wait_last_without_memory(void *nothing)
{
    struct wait_for end = {.party = &home, .ready = is_never_ready};

    (void)nothing;
    no_memory_from(1);
    deadlock_last_wait(&end, true);
    CHECK(no_memory_end(), "there is no memory for a waiter");
    return NULL;
}

static void none_without_memory_for_a_waiter(void)
{
    if (!no_memory_works())
        return;
    begin();
    check_join(check_start(wait_last_without_memory, NULL));
    end();
}

/* ---- stress ---- */

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
    struct deadline never = deadline_never();
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
    struct deadline never = deadline_never();
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
        start(&workers[i]);
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
    struct stress s = stress_begin("days", 2000);

    begin();
    for (; stress_goes_on(&s); s.round++)
        a_day(&s.random);
    end();
}

/* ---- the list of all parties ---- */

static void *come_and_go(void *rounds)
{
    struct party party;
    int i;

    for (i = 0; i < *(int *)rounds; i++) {
        party_born(&party, NULL, NULL);
        party_gone(&party);
    }
    return NULL;
}

/* Its neighbours in the list do not disturb one that gets children without the
 * lock. For ThreadSanitizer, above all. */
static void parties_can_come_and_go_beside_a_parent(void)
{
    int rounds = STRESS_SCALED(100000), i;
    struct party child, parent;
    pthread_t elsewhere;

    party_born(&child, NULL, NULL);
    party_born(&parent, NULL, NULL);
    elsewhere = check_start(come_and_go, &rounds);
    for (i = 0; i < rounds; i++)
        party_set_parent(&child, i % 2 == 0 ? &parent : NULL);
    check_join(elsewhere);
    party_gone(&child);
    party_gone(&parent);
    CHECK(CK_LIST_EMPTY(&party_all), "in the end there is none");
}

static void a_parent_that_goes_leaves_orphans(void)
{
    struct party child, parent;

    party_born(&child, NULL, NULL);
    party_born(&parent, NULL, NULL);
    party_set_parent(&child, &parent);
    party_gone(&parent);
    CHECK(child.parent == NULL, "whose parent is gone has none");
    party_set_parent(&child, &parent);
    CHECK(child.parent == NULL && parent.children == 0,
          "nor does one get a parent that is gone");
    party_gone(&child);
    CHECK(CK_LIST_EMPTY(&party_all), "in the end there is none");
}

static void all(void)
{
    (void)waiter_setup();
    check_part("parties can come and go beside a parent",
               parties_can_come_and_go_beside_a_parent);
    check_part("a parent that goes leaves orphans",
               a_parent_that_goes_leaves_orphans);
    check_part("one that has it alone", one_that_has_it_alone);
    check_part("one that shares it with the last wait",
               one_that_shares_it_with_the_last_wait);
    check_part("ones that sleep before anybody watches",
               ones_that_sleep_before_anybody_watches);
    check_part("those that wait in a circle", those_that_wait_in_a_circle);
    check_part("a chain from its beginning", a_chain_from_its_beginning);
    check_part("what lies in queues and with threads at rest",
               what_lies_in_queues_and_with_threads_at_rest);
    check_part("not one that somebody unknown may end",
               one_that_somebody_unknown_may_end);
    check_part("not until the reference is given back",
               until_the_reference_is_given_back);
    check_part("not one that can be found by name",
               one_that_can_be_found_by_name);
    check_part("not until nobody is there to find it",
               until_nobody_is_there_to_find_it);
    check_part("not one of nobody's concern", one_of_nobody_s_concern);
    check_part("not one that is interrupted", one_that_is_interrupted);
    check_part("not one of a thread that acts for nobody",
               one_of_a_thread_that_acts_for_nobody);
    check_part("none without memory for a waiter",
               none_without_memory_for_a_waiter);
    check_part("many days", many_days);
}

int main(void)
{
    return check_program("deadlock", all);
}
