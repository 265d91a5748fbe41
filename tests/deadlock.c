/* SPDX-License-Identifier: MIT
 *
 * Waits that nobody can end any more: which are found, and which are none.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/no_memory.h"
#include "support/workers.h"

/* ---- what they do ---- */

static void receive_once(struct worker *worker)
{
    struct message *message;

    worker->waits = true;
    worker->result = channel_receive(at(worker, 0), &message, &never);
    if (worker->result != CHANNEL_OK)
        return;
    channel_commit(at(worker, 0));
    message_release(message);
}

/* It is as if it had been told what no wait ends with. */
static void prepare_receiver(struct worker *worker, struct channel *channel)
{
    prepare(worker, receive_once);
    worker->result = CHANNEL_NAME_TAKEN;
    give(worker, channel);
}

static unsigned sleeping_at(struct channel *channel)
{
    return ck_pr_load_uint(&channel->mailbox.arrival.waiting);
}

static void send_once(struct worker *worker)
{
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

    receive_once(worker);
    if (channel_send(at(worker, 1), message, &never) != CHANNEL_OK)
        message_release(message);
}

static void send_to(struct channel *channel, struct channel *within)
{
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
    prepare_receiver(&worker, channel);
    handle_release(&channel->handle);
    worker_start(&worker);
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
    worker_start(&worker);
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
        prepare_receiver(&workers[i], channel);
        worker_start(&workers[i]);
    }
    CHECK_EVENTUALLY(sleeping_at(channel) == 4, "all go to sleep");
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
        worker_start(&workers[i]);
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
        worker_start(&workers[i]);
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
    prepare_receiver(&waiting, reply);
    prepare_receiver(&unstarted, reply);
    prepare_receiver(&orphan, reply);
    party_set_parent(&orphan.thread->party, NULL);
    send_to(queue, queue);
    send_to(queue, reply);
    (void)mailbox_peek_owner(&queue->mailbox);
    send_to(queue, reply);
    handle_release(&queue->handle);
    handle_release(&reply->handle);
    worker_start(&waiting);
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
    CHECK_EVENTUALLY(sleeping_at(channel) == 1, "it sleeps");
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
    prepare_receiver(&worker, channel);
    worker_start(&worker);
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

    CHECK_EVENTUALLY(sleeping_at(channel) == 1, "the worker sleeps");
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
    prepare_receiver(&worker, channel);
    worker_start(&worker);
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
    prepare_receiver(&worker, channel);
    worker_start(&worker);
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

/* A state of somebody else. */
static struct party others;

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
    prepare_receiver(&worker, channel);
    handle_release(&channel->handle);
    worker_start(&worker);
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
    prepare_receiver(&idle, theirs);
    worker_start(&idle);
    prepare_receiver(&needed, ours);
    handle_release(&theirs->handle);
    handle_release(&ours->handle);
    CHECK_EVENTUALLY(sleeping_at(theirs) == 1,
                     "one sleeps for whom nobody waits");
    worker_start(&needed);
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
    worker_start(&worker);
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
    worker_start(&worker);
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

static void all(void)
{
    (void)waiter_setup();
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
}

int main(void)
{
    return check_program("deadlock", all);
}
