"""Stamps of another card arrive once, and full cards among them are rewards."""

from uuid import uuid4

import pytest
from django.db.models import Sum
from django.utils import timezone

from apps.core.actor import SYSTEM
from apps.loyalty.importing import TooManyStamps, import_stamps
from tests.factories import CardFactory, ProgrammeFactory

pytestmark = pytest.mark.django_db


def taken(card, stamps, token=None):
    done = import_stamps(card, stamps, token=token or uuid4(), by=SYSTEM, now=timezone.now())
    card.refresh_from_db()
    return done


@pytest.mark.parametrize(
    ("stamps", "balance", "rewards"), [(0, 0, 0), (7, 7, 0), (10, 0, 1), (23, 3, 2)]
)
def test_more_stamps_than_the_goal_are_rewards_and_a_rest(shop, stamps, balance, rewards):
    ProgrammeFactory(goal=10)
    card = CardFactory()
    assert taken(card, stamps) is (stamps > 0)
    assert (card.balance, card.rewards_ready) == (balance, rewards)
    assert card.rewards.count() == rewards
    assert (card.movements.aggregate(sum=Sum("stamps"))["sum"] or 0) == balance


def test_a_card_takes_over_another_only_once(shop):
    ProgrammeFactory(goal=10)
    card, token = CardFactory(), uuid4()
    assert taken(card, 4, token)
    assert not taken(card, 4, token)
    assert not taken(card, 4)
    assert card.balance == 4


def test_stamps_already_on_the_card_count_towards_the_reward(shop):
    ProgrammeFactory(goal=10)
    card = CardFactory(balance=8)
    taken(card, 3)
    assert (card.balance, card.rewards_ready) == (1, 1)


def test_an_absurd_number_is_refused(shop):
    with pytest.raises(TooManyStamps):
        taken(CardFactory(), 100_000)
