"""What the clock does: tiers by the last twelve months, rewards and balances that expire, a
birthday's gift. By the shop's own hour, and never twice."""

from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.core.actor import Actor
from apps.core.models import Due
from apps.loyalty import nights, tasks
from apps.loyalty.models import Card, Movement, MovementKind, Reward
from apps.loyalty.programme import set_programme
from apps.loyalty.rule import TIERS, Tier, months_later
from apps.loyalty.services import RewardExpired, add_stamp, redeem, undo_stamp
from apps.loyalty.verifying import prove_cards
from tests.factories import CardFactory, ContactFactory, ProgrammeFactory

HELPER = Actor("team", 7)
PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=PARIS)
DAY = timedelta(days=1)
LADDER = [Tier(2, "Ami").kept(), Tier(4, "Fidèle").kept()]


@pytest.fixture(autouse=True)
def _paris(shop):
    with timezone.override(PARIS):
        yield


def rule(**more):
    ProgrammeFactory(
        **{"goal": 3, "cooldown_minutes": 0, "helper_hourly_limit": 1000} | more.pop("fixed", {})
    )
    return set_programme(by=HELPER, now=NOON, **more)


def stamp(card, at=NOON):
    return add_stamp(card=card, token=uuid4(), by=HELPER, now=at)


def night(at):
    """The night after ``at``."""
    nights.run(datetime.combine(at.date() + DAY, nights.HOUR, PARIS))
    assert prove_cards().wrong == 0


def fresh(card):
    return Card.objects.get(pk=card.pk)


# --- tiers --------------------------------------------------------------------------------


def test_a_tier_is_reached_at_the_counter_at_once_and_said_once(shop):
    rule(tiers=LADDER)
    card = CardFactory()
    tiers = [stamp(card, NOON + turn * DAY).card.tier for turn in range(5)]
    assert tiers == [0, 1, 1, 2, 2]
    tasks = [job.task["args"] for job in OrmQ.objects.order_by("pk")]
    assert [args[-1] for args in tasks if "heard_tier" in str(args)] == [1, 2]
    assert fresh(card).tier_at == NOON + 3 * DAY


def test_visits_leave_the_twelve_months_one_by_one_and_the_tier_with_them(shop):
    rule(tiers=LADDER)
    card = CardFactory()
    for turn in range(4):
        stamp(card, NOON + turn * 10 * DAY)
    assert fresh(card).look_on == date(2027, 3, 11)
    night(datetime(2027, 3, 9, 12, tzinfo=PARIS))
    assert fresh(card).tier == 2
    night(datetime(2027, 3, 10, 12, tzinfo=PARIS))
    assert (fresh(card).year_visits, fresh(card).tier) == (3, 1)
    assert fresh(card).look_on == date(2027, 3, 21)
    for day in (20, 30, 40):
        night(NOON.replace(year=2027) + day * DAY)
    assert (fresh(card).tier, fresh(card).look_on) == (0, None)


def test_an_undone_visit_is_no_step_towards_a_tier(shop):
    rule(tiers=LADDER)
    card = CardFactory()
    stamp(card)
    done = stamp(card)
    undo_stamp(movement=done.movement, token=uuid4(), by=HELPER, now=NOON)
    assert (fresh(card).year_visits, fresh(card).tier) == (1, 0)


def test_tiers_chosen_today_count_the_year_behind(shop):
    rule()
    card = CardFactory()
    for days in (400, 2, 1, 0):
        stamp(card, NOON - days * DAY)
    set_programme(by=HELPER, now=NOON, tiers=[tier.kept() for tier in TIERS[:1]])
    set_programme(by=HELPER, now=NOON, tiers=LADDER)
    night(NOON)
    assert (fresh(card).year_visits, fresh(card).tier) == (3, 1)


# --- expiry -------------------------------------------------------------------------------


def test_a_reward_may_be_fetched_on_its_last_day_and_not_after(shop):
    rule(reward_days=30)
    card = CardFactory()
    reward = [stamp(card) for _turn in range(3)][-1].reward
    assert reward.last_day == date(2026, 4, 9)
    late = datetime(2026, 4, 10, 0, 5, tzinfo=PARIS)
    with pytest.raises(RewardExpired, match="10 avril"):
        redeem(reward=reward, token=uuid4(), by=HELPER, now=late)
    night(NOON + 29 * DAY)
    assert Reward.objects.ready().exists()
    for _twice in range(2):
        night(NOON + 30 * DAY)
    assert not Reward.objects.ready().exists()
    line = Movement.objects.get(kind=MovementKind.EXPIRE)
    assert (line.stamps, line.follows_id, line.actor_kind) == (0, reward.won_by_id, "system")
    assert fresh(card).rewards_ready == 0


def test_a_reward_handed_over_does_not_expire(shop):
    rule(reward_days=30)
    reward = [stamp(card) for card in [CardFactory()] for _turn in range(3)][-1].reward
    redeem(reward=reward, token=uuid4(), by=HELPER, now=NOON)
    assert not nights.expire_reward(reward.pk, NOON + 60 * DAY)


def test_a_balance_is_over_so_many_months_after_the_last_visit(shop):
    rule(balance_months=6)
    card = CardFactory()
    for at in (NOON, NOON + 20 * DAY):
        stamp(card, at)
    night(datetime(2026, 9, 10, 12, tzinfo=PARIS))
    assert fresh(card).balance == 2
    night(datetime(2026, 9, 30, 12, tzinfo=PARIS))
    night(datetime(2026, 9, 30, 12, tzinfo=PARIS))
    assert fresh(card).balance == 0
    assert card.movements.filter(kind=MovementKind.EXPIRE).count() == 1
    assert stamp(card, datetime(2026, 11, 1, 12, tzinfo=PARIS)).card.balance == 1


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 3, 10), 12, date(2027, 3, 10)),
        (date(2026, 3, 31), -13, date(2025, 2, 28)),
    ],
)
def test_months_are_the_calendars(day, months, then):
    assert months_later(day, months) == then


# --- birthdays ----------------------------------------------------------------------------


def born(day):
    return CardFactory(contact=ContactFactory(birth_date=day))


def test_a_birthday_brings_a_gift_once_a_year(shop):
    rule(birthday_gift="Un café gourmand")
    card, other = born(date(1980, 3, 11)), born(date(1980, 3, 12))
    for _twice in range(2):
        night(NOON)
    gift = Reward.objects.get()
    assert (gift.card, gift.label, gift.last_day) == (card, "Un café gourmand", date(2026, 4, 10))
    assert (fresh(card).rewards_ready, fresh(other).rewards_ready) == (1, 0)
    night(NOON.replace(year=2027))
    assert Reward.objects.filter(card=card).count() == 2
    assert fresh(card).balance == 0


def test_a_gift_of_alcohol_is_not_for_minors(shop):
    rule(birthday_gift="Une bouteille", birthday_is_alcohol=True)
    born(date(2009, 3, 11))
    night(NOON)
    assert not Reward.objects.exists()


# --- when ---------------------------------------------------------------------------------


def test_nights_come_at_the_shops_own_hour_and_only_where_they_change_something(shop):
    programme = rule(tiers=LADDER)
    night(NOON)
    row = Due.objects.get(schema=shop.schema_name, what=nights.DUE)
    assert row.at == datetime(2026, 3, 12, 4, 0, tzinfo=PARIS)
    programme.tiers = []
    programme.save()
    night(NOON)
    row.refresh_from_db()
    assert row.at is None


def test_a_night_that_was_lost_is_found_again(shop):
    rule(tiers=LADDER)
    Due.objects.all().delete()
    tasks.sweep()
    assert Due.objects.get(schema=shop.schema_name, what=nights.DUE).at > timezone.now()
