"""What counts is the shop's choice: stamps, visits, euros spent, points."""

from datetime import datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from apps.contacts.age import IdNotChecked
from apps.core.actor import Actor
from apps.loyalty.card_page import Standing
from apps.loyalty.models import MovementKind, Redemption, Reward
from apps.loyalty.rule import Kind, Offer
from apps.loyalty.services import (
    AmountMissing,
    OfferGone,
    TokenSpent,
    TooFewPoints,
    VisitCounted,
    add_stamp,
    buy,
    undo_stamp,
)
from tests.factories import CardFactory, ProgrammeFactory

HELPER = Actor("team", 7, device=3, place="counter")
PARIS = ZoneInfo("Europe/Paris")
TUESDAY = datetime(2026, 11, 24, 15, 0, tzinfo=PARIS)
COFFEE = Offer(5, "Un café").kept()


def rule(**more):
    return ProgrammeFactory(**{"cooldown_minutes": 0, "helper_hourly_limit": 1000, **more})


def stamp(card, cents=None, *, at=TUESDAY, token=None, **more):
    given = {"card": card, "token": token or uuid4(), "by": HELPER, "now": at, **more}
    return add_stamp(amount_cents=cents, **given)


def labels(done):
    return [reward.label for reward in done.rewards]


def test_a_line_says_who_gave_it_where_and_on_which_phone(shop):
    rule()
    line = stamp(CardFactory()).movement
    line.refresh_from_db()
    assert (line.actor_id, line.place, line.device) == (7, "counter", 3)


def test_a_coffee_on_the_way_and_a_meal_at_the_end(shop):
    rule(goal=10, reward="Un repas", steps=[COFFEE])
    card = CardFactory()
    won = [labels(stamp(card)) for _turn in range(10)]
    assert won == [[]] * 4 + [["Un café"]] + [[]] * 4 + [["Un repas"]]
    card.refresh_from_db()
    assert (card.balance, card.rewards_ready) == (0, 2)


def test_a_visit_counts_once_a_day_whatever_is_bought(shop):
    rule(kind=Kind.VISITS, goal=5)
    card = CardFactory()
    stamp(card)
    with pytest.raises(VisitCounted):
        stamp(card, at=TUESDAY + timedelta(hours=3))
    assert stamp(card, at=TUESDAY + timedelta(hours=10)).card.balance == 2


def test_every_euro_counts_and_what_is_over_begins_the_next_round(shop):
    rule(kind=Kind.EUROS, goal=100_00, reward="10 € offerts")
    card = CardFactory()
    assert stamp(card, 37_50).card.balance == 37_50
    done = stamp(card, 180_00)
    assert labels(done) == ["10 € offerts", "10 € offerts"]
    assert done.card.balance == 17_50


@pytest.mark.parametrize("kind", [Kind.EUROS, Kind.POINTS])
def test_without_an_amount_nothing_is_counted(shop, kind):
    rule(kind=kind, goal=100)
    card = CardFactory()
    for cents in (None, 0):
        with pytest.raises(AmountMissing):
            stamp(card, cents)
    assert not card.movements.exists()


def test_points_are_earned_per_euro_and_spent_at_the_counter(shop):
    programme = rule(kind=Kind.POINTS, goal=50, points_per_euro=2, reward="Un dessert")
    card, token = CardFactory(), uuid4()
    assert stamp(card, 29_90).card.balance == 59
    for _twice in range(2):
        given = buy(card=card, offer=programme.main, token=token, by=HELPER, now=TUESDAY)
    assert given.repeated
    card.refresh_from_db()
    assert (card.balance, card.rewards_ready, Redemption.objects.count()) == (9, 0, 1)
    with pytest.raises(TooFewPoints):
        buy(card=card, offer=programme.main, token=uuid4(), by=HELPER, now=TUESDAY)
    with pytest.raises(OfferGone):
        buy(card=card, offer=Offer(5, "Autre"), token=uuid4(), by=HELPER, now=TUESDAY)
    with pytest.raises(TokenSpent):
        buy(card=CardFactory(), offer=programme.main, token=token, by=HELPER, now=TUESDAY)


def test_alcohol_for_points_asks_for_a_proof_of_age_and_takes_nothing_without(shop):
    programme = rule(kind=Kind.POINTS, goal=10, reward="Un verre", reward_is_alcohol=True)
    card = CardFactory()
    stamp(card, 20_00)
    with pytest.raises(IdNotChecked):
        buy(card=card, offer=programme.main, token=uuid4(), by=HELPER, now=TUESDAY)
    assert not Reward.objects.exists()
    buy(card=card, offer=programme.main, token=uuid4(), by=HELPER, now=TUESDAY, id_checked=True)


def test_stamps_are_double_on_tuesday_afternoon_and_nowhere_else(shop):
    rule(bonus_times=2, bonus_days="2", bonus_from=time(14), bonus_until=time(18))
    card = CardFactory()
    ats = (TUESDAY - timedelta(hours=2), TUESDAY, TUESDAY + timedelta(days=1))
    assert [stamp(card, at=at).bonus for at in ats] == [0, 1, 0]
    card.refresh_from_db()
    assert card.balance == 4
    line = card.movements.get(kind=MovementKind.BONUS)
    assert (line.stamps, line.cause) == (1, "hours")
    assert line.follows.kind == MovementKind.EARN


def test_a_gesture_sent_again_tells_the_same_rewards(shop):
    rule(goal=10, reward="Un repas", steps=[COFFEE], bonus_times=5, bonus_days="2")
    card, token = CardFactory(), uuid4()
    assert labels(stamp(card, token=token)) == ["Un café"]
    again = stamp(card, token=token)
    assert (again.repeated, labels(again)) == (True, ["Un café"])


def test_a_threshold_is_won_once_a_round_also_after_an_undo(shop):
    rule(goal=10, reward="Un repas", steps=[COFFEE])
    card = CardFactory()
    for _turn in range(5):
        done = stamp(card)
    Reward.objects.update(step=5)
    undone = undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=TUESDAY)
    assert undone.taken_back == done.rewards
    assert labels(stamp(card)) == ["Un café"]
    assert Reward.objects.ready().count() == 1


def test_a_card_of_points_shows_the_nearest_reward_out_of_reach(shop):
    programme = rule(kind=Kind.POINTS, goal=50, reward="Un dessert", steps=[COFFEE])
    shown = [Standing.of(programme, balance) for balance in (3, 12, 80)]
    assert [(one.aim, one.left_told) for one in shown] == [
        ("Un café", "2 points"),
        ("Un dessert", "38 points"),
        ("Un dessert", "0 point"),
    ]
    assert [prize.reached for prize in shown[1].prizes] == [True, False]
    assert shown[0].main_told == "50 points"
