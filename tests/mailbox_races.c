/* SPDX-License-Identifier: MIT
 *
 * What happens at a mailbox when threads meet there: between any two of their
 * instructions, and in crowds.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/stamps.h"
#include "support/step.h"
#include "support/stress.h"

/* ---- between two instructions ---- */

static struct message *next_message;
static bool pushed;

static void push_next(void *argument)
{
    (void)argument;
    pushed = mailbox_push(&box, next_message);
}

static enum wait_result result;

static void await_message(void *argument)
{
    (void)argument;
    result = wait_at_mailbox(&box, &never);
}

static void a_message_can_come_at_any_time(void)
{
    struct step_tour tour;

    mailbox_init(&box);
    for (tour = step_tour("wait"); step_on_tour(&tour);) {
        next_message = stamped(0, 9);
        (void)step_run(tour.n, await_message, push_next, NULL);
        CHECK(result == WAIT_READY && pop() == 9,
              "a message that comes while its owner falls asleep wakes it");
    }
    mailbox_destroy(&box);
}

static int taken[3];

static void take_three(void *argument)
{
    unsigned i;

    (void)argument;
    for (i = 0; i < 3; i++)
        taken[i] = pop();
}

/* Two are there, the third comes sometime while all are taken. */
static void a_message_can_come_while_others_are_taken(void)
{
    struct step_tour tour;

    mailbox_init(&box);
    for (tour = step_tour("take"); step_on_tour(&tour);) {
        push(0);
        push(1);
        next_message = stamped(0, 2);
        step_meet(tour.n, take_three, push_next, NULL);
        CHECK(taken[0] == 0 && taken[1] == 1, "the older ones come first");
        CHECK(taken[2] == 2 || (taken[2] == -1 && pop() == 2),
              "the younger one comes after them, or is left");
        CHECK_NUMBER(pop(), -1, "nothing comes twice");
    }
    mailbox_destroy(&box);
}

/* A sender that is stopped delays neither other senders nor the owner. */
static void send_and_take(void *argument)
{
    int number;

    (void)argument;
    push(1);
    do {
        number = pop();
        if (number == -1)
            CHECK(false, "who is stopped while it sends stops nobody else");
    } while (number == 0);
}

static void a_sender_can_stop_at_any_time(void)
{
    struct step_tour tour;
    int left;

    mailbox_init(&box);
    for (tour = step_tour("send"); step_on_tour(&tour);) {
        next_message = stamped(0, 0);
        step_meet(tour.n, push_next, send_and_take, NULL);
        left = pop();
        CHECK(left == 0 || left == -1, "its message comes before or after");
        CHECK_NUMBER(pop(), -1, "and only once");
    }
    mailbox_destroy(&box);
}

/* While who takes turns a batch around, the messages are in no list, and who
 * goes to sleep then misses them; it must be woken afterwards. */
static pthread_t late_thread;
static atomic_bool late_is_there;

static void *come_late(void *argument)
{
    if (wait_at_mailbox(&box, &never) != WAIT_READY)
        CHECK(false, "who comes late is told of what is left");
    atomic_store(&late_is_there, true);
    return argument;
}

static void start_late(void *argument)
{
    (void)argument;
    late_is_there = false;
    late_thread = check_start(come_late, NULL);
    CHECK_EVENTUALLY(sleeping() == 1 || late_is_there,
                     "another thread waits for a message");
}

static void take_one(void *argument)
{
    (void)argument;
    taken[0] = pop();
}

/* Looks first, which must do no harm. */
static void look_and_take_one(void *argument)
{
    (void)mailbox_peek_owner(&box);
    take_one(argument);
}

static void leave_one(const char *name, void (*take)(void *))
{
    struct step_tour tour;

    for (tour = step_tour(name); step_on_tour(&tour);) {
        push(0);
        push(1);
        step_meet(tour.n, take, start_late, NULL);
        check_join(late_thread);
        CHECK(taken[0] == 0 && pop() == 1 && pop() == -1,
              "who waits takes nothing");
    }
}

static void what_is_left_wakes_who_has_missed_it(void)
{
    mailbox_init(&box);
    leave_one("take one", take_one);
    leave_one("look", look_and_take_one);
    mailbox_destroy(&box);
}

static void close_box(void *argument)
{
    (void)argument;
    mailbox_close(&box);
}

/* Somebody falls asleep while there is no message yet, but a sender is at it,
 * or somebody who closes. */
static void who_falls_asleep_meanwhile_is_woken(void)
{
    struct step_tour tour;

    mailbox_init(&box);
    for (tour = step_tour("push"); step_on_tour(&tour);) {
        next_message = stamped(0, 5);
        step_meet(tour.n, push_next, start_late, NULL);
        check_join(late_thread);
        CHECK_NUMBER(pop(), 5, "a message wakes who has just fallen asleep");
    }
    mailbox_destroy(&box);
    for (tour = step_tour("closing"); step_on_tour(&tour);) {
        mailbox_init(&box);
        step_meet(tour.n, close_box, start_late, NULL);
        check_join(late_thread);
        mailbox_destroy(&box);
    }
}

/* A message is in the mailbox, or still its sender's; never both or neither. */
static void a_mailbox_can_be_closed_at_any_time(void)
{
    struct step_tour tour;

    for (tour = step_tour("close"); step_on_tour(&tour);) {
        mailbox_init(&box);
        next_message = stamped(0, 4);
        (void)step_run(tour.n, push_next, close_box, NULL);
        CHECK_NUMBER(pop(), pushed ? 4 : -1,
                     "a message is in if the sender was told so");
        if (!pushed)
            message_release(next_message);
        mailbox_destroy(&box);

        mailbox_init(&box);
        (void)step_run(tour.n, await_message, close_box, NULL);
        CHECK(result == WAIT_READY, "closing ends a wait that begins");
        mailbox_destroy(&box);
    }
}

/* ---- stress ---- */

#define SENDERS 8

enum manner {
    /* Looks again and again. */
    MANNER_POLLS,
    /* Sleeps until a message comes. */
    MANNER_SLEEPS,
    /* Sleeps a moment. */
    MANNER_DOZES,
    MANNERS
};

struct sender {
    struct random random;
    unsigned number, messages;
    pthread_t thread;
};

static void *send(void *argument)
{
    struct sender *sender = argument;
    unsigned i;

    for (i = 0; i < sender->messages; i++) {
        (void)mailbox_push(&box, stamped(sender->number, i));
        if (random_one_in(&sender->random, 3))
            random_pause(&sender->random);
    }
    return NULL;
}

static struct message *receive(enum manner manner, struct random *random)
{
    struct message *message;
    struct deadline deadline = never;
    enum wait_result how;

    while ((message = mailbox_pop_owner(&box)) == NULL) {
        if (manner == MANNER_POLLS) {
            random_pause(random);
            continue;
        }
        if (manner == MANNER_DOZES)
            deadline = deadline_after(random_below(random, 60) / 1e3);
        how = wait_at_mailbox(&box, &deadline);
        if (how != WAIT_READY &&
            (how != WAIT_TIMEOUT || manner != MANNER_DOZES))
            CHECK(false, "a wait ends for a reason");
        if (how == WAIT_READY && mailbox_peek_owner(&box) == NULL)
            CHECK(false, "there is a message when the owner is told so");
    }
    return message;
}

static void receive_all(unsigned count, enum manner manner,
                        struct random *random)
{
    unsigned next[SENDERS] = {0}, i;
    bool in_order = true;

    for (i = 0; i < count; i++) {
        struct message *message = receive(manner, random);
        struct stamp stamp = stamp_of(message);

        in_order = in_order && stamp.number == next[stamp.sender];
        next[stamp.sender]++;
        message_release(message);
    }
    CHECK(in_order, "messages of one sender come in order, each once");
    CHECK(mailbox_pop_owner(&box) == NULL, "and nothing else comes");
}

static void send_and_receive(unsigned count, enum manner manner,
                             struct random *random)
{
    struct sender senders[SENDERS];
    unsigned messages = STRESS_SCALED(2000) / count, i;

    mailbox_init(&box);
    for (i = 0; i < count; i++) {
        senders[i].random = random_split(random);
        senders[i].number = i;
        senders[i].messages = messages;
        senders[i].thread = check_start(send, &senders[i]);
    }
    receive_all(count * messages, manner, random);
    for (i = 0; i < count; i++)
        check_join(senders[i].thread);
    mailbox_destroy(&box);
}

static void any_number_of_senders(void)
{
    struct stress s;
    unsigned manner;

    for (manner = 0; manner < MANNERS; manner++)
        for (s = stress_begin("senders", 32); stress_goes_on(&s); s.round++)
            send_and_receive(1 + (unsigned)s.round % SENDERS,
                             (enum manner)manner, &s.random);
}

/* There and back: each message finds its receiver asleep, or about to be. */
static struct mailbox back;

static void *answer(void *count)
{
    unsigned i;

    for (i = 0; i < *(unsigned *)count; i++) {
        if (wait_at_mailbox(&box, &never) != WAIT_READY)
            CHECK(false, "a question ends the wait for it");
        (void)mailbox_push(&back, mailbox_pop_owner(&box));
    }
    return NULL;
}

static void ask(struct random *random)
{
    unsigned count = STRESS_SCALED(500), i;
    struct message *message = stamped(0, 0);
    pthread_t other = check_start(answer, &count);

    for (i = 0; i < count; i++) {
        (void)mailbox_push(&box, message);
        random_pause(random);
        if (wait_at_mailbox(&back, &never) != WAIT_READY)
            CHECK(false, "an answer ends the wait for it");
        message = mailbox_pop_owner(&back);
    }
    check_join(other);
    message_release(message);
}

static void one_message_goes_there_and_back(void)
{
    mailbox_init(&box);
    mailbox_init(&back);
    stress_rounds("there and back", 20, ask);
    CHECK(mailbox_pop_owner(&box) == NULL && mailbox_pop_owner(&back) == NULL,
          "what goes there and back is nowhere else");
    mailbox_destroy(&box);
    mailbox_destroy(&back);
}

/* Several threads take, one at a time. Who finds another one at it waits again:
 * the hint that there is something "never errs for good". */
#define TAKERS 3

static atomic_flag taking = ATOMIC_FLAG_INIT;
static atomic_uint taken_by_all;

static void *take_in_turn(void *argument)
{
    struct message *message;

    while (wait_at_mailbox(&box, &never) == WAIT_READY) {
        if (atomic_flag_test_and_set(&taking)) {
            sched_yield();
            continue;
        }
        message = mailbox_pop_owner(&box);
        atomic_flag_clear(&taking);
        if (message != NULL) {
            message_release(message);
            atomic_fetch_add(&taken_by_all, 1);
        } else if (mailbox_is_closed(&box)) {
            return argument;
        }
    }
    return argument;
}

static void share(struct random *random)
{
    struct sender sender = {random_split(random), 0, STRESS_SCALED(2000), 0};
    pthread_t takers[TAKERS];
    unsigned i;

    mailbox_init(&box);
    taken_by_all = 0;
    for (i = 0; i < TAKERS; i++)
        takers[i] = check_start(take_in_turn, NULL);
    (void)send(&sender);
    CHECK_EVENTUALLY(taken_by_all == sender.messages,
                     "several takers take every message");
    mailbox_close(&box);
    for (i = 0; i < TAKERS; i++)
        check_join(takers[i]);
    CHECK_NUMBER(taken_by_all, sender.messages, "each of them once");
    mailbox_destroy(&box);
}

static void several_threads_take_in_turn(void)
{
    stress_rounds("takers", 20, share);
}

static void all(void)
{
    (void)waiter_setup();
    if (step_works()) {
        check_part("a message can come at any time",
                   a_message_can_come_at_any_time);
        check_part("a message can come while others are taken",
                   a_message_can_come_while_others_are_taken);
        check_part("a sender can stop at any time",
                   a_sender_can_stop_at_any_time);
        check_part("what is left wakes who has missed it",
                   what_is_left_wakes_who_has_missed_it);
        check_part("who falls asleep meanwhile is woken",
                   who_falls_asleep_meanwhile_is_woken);
        check_part("a mailbox can be closed at any time",
                   a_mailbox_can_be_closed_at_any_time);
    }
    check_part("any number of senders", any_number_of_senders);
    check_part("one message goes there and back",
               one_message_goes_there_and_back);
    check_part("several threads take in turn", several_threads_take_in_turn);
}

int main(void)
{
    return check_program("mailbox_races", all);
}
