"""The story only moves forward, whatever order the news arrives in."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.messaging.models import Attempt, Message, Status
from apps.messaging.outcome import MAX_TRIES, Outcome, settle
from apps.messaging.story import DONE, forward

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
statuses = st.sampled_from(list(Status))


@given(statuses, statuses, statuses)
def test_forward_forgets_order_and_repetition(a, b, c):
    assert forward(a, b) == forward(b, a)
    assert forward(a, forward(b, c)) == forward(forward(a, b), c)
    assert forward(a, a) == a
    assert forward(forward(a, b), a) == forward(a, b)


@given(statuses)
def test_what_the_person_has_in_hand_is_the_last_word(status):
    assert forward(Status.DELIVERED, status) == Status.DELIVERED


def test_nothing_is_called_off_once_it_may_have_left():
    for gone in (Status.UNKNOWN, Status.SENT, Status.FAILED, Status.DELIVERED):
        assert forward(gone, Status.CANCELLED) == gone


def in_flight(number=1, **fields):
    message = Message(status=Status.SENDING, tries=number, segments=2, **fields)
    return message, Attempt(message=message, number=number, cost_tenths=140)


news = st.builds(
    Outcome,
    status=st.sampled_from(
        [Status.UNKNOWN, Status.SENT, Status.DELIVERED, Status.FAILED, Status.CANCELLED]
    ),
    code=st.sampled_from(["", "30003", "30005"]),
    again=st.booleans(),
    quota=st.booleans(),
)


@given(st.lists(news, max_size=8), st.integers(1, MAX_TRIES + 2))
def test_no_news_moves_a_message_back(story, number):
    message, attempt = in_flight(number)
    for piece in story:
        before, before_try = message.status, attempt.status
        settle(message, attempt, piece, NOW)
        assert forward(before, message.status) == message.status
        assert forward(before_try, attempt.status) == attempt.status
        # What the database also holds: done means that no try is due.
        assert message.status not in DONE or message.available_at is None
        assert message.status != Status.QUEUED
        assert message.cost_tenths in {0, 140}


@given(st.lists(news, min_size=1, max_size=4))
def test_a_replay_changes_nothing(story):
    message, attempt = in_flight()
    for piece in story:
        settle(message, attempt, piece, NOW)
    stand = (message.status, message.available_at, message.reason, message.cost_tenths)
    for piece in story:
        settle(message, attempt, piece, NOW + timedelta(hours=1))
    assert (message.status, message.available_at, message.reason, message.cost_tenths) == stand


def test_delivered_before_sent_is_delivered():
    for order in permutations([Status.SENT, Status.DELIVERED, Status.SENT]):
        message, attempt = in_flight()
        for status in order:
            settle(message, attempt, Outcome(status), NOW)
        assert message.status == attempt.status == Status.DELIVERED
        assert message.cost_tenths == 140


def test_a_late_failure_is_tried_again_while_the_message_stays_sent():
    message, first = in_flight()
    settle(message, first, Outcome(Status.SENT), NOW)
    settle(message, first, Outcome(Status.FAILED, "30003", again=True), NOW)
    assert (message.status, first.status) == (Status.SENT, Status.FAILED)
    assert message.available_at == NOW + timedelta(minutes=15)
    message.tries, message.available_at = 2, None
    second = Attempt(message=message, number=2, cost_tenths=140)
    settle(message, second, Outcome(Status.DELIVERED), NOW)
    assert message.status == Status.DELIVERED
    assert message.cost_tenths == 280  # both were accepted, both are paid


def test_a_late_arrival_calls_off_the_next_try():
    message, first = in_flight()
    settle(message, first, Outcome(Status.FAILED, "30003", again=True), NOW)
    assert message.available_at
    settle(message, first, Outcome(Status.DELIVERED), NOW)
    assert (message.status, message.available_at) == (Status.DELIVERED, None)


def test_news_of_an_old_try_does_not_end_the_one_under_way():
    message, first = in_flight()
    message.tries = 2
    settle(message, first, Outcome(Status.FAILED, "30005"), NOW)
    assert message.status == Status.SENDING


@pytest.mark.parametrize(("tries", "seconds"), [(1, 5), (2, 20), (3, 80), (4, 320)])
def test_each_wait_is_four_times_longer(tries, seconds):
    message, attempt = in_flight(tries)
    settle(message, attempt, Outcome(Status.FAILED, "20429", again=True), NOW)
    assert message.available_at == NOW + timedelta(seconds=seconds)


def test_the_provider_may_ask_for_more_patience():
    message, attempt = in_flight()
    settle(message, attempt, Outcome(Status.FAILED, "20429", again=True, after=900), NOW)
    assert message.available_at == NOW + timedelta(minutes=15)


def test_seven_tries_outlast_an_hour_and_are_enough():
    waits = [5 * 4**tries for tries in range(MAX_TRIES - 1)]
    assert timedelta(hours=1) < timedelta(seconds=sum(waits)) < timedelta(hours=3)
    message, attempt = in_flight(MAX_TRIES)
    settle(message, attempt, Outcome(Status.FAILED, "20429", again=True), NOW)
    assert (message.status, message.available_at) == (Status.FAILED, None)
