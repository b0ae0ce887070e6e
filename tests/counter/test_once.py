"""Whatever is sent how often, in which order and cut where: each gesture has exactly one effect.

On committed rows of a real PostgreSQL, each request on a connection of its own.
"""

import random
from collections import Counter
from datetime import timedelta
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.models import Membership, User
from apps.contacts.models import Contact
from apps.core.actor import Actor
from apps.counter.models import Gesture
from apps.counter.services import Letter, Queued, drain
from apps.loyalty.models import Card, Movement, MovementKind
from apps.loyalty.services import card_of
from tests.factories import ContactFactory, ProgrammeFactory, UserFactory

MANY, CUTS = 300, 60
REST = timedelta(minutes=31)
PLUG = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'a phone' AND datname = current_database()"""


@pytest.fixture
def letter(committed, shop):
    """From a phone of somebody of the team, who is known to every connection."""

    def hire(_):
        user = UserFactory()
        Membership.objects.create(shop=shop, user=user, role="helper")
        return user

    (user,) = committed(hire, None)
    yield Letter(UUID(int=7), Actor("team", user.pk), "FR", timedelta(0), timezone.now())

    def dismiss(_):
        Membership.objects.filter(user=user).delete()
        User.objects.filter(pk=user.pk)._raw_delete("default")

    committed(dismiss, None)


def a_week_in_the_cellar(cards, many):
    """Stamps that keep each card's rest, and people nobody knew."""
    begin, queue = timezone.now() - timedelta(days=6), []
    for number in range(many):
        token, at = uuid4(), begin + REST * (number // 7)
        if number % 7 == 6:
            phone = f"0671{token.int % 10**6:06d}"
            queue.append(Queued(token, "add", at, phone=phone, stamp=True))
        else:
            queue.append(Queued(token, "stamp", at, card=cards[number % 7].pk))
    return queue


def prepare(_):
    ProgrammeFactory(goal=5, cooldown_minutes=30, helper_hourly_limit=1000)
    return [card_of(ContactFactory()) for _turn in range(6)]


def assert_each_once(queue):
    earned = Movement.objects.filter(kind=MovementKind.EARN)
    assert sorted(earned.values_list("token", flat=True)) == sorted(one.token for one in queue)
    answers = Gesture.objects.values_list("refusal", flat=True)
    assert Counter(answers) == {"": len(queue)}
    added = sum(one.kind == "add" for one in queue)
    assert Contact.objects.filter(phone__startswith="+336").exclude(gesture=None).count() == added
    for card in Card.objects.annotate(told=Sum("movements__stamps")):
        assert card.balance == (card.told or 0)


def test_300_gestures_sent_twice_at_once_in_any_order_and_cut_off_are_300_effects(
    committed, letter
):
    """Two letters carry the same queue while somebody pulls the plug, wherever they are."""
    (cards,) = committed(prepare, None)
    queue = a_week_in_the_cellar(cards, MANY)
    chance, arrived = random.Random(300), Event()

    def phone(_):
        waiting, told = chance.sample(queue, MANY), []
        while waiting:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET application_name = 'a phone'")
                told += drain(waiting[:50], letter)
            except (OperationalError, InterfaceError, psycopg.OperationalError):
                connection.close()
                chance.shuffle(waiting)
                continue
            waiting = waiting[50:]
        return told

    def plug(_):
        cuts = 0
        while cuts < CUTS and not arrived.wait(chance.random() / 20):
            with connection.cursor() as cursor:
                cursor.execute(PLUG)
                cuts += cursor.rowcount
        return cuts

    def part(work):
        try:
            return work(None)
        finally:
            if work is phone:
                arrived.set()

    *answers, cuts = committed(part, phone, phone, plug)
    assert cuts > 0
    assert_each_once(queue)
    for told in answers:
        assert {answer.token for answer in told} == {one.token for one in queue}
        assert {answer.state for answer in told} <= {"accepted", "done"}


@settings(
    max_examples=6,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32))
def test_cut_at_any_point_and_sent_again_nothing_doubles_nothing_is_lost(committed, letter, seed):
    """A cut is the server's work broken off after some gestures, or done and the answer lost:
    the phone knows of neither and sends the same again until it hears."""
    (cards,) = committed(prepare, None)
    chance = random.Random(seed)
    queue = a_week_in_the_cellar(cards, 24)
    waiting = chance.sample(queue, len(queue))

    def send(gestures):
        return drain(gestures, letter)

    while waiting:
        some = waiting[: chance.randint(1, 12)]
        reached = chance.randint(0, len(some))
        committed(send, some[:reached])
        if chance.random() < 0.5:
            (answers,) = committed(send, some)
            heard = {answer.token for answer in answers}
            waiting = [one for one in waiting if one.token not in heard]
    committed(send, queue)
    ours = {one.token for one in queue}
    earned = Movement.objects.filter(kind=MovementKind.EARN, token__in=ours)
    assert earned.count() == len(queue)
    assert not Gesture.objects.to_settle().exists()
