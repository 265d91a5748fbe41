/* SPDX-License-Identifier: MIT
 *
 * What happens between any two instructions of a thread that selects.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/many_channels.h"
#include "support/step.h"

static struct choice choice;

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
        step_meet(tour.n, run, stop, NULL);
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
    for (turns = 0; turns < 1000 && !visitor.thread.ended && waiting(0) == 0;
         turns++)
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

static void interrupt_at_any_time(void)
{
    waiter_accept_interrupts(ignore_nudge, NULL);
    play("interrupt", run_select, interrupt_and_send,
         five_was_received_or_is_left);
}

static void an_interrupt_can_come_at_any_time(void)
{
    with_own_waiter(interrupt_at_any_time);
}

static void all(void)
{
    (void)waiter_setup();
    if (!step_works())
        return;
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

int main(void)
{
    return check_program("select_races", all);
}
