/* SPDX-License-Identifier: MIT
 *
 * The queue of messages: each arrives once, those of one sender in order, and
 * an owner that sleeps is woken.
 */
#include "mailbox.h"

#include "support/check.h"
#include "support/parcel.h"
#include "support/step.h"
#include "support/stress.h"

static struct mailbox box;

/* ---- messages that say who sent them, and as which ---- */

struct stamp {
    unsigned sender, number;
};

static struct message *stamped(unsigned sender, unsigned number)
{
    struct stamp stamp = {sender, number};
    struct message *message = message_new();

    memcpy(message_extend(message, sizeof stamp), &stamp, sizeof stamp);
    return message;
}

static struct stamp stamp_of(const struct message *message)
{
    struct stamp stamp;

    memcpy(&stamp, message->bytes, sizeof stamp);
    return stamp;
}

static void push(unsigned number)
{
    mailbox_push(&box, stamped(0, number));
}

/* The number of the next message, which is freed; -1: there is none. */
static int pop(void)
{
    struct message *message = mailbox_pop_owner(&box);
    int number;

    if (message == NULL)
        return -1;
    number = (int)stamp_of(message).number;
    message_free(message);
    return number;
}

/* ---- validation ---- */

static void a_new_mailbox_is_empty(void)
{
    struct deadline at_once = deadline_after(0), soon = deadline_after(1);

    mailbox_init(&box);
    CHECK_NUMBER(live_count(LIVE_MAILBOXES), 1, "a mailbox is counted");
    CHECK(mailbox_peek_owner(&box) == NULL, "a new one shows no message");
    CHECK(mailbox_pop_owner(&box) == NULL, "a new one has no message");
    CHECK(mailbox_wait_owner(&box, &at_once) == WAIT_TIMEOUT,
          "nothing is in it at once");
    CHECK(mailbox_wait_owner(&box, &soon) == WAIT_TIMEOUT, "or soon");
    mailbox_destroy(&box);
    CHECK_NUMBER(live_count(LIVE_MAILBOXES), 0,
                 "a destroyed one is not counted any more");
}

static void messages_come_in_order(void)
{
    unsigned i;

    mailbox_init(&box);
    for (i = 0; i < 5; i++)
        push(i);
    for (i = 0; i < 3; i++)
        CHECK_NUMBER(pop(), i, "the oldest message comes first");
    push(5);
    push(6);
    for (i = 3; i < 7; i++)
        CHECK_NUMBER(pop(), i, "also when others have come meanwhile");
    CHECK_NUMBER(pop(), -1, "each message comes once");
    push(7);
    CHECK_NUMBER(pop(), 7, "an emptied mailbox can be used again");
    mailbox_destroy(&box);
}

static void a_look_takes_nothing(void)
{
    struct message *first;

    mailbox_init(&box);
    push(0);
    push(1);
    first = mailbox_peek_owner(&box);
    CHECK(first != NULL && stamp_of(first).number == 0,
          "the oldest message is shown");
    CHECK(mailbox_peek_owner(&box) == first, "and shown again");
    push(2);
    CHECK(mailbox_pop_owner(&box) == first, "and then taken");
    message_free(first);
    CHECK(pop() == 1 && pop() == 2 && pop() == -1, "and the others after it");
    mailbox_destroy(&box);
}

static void the_same_message_comes_and_goes(void)
{
    struct message *message = stamped(1, 2);
    unsigned i;

    mailbox_init(&box);
    for (i = 0; i < 3; i++) {
        mailbox_push(&box, message);
        CHECK(mailbox_pop_owner(&box) == message, "a message is itself");
        CHECK(stamp_of(message).sender == 1 && stamp_of(message).number == 2,
              "and is not changed on its way");
    }
    message_free(message);
    mailbox_destroy(&box);
}

static void a_destroyed_mailbox_frees_what_is_in_it(void)
{
    struct handle *handle = parcel_new(1);
    struct message *message = stamped(0, 2);
    uint32_t number;

    mailbox_init(&box);
    push(0);
    push(1);
    (void)mailbox_peek_owner(&box);
    (void)message_keep(message, handle, &number);
    mailbox_push(&box, message);
    mailbox_destroy(&box);
    CHECK_NUMBER(live_count(LIVE_MESSAGES), 0,
                 "messages are freed, whether seen or not");
    CHECK_NUMBER(parcel_holders(handle), 1, "with all they hold");
    handle_release(handle);
}

static void who_has_a_message_does_not_wait(void)
{
    struct deadline never = deadline_never(), at_once = deadline_after(0);

    mailbox_init(&box);
    push(0);
    push(1);
    CHECK(mailbox_wait_owner(&box, &never) == WAIT_READY,
          "a message that has come ends the wait");
    CHECK_NUMBER(pop(), 0, "it can be taken then");
    CHECK(mailbox_wait_owner(&box, &never) == WAIT_READY &&
              mailbox_wait_owner(&box, &at_once) == WAIT_READY,
          "so does one that came with another");
    CHECK_NUMBER(pop(), 1, "which can be taken, too");
    CHECK(mailbox_wait_owner(&box, &at_once) == WAIT_TIMEOUT,
          "one that was taken does not");
    mailbox_destroy(&box);
}

static unsigned sleeping(void)
{
    return ck_pr_load_uint(&box.arrival.waiting);
}

static void *wait_for_message(void *argument)
{
    struct deadline never = deadline_never();

    (void)argument;
    CHECK(mailbox_wait_owner(&box, &never) == WAIT_READY && pop() == 3,
          "an owner that sleeps is woken by a message");
    return NULL;
}

static void a_message_wakes_its_owner(void)
{
    pthread_t owner;

    mailbox_init(&box);
    owner = check_start(wait_for_message, NULL);
    CHECK_EVENTUALLY(sleeping() == 1, "an owner begins to wait");
    push(3);
    check_join(owner);
    mailbox_destroy(&box);
}

static void nudged(void *context)
{
    (void)context;
}

static void *wait_for_interrupt(void *waiter)
{
    struct deadline never = deadline_never();

    (void)waiter_adopt(waiter);
    waiter_accept_interrupts(nudged, NULL);
    CHECK(mailbox_wait_owner(&box, &never) == WAIT_INTERRUPTED && pop() == -1,
          "an owner that sleeps can be interrupted");
    return NULL;
}

static void an_interrupt_wakes_the_owner(void)
{
    struct waiter *waiter = waiter_new();
    pthread_t owner;

    mailbox_init(&box);
    owner = check_start(wait_for_interrupt, waiter);
    CHECK_EVENTUALLY(sleeping() == 1, "an owner begins to wait");
    waiter_interrupt(waiter, INTERRUPT_ONCE);
    check_join(owner);
    waiter_release(waiter);
    mailbox_destroy(&box);
}

/* ---- between two instructions ---- */

static struct message *next_message;

static void push_next(void *argument)
{
    (void)argument;
    mailbox_push(&box, next_message);
}

static enum wait_result result;

static void await_message(void *argument)
{
    struct deadline never = deadline_never();

    (void)argument;
    result = mailbox_wait_owner(&box, &never);
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
    enum step_end end;

    mailbox_init(&box);
    for (tour = step_tour("take"); step_on_tour(&tour);) {
        push(0);
        push(1);
        next_message = stamped(0, 2);
        end = step_run(tour.n, take_three, push_next, NULL);
        if (end == STEP_NOT_STOPPED)
            push_next(NULL);
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
        if (step_run(tour.n, push_next, send_and_take, NULL) ==
            STEP_NOT_STOPPED)
            send_and_take(NULL);
        left = pop();
        CHECK(left == 0 || left == -1, "its message comes before or after");
        CHECK_NUMBER(pop(), -1, "and only once");
    }
    mailbox_destroy(&box);
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
        mailbox_push(&box, stamped(sender->number, i));
        if (random_one_in(&sender->random, 3))
            random_pause(&sender->random);
    }
    return NULL;
}

static struct message *receive(enum manner manner, struct random *random)
{
    struct message *message;
    struct deadline deadline = deadline_never();
    enum wait_result how;

    while ((message = mailbox_pop_owner(&box)) == NULL) {
        if (manner == MANNER_POLLS) {
            random_pause(random);
            continue;
        }
        if (manner == MANNER_DOZES)
            deadline = deadline_after(random_below(random, 60) / 1e3);
        how = mailbox_wait_owner(&box, &deadline);
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
        message_free(message);
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
    struct deadline never = deadline_never();
    unsigned i;

    for (i = 0; i < *(unsigned *)count; i++) {
        if (mailbox_wait_owner(&box, &never) != WAIT_READY)
            CHECK(false, "a question ends the wait for it");
        mailbox_push(&back, mailbox_pop_owner(&box));
    }
    return NULL;
}

static void ask(struct random *random, unsigned count)
{
    struct deadline deadline = deadline_never();
    struct message *message = stamped(0, 0);
    pthread_t other = check_start(answer, &count);
    unsigned i;

    for (i = 0; i < count; i++) {
        mailbox_push(&box, message);
        random_pause(random);
        if (mailbox_wait_owner(&back, &deadline) != WAIT_READY)
            CHECK(false, "an answer ends the wait for it");
        message = mailbox_pop_owner(&back);
    }
    check_join(other);
    message_free(message);
}

static void one_message_goes_there_and_back(void)
{
    struct stress s = stress_begin("there and back", 20);

    mailbox_init(&box);
    mailbox_init(&back);
    for (; stress_goes_on(&s); s.round++)
        ask(&s.random, STRESS_SCALED(500));
    CHECK(mailbox_pop_owner(&box) == NULL && mailbox_pop_owner(&back) == NULL,
          "what goes there and back is nowhere else");
    mailbox_destroy(&box);
    mailbox_destroy(&back);
}

static void all(void)
{
    (void)waiter_setup();
    check_part("a new mailbox is empty", a_new_mailbox_is_empty);
    check_part("messages come in order", messages_come_in_order);
    check_part("a look takes nothing", a_look_takes_nothing);
    check_part("the same message comes and goes",
               the_same_message_comes_and_goes);
    check_part("a destroyed mailbox frees what is in it",
               a_destroyed_mailbox_frees_what_is_in_it);
    check_part("who has a message does not wait",
               who_has_a_message_does_not_wait);
    check_part("a message wakes its owner", a_message_wakes_its_owner);
    check_part("an interrupt wakes the owner", an_interrupt_wakes_the_owner);
    if (step_works()) {
        check_part("a message can come at any time",
                   a_message_can_come_at_any_time);
        check_part("a message can come while others are taken",
                   a_message_can_come_while_others_are_taken);
        check_part("a sender can stop at any time",
                   a_sender_can_stop_at_any_time);
    }
    check_part("any number of senders", any_number_of_senders);
    check_part("one message goes there and back",
               one_message_goes_there_and_back);
}

int main(void)
{
    return check_program("mailbox", all);
}
