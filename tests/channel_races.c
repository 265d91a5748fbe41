/* SPDX-License-Identifier: MIT
 *
 * What happens at a channel between any two instructions of who uses it.
 */
#include "support/check.h"
#include "support/deadlines.h"
#include "support/known_waiter.h"
#include "support/one_channel.h"
#include "support/step.h"

/* What run() has received or seen. */
static int got;

/* run() is played again and again, each time between before() and after(), and
 * stopped in another place; stop() is what another thread does then. */
static void play(const char *name, void (*before)(void), void (*run)(void *),
                 void (*stop)(void *), void (*after)(void))
{
    struct step_tour tour;

    for (tour = step_tour(name); step_on_tour(&tour);) {
        before();
        outcome = CHANNEL_TIMEOUT;
        step_meet(tour.n, run, stop, NULL);
        got = number_of(outcome, received);
        after();
        drop_channel();
    }
}

static struct visitor visitor;

static void receiver_comes(void *argument)
{
    (void)argument;
    visitor = (struct visitor){.sends = false};
    visitor_start(&visitor);
}

static void sender_comes(void *argument)
{
    (void)argument;
    visitor = (struct visitor){.sends = true, .number = 7};
    visitor_start(&visitor);
}

static void empty_channel(void)
{
    new_channel(1);
}

/* It has 0. */
static void full_channel(void)
{
    new_channel(1);
    fill(1);
}

/* It has 0, and 1 is to be sent. */
static void full_channel_for_one(void)
{
    full_channel();
    next = stamped(0, 1);
}

static void channel_with_room_for_one(void)
{
    new_channel(2);
    fill(1);
    next = stamped(0, 1);
}

static void channel_of_two(void)
{
    new_channel(3);
    fill(2);
}

/* A sender is stopped: others send, and receive what they have sent. */
static unsigned zeros;

static void first_message(void)
{
    new_channel(2);
    next = stamped(0, 0);
    zeros = 0;
}

static void send_and_receive(void *argument)
{
    int number;

    (void)argument;
    CHECK_NUMBER(put(1), CHANNEL_OK, "who is stopped holds up no sender");
    while ((number = get()) == 0)
        zeros++;
    CHECK_NUMBER(number, 1, "and hides nobody else's message");
}

static void the_first_message_is_sent_once(void)
{
    int left = get();

    if (left == 0)
        zeros++;
    CHECK(sent == CHANNEL_OK && zeros == 1, "its own message is sent, once");
    CHECK(left == NOTHING || get() == NOTHING, "and nothing else");
    CHECK_NUMBER(channel_count(channel), 0, "the count is right in the end");
}

static void a_sender_can_stop_at_any_time(void)
{
    play("sender", first_message, run_send, send_and_receive,
         the_first_message_is_sent_once);
}

/* A receiver is stopped: others send. */
static void send_two(void *argument)
{
    unsigned count;

    (void)argument;
    CHECK_NUMBER(put(2), CHANNEL_OK, "a stopped receiver holds up no sender");
    count = channel_count(channel);
    CHECK(count >= 2 && count <= 3, "the count is never far from right");
}

static void all_three_came_in_order(void)
{
    CHECK(got == 0 && get() == 1 && get() == 2 && get() == NOTHING,
          "messages come in order, each once");
    CHECK_NUMBER(channel_count(channel), 0, "the count is right in the end");
}

static void a_receiver_can_stop_at_any_time(void)
{
    play("receiver", channel_of_two, run_get, send_two,
         all_three_came_in_order);
}

/* A receiver falls asleep, where another one does so already. */
static void visited_channel(void)
{
    new_channel(2);
    receiver_comes(NULL);
}

static void send_four_and_five(void *argument)
{
    (void)argument;
    CHECK(put(4) == CHANNEL_OK && put(5) == CHANNEL_OK, "messages are sent");
}

static void four_and_five_were_received(void)
{
    int other = visitor_end(&visitor);

    CHECK((got == 4 && other == 5) || (got == 5 && other == 4),
          "messages reach who falls asleep, each another one");
    CHECK(get() == NOTHING && channel_count(channel) == 0, "once");
}

/* A receiver gives up, and another one comes that does not. */
static void receiver_comes_and_four(void *argument)
{
    receiver_comes(argument);
    CHECK_NUMBER(put(4), CHANNEL_OK, "a message is sent");
}

static void four_was_received_by_one(void)
{
    if (got == 4)
        CHECK_NUMBER(put(4), CHANNEL_OK, "another one is sent");
    else
        CHECK_NUMBER(got, NOTHING, "who is in haste may get nothing");
    CHECK_NUMBER(visitor_end(&visitor), 4,
                 "who gives up leaves the message to the other");
    CHECK(get() == NOTHING && channel_count(channel) == 0, "and it comes once");
}

static void a_receiver_can_be_woken_at_any_time(void)
{
    play("messages", visited_channel, run_receive, send_four_and_five,
         four_and_five_were_received);
}

/* What comes before the sleep is played elsewhere; the rest is the last quarter
 * at most. */
static void a_receiver_can_give_up_at_any_time(void)
{
    struct step_tour tour;
    enum step_end end;

    for (tour = step_tour("haste"); step_on_tour(&tour);) {
        if (tour.stride > 0 && tour.n < tour.end / 4 * 3) {
            tour.n += tour.end / 4 * 3;
            tour.stride = (tour.stride + 3) / 4;
        }
        empty_channel();
        end = step_run_through(tour.n, run_receive_hastily,
                               receiver_comes_and_four, NULL);
        if (end == STEP_NOT_STOPPED)
            receiver_comes_and_four(NULL);
        got = number_of(outcome, received);
        four_was_received_by_one();
        drop_channel();
    }
}

/* A sender falls asleep. */
static void make_room(void *argument)
{
    (void)argument;
    CHECK_NUMBER(get(), 0, "the older message is received");
}

static void one_was_sent(void)
{
    CHECK(sent == CHANNEL_OK && channel_count(channel) == 1,
          "room is found by who falls asleep");
    CHECK(get() == 1 && get() == NOTHING, "and what was sent is received");
}

static void one_was_refused(void)
{
    CHECK_NUMBER(sent, CHANNEL_CLOSED, "closing reaches who waits for room");
    CHECK_NUMBER(stamp_of(next).number, 1, "whose message is still its own");
    message_release(next);
    CHECK(get() == 0 && get() == THE_END, "nothing of it was queued");
}

static void a_sender_can_be_woken_at_any_time(void)
{
    play("room", full_channel_for_one, run_send, make_room, one_was_sent);
    play("no room", full_channel_for_one, run_send, run_close, one_was_refused);
}

/* A channel is closed while somebody uses it. */
static void one_is_in_or_not(void)
{
    unsigned count = channel_count(channel);

    CHECK_NUMBER(get(), 0, "what was there is there");
    if (sent == CHANNEL_OK) {
        CHECK(count == 2 && get() == 1, "what was accepted is there");
    } else {
        CHECK(sent == CHANNEL_CLOSED && count == 1, "what was not is not");
        message_release(next);
    }
    CHECK_NUMBER(get(), THE_END, "nothing comes after the end");
}

/* Somebody has seen the end while a sender was about to push. */
static void close_and_empty(void *argument)
{
    int number;

    (void)argument;
    channel_close(channel);
    CHECK_NUMBER(get(), 0, "what was there is there");
    number = get();
    zeros = number == 1;
    CHECK((number == 1 && get() == THE_END) || number == THE_END,
          "the end comes last");
}

static void one_came_before_the_end(void)
{
    CHECK(get() == THE_END && channel_count(channel) == 0,
          "the end is the end");
    if (sent == CHANNEL_OK) {
        CHECK_NUMBER(zeros, 1, "what was accepted came before it");
    } else {
        CHECK(sent == CHANNEL_CLOSED && zeros == 0, "what was not did not");
        message_release(next);
    }
}

static void send_five_and_close(void *argument)
{
    (void)argument;
    CHECK_NUMBER(put(5), CHANNEL_OK, "a message is sent before the end");
    channel_close(channel);
}

static void five_was_not_missed(void)
{
    CHECK(got == NOTHING || got == 5, "no end is told before the last message");
    CHECK(got == 5 || get() == 5, "which can be received");
    CHECK_NUMBER(get(), THE_END, "before the end comes");
}

static void five_was_seen_or_not(void)
{
    CHECK(got == NOTHING || got == 5,
          "no end is shown before the last message");
    got = NOTHING;
    five_was_not_missed();
}

static void a_channel_can_be_closed_at_any_time(void)
{
    play("close 1", channel_with_room_for_one, run_send, run_close,
         one_is_in_or_not);
    play("close 2", channel_with_room_for_one, run_send, close_and_empty,
         one_came_before_the_end);
    play("close 3", channel_with_room_for_one, run_close, run_send,
         one_is_in_or_not);
    play("last 1", empty_channel, run_get, send_five_and_close,
         five_was_not_missed);
    play("last 2", empty_channel, run_look, send_five_and_close,
         five_was_seen_or_not);
}

/* Somebody comes to wait while another one makes it unnecessary. */
static void seven_was_sent(void)
{
    CHECK_NUMBER(visitor_end(&visitor), 7, "who comes late finds the room");
    CHECK(get() == 7 && get() == NOTHING && channel_count(channel) == 0,
          "and what it has sent is received");
}

static void both_were_received(void)
{
    int late = visitor_end(&visitor);

    CHECK((late == 0 && got == 1) || (late == 1 && got == 0),
          "who comes late receives what is left");
    CHECK(get() == NOTHING && channel_count(channel) == 0, "each once");
}

static void both_were_seen(void)
{
    CHECK_NUMBER(visitor_end(&visitor), 0, "who only looks takes from nobody");
    CHECK(got == 0 || got == 1, "and sees what is first");
    CHECK(get() == 1 && channel_count(channel) == 0, "the rest is left");
}

static void nobody_waits_at_the_end(void)
{
    CHECK_NUMBER(visitor_end(&visitor), THE_END, "who comes late is sent away");
}

static void who_comes_late_is_not_forgotten(void)
{
    play("late 1", full_channel, run_get, sender_comes, seven_was_sent);
    play("late 2", full_channel, run_clear, sender_comes, seven_was_sent);
    play("late 3", channel_of_two, run_get, receiver_comes, both_were_received);
    play("late 4", channel_of_two, run_look, receiver_comes, both_were_seen);
    play("late 5", empty_channel, run_close, receiver_comes,
         nobody_waits_at_the_end);
}

/* A message is being put back: another thread takes it, which is not possible
 * while the receivers' lock is held, and a sender comes. */
static int taken;

static void message_in_hands(void)
{
    new_channel_in_hands();
    taken = NOTHING;
}

static void take_if_possible(void *argument)
{
    (void)argument;
    if (!is_locked())
        taken = get();
}

static void take_and_send(void *argument)
{
    take_if_possible(argument);
    CHECK(channel_count(channel) <= 1, "nothing is counted that is not there");
    sender_comes(NULL);
}

static void zero_is_taken_and_seven_sent(void)
{
    CHECK(taken == 0 || get() == 0, "what is put back can be taken");
    CHECK_NUMBER(visitor_end(&visitor), 7, "and leaves its room to others");
    CHECK(get() == 7 && channel_count(channel) == 0,
          "the count is right in the end");
}

static void a_message_can_be_put_back_at_any_time(void)
{
    play("return", message_in_hands, run_return, take_and_send,
         zero_is_taken_and_seven_sent);
}

/* The last message of a closed channel is in hands, and others wait. */
static struct visitor second_visitor;

static void closed_in_hands(void)
{
    new_channel_in_hands();
    channel_close(channel);
}

static void visited_in_hands(void)
{
    new_channel_in_hands();
    receiver_comes(NULL);
    second_visitor = (struct visitor){.sends = false};
    visitor_start(&second_visitor);
}

static void the_end_has_come(void)
{
    CHECK(visitor_end(&visitor) == THE_END && get() == THE_END,
          "who waits for the last message is told of the end");
    message_release(in_hands);
}

static void the_end_has_come_for_all(void)
{
    CHECK_NUMBER(visitor_end(&second_visitor), THE_END,
                 "all who wait for the last message are told of the end");
    the_end_has_come();
}

static void the_end_can_come_at_any_time(void)
{
    play("commit", closed_in_hands, run_commit, receiver_comes,
         the_end_has_come);
    play("commit, close", visited_in_hands, run_commit, run_close,
         the_end_has_come_for_all);
    play("close, commit", visited_in_hands, run_close, run_commit,
         the_end_has_come_for_all);
}

/* A message is being looked at: another thread takes and frees it. */
static void message_to_look_at(void)
{
    full_channel();
    taken = NOTHING;
}

static void zero_was_seen(void)
{
    CHECK(got == 0 || (got == NOTHING && taken == 0),
          "who looks can read what others take meanwhile");
}

static void a_message_can_be_taken_while_it_is_looked_at(void)
{
    play("look", message_to_look_at, run_look, take_if_possible, zero_was_seen);
}

/* Messages are being dropped: another thread takes one of them. */
static struct message *kept[2];

static void two_that_are_kept(void)
{
    unsigned i;

    new_channel(3);
    for (i = 0; i < 2; i++) {
        kept[i] = stamped(0, i);
        message_retain(kept[i]);
        (void)channel_send(channel, kept[i], &never);
    }
    taken = NOTHING;
    cleared = 0;
}

static void each_has_gone_once(void)
{
    unsigned i, left = channel_count(channel), sum = cleared + left;

    sum += taken != NOTHING;
    CHECK_NUMBER(sum, 2, "every message is taken, dropped or left");
    CHECK_NUMBER(channel_clear(channel), left, "the count is right in the end");
    for (i = 0; i < 2; i++) {
        CHECK_NUMBER(kept[i]->references.holders, 1, "nobody has it twice");
        message_release(kept[i]);
    }
}

static void messages_can_be_taken_while_they_are_dropped(void)
{
    play("clear", two_that_are_kept, run_clear, take_if_possible,
         each_has_gone_once);
}

/* An interrupt comes, with what was waited for. */
/* With somebody behind who is not interrupted. */
static void interrupt_and_send_four(void *argument)
{
    receiver_comes(argument);
    waiter_interrupt(own, INTERRUPT_ONCE);
    CHECK_NUMBER(put(4), CHANNEL_OK, "a message is sent");
}

static void four_was_received_or_left(void)
{
    waiter_interrupt(own, INTERRUPT_NONE);
    if (got == -(int)CHANNEL_INTERRUPTED)
        got = NOTHING;
    four_was_received_by_one();
}

static void interrupt_at_any_time(void)
{
    waiter_accept_interrupts(ignore_nudge, NULL);
    play("interrupt", empty_channel, run_receive, interrupt_and_send_four,
         four_was_received_or_left);
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
    check_part("a sender can stop at any time", a_sender_can_stop_at_any_time);
    check_part("a receiver can stop at any time",
               a_receiver_can_stop_at_any_time);
    check_part("a receiver can be woken at any time",
               a_receiver_can_be_woken_at_any_time);
    check_part("a receiver can give up at any time",
               a_receiver_can_give_up_at_any_time);
    check_part("a sender can be woken at any time",
               a_sender_can_be_woken_at_any_time);
    check_part("a channel can be closed at any time",
               a_channel_can_be_closed_at_any_time);
    check_part("who comes late is not forgotten",
               who_comes_late_is_not_forgotten);
    check_part("a message can be put back at any time",
               a_message_can_be_put_back_at_any_time);
    check_part("the end can come at any time", the_end_can_come_at_any_time);
    check_part("a message can be taken while it is looked at",
               a_message_can_be_taken_while_it_is_looked_at);
    check_part("messages can be taken while they are dropped",
               messages_can_be_taken_while_they_are_dropped);
    check_part("an interrupt can come at any time",
               an_interrupt_can_come_at_any_time);
}

int main(void)
{
    return check_program("channel_races", all);
}
