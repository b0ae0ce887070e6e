"""Many requests at the same instant, each on a connection of its own, on committed rows."""

from uuid import uuid4

from django.utils import timezone

from apps.core.actor import Actor
from apps.core.refusal import Refusal
from apps.loyalty.models import Card, Movement
from apps.loyalty.services import add_stamp, redeem
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

HELPER = Actor("team", 7)


def test_the_same_tap_sixteen_times_at_once_stamps_once(committed):
    (card,) = committed(lambda _: (ProgrammeFactory(), CardFactory())[1], None)
    token, now = uuid4(), timezone.now()

    def tap(_):
        return add_stamp(card=card, token=token, by=HELPER, now=now)

    results = committed(tap, *range(16))
    assert {r.movement.pk for r in results} == {results[0].movement.pk}
    assert sorted(r.repeated for r in results) == [False] + [True] * 15
    kept = (Card.objects.get(pk=card.pk).balance, Movement.objects.filter(card=card).count())
    assert kept == (1, 1)


def test_different_taps_at_once_respect_the_rest_of_the_card(committed):
    (card,) = committed(lambda _: (ProgrammeFactory(), CardFactory())[1], None)
    now = timezone.now()

    def tap(_):
        return add_stamp(card=card, token=uuid4(), by=HELPER, now=now)

    results = committed(tap, *range(8))
    assert sum(isinstance(r, Refusal) for r in results) == 7
    assert Card.objects.get(pk=card.pk).balance == 1


def test_one_token_for_two_cards_at_once_stamps_one(committed):
    def two_cards(_):
        ProgrammeFactory()
        return [CardFactory(contact=ContactFactory()) for _turn in range(2)]

    (cards,) = committed(two_cards, None)
    token, now = uuid4(), timezone.now()
    results = committed(lambda c: add_stamp(card=c, token=token, by=HELPER, now=now), *cards)
    assert sum(isinstance(r, Refusal) for r in results) == 1
    assert Movement.objects.filter(token=token).count() == 1


def test_two_helpers_giving_the_same_reward_give_it_once(committed):
    def full_card(_):
        ProgrammeFactory(goal=2, cooldown_minutes=0)
        card, now = CardFactory(), timezone.now()
        for _turn in range(2):
            done = add_stamp(card=card, token=uuid4(), by=HELPER, now=now)
        return done.reward

    (reward,) = committed(full_card, None)
    now = timezone.now()
    results = committed(
        lambda _: redeem(reward=reward, token=uuid4(), by=HELPER, now=now), *range(6)
    )
    assert sum(isinstance(r, Refusal) for r in results) == 5
