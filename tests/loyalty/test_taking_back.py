"""To the letter: what an undo and a return take back of what a gesture gave."""

from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Sum

from apps.catalog.queries import spending
from apps.core.actor import Actor
from apps.loyalty.merging import lock_people, merge_records
from apps.loyalty.models import MovementKind
from apps.loyalty.rule import Kind, Offer
from apps.loyalty.services import (
    CountedOtherwise,
    NothingToReturn,
    ReturnTooMuch,
    RewardAlreadyGiven,
    TokenSpent,
    add_stamp,
    give_back,
    redeem,
    undo_stamp,
)
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ProgrammeFactory

HELPER = Actor("team", 7)
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=ZoneInfo("Europe/Paris"))
DAY = timedelta(days=1)
DOUBLE = {"bonus_times": 2, "bonus_days": "1234567"}


def rule(**more):
    return ProgrammeFactory(
        **{"goal": 3, "cooldown_minutes": 0, "helper_hourly_limit": 1000, **more}
    )


def earn(card, cents=None, at=NOW):
    return add_stamp(card=card, token=uuid4(), by=HELPER, now=at, amount_cents=cents)


def undo(done, at=NOW):
    return undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=at)


def bring_back(done, cents=None, at=NOW + DAY, **more):
    given = {"card": done.card, "movement": done.movement, "by": HELPER, "now": at, **more}
    return give_back(amount_cents=cents, **{"token": uuid4(), **given})


def state(card):
    card.refresh_from_db()
    assert card.balance == (card.movements.aggregate(sum=Sum("stamps"))["sum"] or 0)
    assert prove_cards().wrong == 0
    return card.balance, card.rewards_ready


def given(done, at=NOW):
    redeem(reward=done.reward, token=uuid4(), by=HELPER, now=at)


TAKES_BACK = [undo, bring_back]


@pytest.mark.parametrize("take", TAKES_BACK)
def test_units_on_the_balance_come_off(shop, take):
    rule()
    card = CardFactory()
    earn(card)
    take(earn(card))
    assert state(card) == (1, 0)


@pytest.mark.parametrize("take", TAKES_BACK)
def test_a_bonus_comes_off_with_its_gesture(shop, take):
    rule(goal=9, **DOUBLE)
    card = CardFactory()
    earn(card)
    take(earn(card))
    assert state(card) == (2, 0)


@pytest.mark.parametrize("take", TAKES_BACK)
def test_a_reward_that_is_ready_is_broken_up(shop, take):
    rule()
    card = CardFactory()
    done = [earn(card) for _turn in range(3)][-1]
    assert state(card) == (0, 1)
    assert take(done).taken_back == done.rewards
    assert state(card) == (2, 0)


@pytest.mark.parametrize("take", TAKES_BACK)
def test_a_reward_on_the_way_goes_when_the_balance_falls_below_it(shop, take):
    rule(steps=[Offer(2, "Un café").kept()])
    card = CardFactory()
    done = [earn(card) for _turn in range(2)][-1]
    assert take(done).taken_back == done.rewards
    assert state(card) == (1, 0)


def test_an_undo_is_refused_once_the_reward_was_handed_over(shop):
    rule()
    card = CardFactory()
    done = [earn(card) for _turn in range(3)][-1]
    given(done)
    with pytest.raises(RewardAlreadyGiven):
        undo(done)
    assert state(card) == (0, 0)


def test_a_return_lets_go_what_a_reward_handed_over_has_used(shop):
    rule()
    card = CardFactory()
    done = [earn(card) for _turn in range(3)][-1]
    given(done)
    assert bring_back(done).let_go == 1
    assert state(card) == (0, 0)


def test_a_return_after_a_reward_of_another_visit_takes_what_there_is(shop):
    rule(kind=Kind.EUROS, goal=100_00)
    card = CardFactory()
    first = earn(card, 90_00)
    second = earn(card, 30_00, at=NOW + DAY)
    given(second, at=NOW + 2 * DAY)
    back = bring_back(first, at=NOW + 3 * DAY)
    assert (back.movement.stamps, back.let_go) == (-20_00, 70_00)
    assert state(card) == (0, 0)


def test_goods_brought_back_in_part_take_their_share_and_the_last_part_the_rest(shop):
    rule(kind=Kind.POINTS, goal=500, points_per_euro=1, **DOUBLE)
    card = CardFactory()
    done = earn(card, 10_99)
    assert state(card) == (20, 0)
    assert bring_back(done, 5_00).movement.stamps == -9
    assert state(card) == (11, 0)
    with pytest.raises(ReturnTooMuch) as refusal:
        bring_back(done, 6_00)
    assert "5,99" in str(refusal.value)
    bring_back(done)
    assert state(card) == (0, 0)
    with pytest.raises(NothingToReturn):
        bring_back(done)
    assert spending(card.contact, NOW + 2 * DAY).cents == 0


def test_a_stamp_goes_only_when_all_its_goods_came_back(shop):
    rule()
    card = CardFactory()
    done = earn(card, 40_00)
    bring_back(done, 39_00)
    assert state(card) == (1, 0)
    bring_back(done, 1_00)
    assert state(card) == (0, 0)


def test_euros_in_part_break_up_the_reward_they_had_won(shop):
    rule(kind=Kind.EUROS, goal=100_00)
    card = CardFactory()
    done = earn(card, 120_00)
    assert state(card) == (20_00, 1)
    assert bring_back(done, 50_00).taken_back == done.rewards
    assert state(card) == (70_00, 0)


def test_a_return_sent_twice_is_one_and_its_token_is_for_nothing_else(shop):
    rule()
    card, token = CardFactory(), uuid4()
    one, other = earn(card), earn(card)
    for _twice in range(2):
        back = bring_back(one, token=token)
    assert back.repeated
    with pytest.raises(TokenSpent):
        bring_back(other, token=token)
    assert state(card) == (1, 0)


def test_what_was_undone_is_not_returned_and_what_was_returned_not_undone(shop):
    rule()
    card = CardFactory()
    one, other = earn(card), earn(card)
    undo(one)
    bring_back(other, at=NOW)
    one.movement.refresh_from_db()
    for take, done in ((bring_back, one), (undo, other)):
        with pytest.raises(NothingToReturn):
            take(done)
    assert state(card) == (0, 0)


def test_the_visit_of_a_return_took_place(shop):
    rule()
    card = CardFactory()
    bring_back(earn(card, 10_00))
    card.contact.refresh_from_db()
    assert (card.contact.visits, card.contact.last_visit_at) == (1, NOW)


def test_what_was_earned_on_a_card_that_was_merged_comes_off_the_one_that_has_it_now(shop):
    rule(goal=9)
    card, other = CardFactory(), CardFactory()
    done = earn(card)
    earn(other)
    merge_records(*lock_people(card.contact, other.contact), by=HELPER, now=NOW)
    give_back(card=other, movement=done.movement, token=uuid4(), by=HELPER, now=NOW + DAY)
    assert state(other) == (1, 0)
    assert other.movements.filter(kind=MovementKind.RETURN).exists()


def test_what_was_earned_under_another_rule_is_not_taken_back(shop):
    programme = rule()
    card = CardFactory()
    done = earn(card)
    programme.counted_since = NOW + timedelta(minutes=1)
    programme.save()
    for take in TAKES_BACK:
        with pytest.raises(CountedOtherwise):
            take(done)
